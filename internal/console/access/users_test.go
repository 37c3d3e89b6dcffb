package access

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

func TestUsersComeBackWithoutPasswords(t *testing.T) {
	w := newWorld(t)
	w.addCollections("payments")
	// As Terraform's provider sends it.
	w.must(request{method: "POST", path: "/users", auth: asRoot(), body: `{"username":"Ann","password":"` + rootPassword +
		`","role":"auditor","authType":"basic","permissions":[{"project":"Central Console","collections":["payments"]}],"lastModified":"0001-01-01T00:00:00Z"}`})
	answer := w.must(request{method: "GET", path: "/users", auth: asRoot()})
	raw, err := json.Marshal(answer.JSON)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"authType":"basic","lastModified":"2026-03-01T12:00:00Z","permissions":[{"collections":["payments"],"project":"Central Console"}],"role":"auditor","username":"Ann"},` +
		`{"authType":"basic","lastModified":"2026-03-01T12:00:00Z","role":"admin","username":"root"}]`
	if diff := cmp.Diff(want, string(raw)); diff != "" {
		t.Error(diff)
	}
	if answer.Header["Total-Count"] != "2" {
		t.Errorf("header %v", answer.Header)
	}
	p, err := w.who(basic("ann", rootPassword))
	if err != nil || !cmp.Equal(p.Collections, []string{"payments"}) {
		t.Errorf("principal %+v, %v", p, err)
	}
}

func TestWritesAnswerWithNothing(t *testing.T) {
	w := newWorld(t)
	for _, r := range []request{
		{method: "POST", path: "/users", body: api.User{Username: "ann", Role: "auditor", Password: rootPassword}},
		{method: "PUT", path: "/users", body: api.User{Username: "ann", Role: "operator"}},
		{method: "POST", path: "/groups", body: api.Group{GroupName: "g", User: api.GroupUsers{{Username: "ann"}}}},
		{method: "PUT", path: "/groups/g", body: api.Group{GroupName: "h"}},
		{method: "DELETE", path: "/groups/h"},
		{method: "POST", path: "/rbac/roles", body: api.Role{Name: "r"}},
		{method: "PUT", path: "/rbac/roles", body: api.Role{Name: "r", Description: "d"}},
		{method: "DELETE", path: "/rbac/roles/r"},
		{method: "DELETE", path: "/users/ann"},
		{method: "POST", path: "/settings/logon", body: api.LogonSettings{SessionTimeoutSec: 60}},
		{method: "PUT", path: "/current/preferences", body: `{"dark":true}`},
	} {
		r.auth = asRoot()
		if answer := w.must(r); answer.JSON != nil || answer.Raw != nil || answer.Status != 0 {
			t.Errorf("%s %s answers %+v", r.method, r.path, answer)
		}
	}
}

func TestUserWritesRefuse(t *testing.T) {
	w := newWorld(t)
	w.addUser(api.User{Username: "ann", Role: "auditor"})
	good := `"password":"` + rootPassword + `","role":"auditor"`
	for _, test := range []struct {
		name, method, path, body string
		code                     autodefend.Code
		want                     string
	}{
		{"no name", "POST", "/users", `{` + good + `}`, autodefend.CodeInvalid, "username: is missing"},
		{"a slash in the name", "POST", "/users", `{"username":"a/b",` + good + `}`, autodefend.CodeInvalid, "username: has a slash"},
		{"a colon in the name", "POST", "/users", `{"username":"a:b",` + good + `}`, autodefend.CodeInvalid, "username: has a slash, a colon"},
		{"the Console's name", "POST", "/users", `{"username":"Console",` + good + `}`, autodefend.CodeInvalid, "username:"},
		{"a space before the name", "POST", "/users", `{"username":" a",` + good + `}`, autodefend.CodeInvalid, "username: begins"},
		{"a long name", "POST", "/users", `{"username":"` + strings.Repeat("a", 200) + `",` + good + `}`, autodefend.CodeInvalid, "username: has 200 bytes"},
		{"a name that is there", "POST", "/users", `{"username":"ANN",` + good + `}`, autodefend.CodeConflict, "username: there is"},
		{"no password", "POST", "/users", `{"username":"bob","role":"auditor"}`, autodefend.CodeInvalid, "password: is missing"},
		{"a short password", "POST", "/users", `{"username":"bob","role":"auditor","password":"1234567"}`, autodefend.CodeInvalid, "password: has fewer"},
		{"a frequent password", "POST", "/users", `{"username":"bob","role":"auditor","password":"Password123!"}`, autodefend.CodeInvalid, "password: is one of the most frequent"},
		{"the name as password", "POST", "/users", `{"username":"bobthebuilder","role":"auditor","password":"BobTheBuilder"}`, autodefend.CodeInvalid, "password: is the user's name"},
		{"an unknown role", "POST", "/users", `{"username":"bob","role":"king","password":"` + rootPassword + `"}`, autodefend.CodeInvalid, `role: there's no role "king"`},
		{"the role of Defenders", "POST", "/users", `{"username":"bob","role":"defender","password":"` + rootPassword + `"}`, autodefend.CodeInvalid, "role: there's no role"},
		{"an unknown collection", "POST", "/users", `{"username":"bob",` + good + `,"permissions":[{"collections":["x"]}]}`, autodefend.CodeInvalid, "permissions.collections: there's no"},
		{"collections of another type", "POST", "/users", `{"username":"bob",` + good + `,"permissions":[{"collections":7}]}`, autodefend.CodeInvalid, "is a JSON number"},
		{"LDAP", "POST", "/users", `{"username":"bob","authType":"ldap",` + good + `}`, autodefend.CodeInvalid, "authType:"},
		{"a password for a provider's user", "POST", "/users", `{"username":"bob","authType":"oidc",` + good + `}`, autodefend.CodeInvalid, "password: users of an OpenID"},
		{"change of nobody", "PUT", "/users", `{"username":"bob",` + good + `}`, autodefend.CodeNotFound, `there's no user "bob"`},
		{"removal of nobody", "DELETE", "/users/bob", "", autodefend.CodeNotFound, `there's no user "bob"`},
		{"removal of the last administrator", "DELETE", "/users/root", "", autodefend.CodeConflict, "the last administrator"},
		{"demotion of the last administrator", "PUT", "/users", `{"username":"root","role":"auditor"}`, autodefend.CodeConflict, "the last administrator"},
		{"the last administrator to a provider", "PUT", "/users", `{"username":"root","role":"admin","authType":"oidc"}`, autodefend.CodeConflict, "the last administrator"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w.t = t
			before, err := w.store.Generation(t.Context(), api.KindUser, api.KindSettings)
			if err != nil {
				t.Fatal(err)
			}
			w.refuses(request{method: test.method, path: test.path, auth: asRoot(), body: test.body}, test.code, test.want)
			if after, _ := w.store.Generation(t.Context(), api.KindUser, api.KindSettings); after != before {
				t.Error("something was written")
			}
		})
	}
}

func TestChangesEndSessionsAtOnceOnEveryReplica(t *testing.T) {
	for name, change := range map[string]request{
		"role":         {method: "PUT", path: "/users", body: api.User{Username: "ann", Role: "ci"}},
		"password":     {method: "PUT", path: "/users", body: api.User{Username: "ann", Role: "operator", Password: "another mountain"}},
		"collections":  {method: "PUT", path: "/users", body: api.User{Username: "ann", Role: "operator", Permissions: api.UserPermissions{{Collections: api.Names{"payments"}}}}},
		"removal":      {method: "DELETE", path: "/users/ann"},
		"own password": {method: "PUT", path: "/users/password", auth: basic("ann", rootPassword), body: api.UserPassword{OldPassword: rootPassword, NewPassword: "another mountain"}},
		"her logout":   {method: "DELETE", path: "/sessions/"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.addUser(api.User{Username: "ann", Role: "operator"})
			w.addCollections("payments")
			other := w.replica()
			token := w.login("ann", rootPassword)
			w.must(request{method: "PUT", path: "/users", auth: asRoot(), body: api.User{Username: "ann", Role: "operator", Description: "changes nothing that counts"}})
			for _, s := range []*Service{w.Service, other} { // both have it in memory
				p, err := s.Authenticate(t.Context(), Request{Authorization: bearer(token)})
				if err != nil || p.Role != "operator" {
					t.Fatalf("%+v, %v", p, err)
				}
				if name == "her logout" {
					change.path = "/sessions/" + p.Session
				}
			}
			if change.auth == "" {
				change.auth = asRoot()
			}
			w.must(change)
			for _, s := range []*Service{w.Service, other} {
				if p, err := s.Authenticate(t.Context(), Request{Authorization: bearer(token)}); autodefend.ErrorCode(err) != autodefend.CodeDenied {
					t.Errorf("still in: %+v, %v", p, err)
				}
			}
		})
	}
}

func TestAnotherUserOfTheSameNameGetsNothingOfTheFirst(t *testing.T) {
	w := newWorld(t)
	w.addUser(api.User{Username: "ann", Role: "operator"})
	session := w.login("ann", rootPassword)
	token := w.must(request{method: "POST", path: "/api-tokens", auth: bearer(session), body: api.TokenRequest{Name: "t"}}).JSON.(api.APIToken).Token
	w.must(request{method: "PUT", path: "/current/preferences", auth: bearer(session), body: `{"a":1}`})
	w.must(request{method: "DELETE", path: "/users/ann", auth: asRoot()})
	w.addUser(api.User{Username: "ann", Role: "admin"})
	for _, auth := range []string{bearer(session), bearer(token)} {
		if p, err := w.who(auth); err == nil {
			t.Errorf("%s lets in %+v", auth, p)
		}
	}
	answer := w.must(request{method: "GET", path: "/current/preferences", auth: basic("ann", rootPassword)})
	if got := string(answer.JSON.(json.RawMessage)); got != "{}" {
		t.Errorf("preferences %s", got)
	}
}

func TestTokenOfAnEarlierUserOpensNothing(t *testing.T) {
	w := newWorld(t)
	made := w.token(asRoot(), api.TokenRequest{Name: "t"})
	d, err := w.store.Document(t.Context(), api.KindAPIToken, made.ID)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := read[apiToken](d)
	if err != nil {
		t.Fatal(err)
	}
	stored.OwnerUID = "another root's"
	body, _ := json.Marshal(stored)
	if err := w.store.Write(t.Context(), []api.DocumentChange{{Kind: d.Kind, ID: d.ID, Version: d.Version, Body: body}}, nil); err != nil {
		t.Fatal(err)
	}
	if p, err := w.who(bearer(made.Token)); err == nil {
		t.Errorf("lets in %+v", p)
	}
}

func TestOneOfTwoAdministratorsStaysWhenBothGoAtOnce(t *testing.T) {
	for round := range 6 {
		w := newWorld(t)
		w.addUser(api.User{Username: "ann", Role: "admin"})
		if _, err := w.who(asRoot()); err != nil {
			t.Fatal(err)
		}
		root, ann := asRoot(), basic("ann", rootPassword)
		replicas := []*Service{w.Service, w.replica()}
		var wg sync.WaitGroup
		for i, name := range []string{"root", "ann"} {
			auth := []string{root, ann}[(i+round)%2]
			wg.Go(func() {
				_, _ = replicas[i].do(t.Context(), request{method: "DELETE", path: "/users/" + name, auth: auth})
			})
		}
		wg.Wait()
		users, err := readAll[user](t.Context(), w.Service, api.KindUser)
		if err != nil || len(users) == 0 {
			t.Fatalf("round %d: %d administrators are left, %v", round, len(users), err)
		}
	}
}

func TestOwnPassword(t *testing.T) {
	w := newWorld(t)
	w.addUser(api.User{Username: "ann", Role: "user"})
	put := func(auth string, p api.UserPassword) request {
		return request{method: "PUT", path: "/users/password", auth: auth, body: p}
	}
	ann := basic("ann", rootPassword)
	w.refuses(put(ann, api.UserPassword{OldPassword: "x", NewPassword: "another mountain"}), autodefend.CodeDenied, "oldPassword: is wrong")
	w.refuses(put(ann, api.UserPassword{OldPassword: rootPassword, NewPassword: "short"}), autodefend.CodeInvalid, "newPassword: has fewer")
	w.refuses(put(ann, api.UserPassword{OldPassword: rootPassword, NewPassword: rootPassword}), autodefend.CodeInvalid, "newPassword: is the old one")
	w.must(put(ann, api.UserPassword{OldPassword: rootPassword, NewPassword: "another mountain"}))
	w.login("ann", "another mountain")
	audits := w.audits(api.MgmtUser)
	last := audits[len(audits)-1]
	if last.Username != "ann" || !strings.Contains(last.Diff, "password") || strings.Contains(last.Diff, "argon2") || strings.Contains(last.Diff, "mountain") {
		t.Errorf("audit %+v", last)
	}
}

func TestNobodyGivesMoreThanItHas(t *testing.T) {
	w := newWorld(t)
	w.addCollections("payments", "shop")
	w.must(request{method: "POST", path: "/rbac/roles", auth: asRoot(), body: api.Role{Name: "personnel", Perms: []api.RolePermission{
		{Name: api.PermUserManagement, ReadWrite: true}, {Name: api.PermMonitorServerless}, {Name: api.PermDownloads}, {Name: api.PermMonitorCI, ReadWrite: true},
	}}})
	w.addUser(api.User{Username: "pat", Role: "personnel", Permissions: api.UserPermissions{{Collections: api.Names{"payments"}}}})
	w.addUser(api.User{Username: "ann", Role: "operator"})
	pat := basic("pat", rootPassword)
	payments := api.UserPermissions{{Collections: api.Names{"payments"}}}
	for _, r := range []request{
		{method: "POST", path: "/users", body: api.User{Username: "x", Role: "admin", Password: rootPassword, Permissions: payments}},
		{method: "PUT", path: "/users", body: api.User{Username: "pat", Role: "admin", Permissions: payments}},
		{method: "PUT", path: "/users", body: api.User{Username: "root", Role: "ci", Password: "another mountain", Permissions: payments}},
		{method: "PUT", path: "/users", body: api.User{Username: "ann", Role: "ci", Password: "another mountain", Permissions: payments}},
		{method: "DELETE", path: "/users/ann"},
		{method: "POST", path: "/users", body: api.User{Username: "x", Role: "ci", Password: rootPassword}},
		{method: "POST", path: "/users", body: api.User{Username: "x", Role: "ci", Password: rootPassword, Permissions: api.UserPermissions{{Collections: api.Names{"shop"}}}}},
		{method: "POST", path: "/users", body: api.User{Username: "x", Role: "ci", Password: rootPassword, Permissions: api.UserPermissions{{Collections: api.Names{"All", "payments"}}}}},
		{method: "POST", path: "/groups", body: api.Group{GroupName: "g", Role: "admin", Permissions: payments}},
		{method: "POST", path: "/rbac/roles", body: api.Role{Name: "r", Perms: []api.RolePermission{{Name: api.PermMonitorServerless, ReadWrite: true}}}},
		{method: "PUT", path: "/rbac/roles", body: api.Role{Name: "personnel", Perms: []api.RolePermission{{Name: api.PermManageCreds}}}},
	} {
		r.auth = pat
		w.refuses(r, autodefend.CodeDenied, "you")
	}
	w.must(request{method: "POST", path: "/users", auth: pat, body: api.User{Username: "x", Role: "ci", Password: rootPassword, Permissions: payments}})
}

func TestUsersOfStoredFormatAreRead(t *testing.T) {
	w := newWorld(t)
	u, version, err := w.storedUser(t.Context(), "Root")
	if err != nil || version != 1 {
		t.Fatal(version, err)
	}
	if !strings.HasPrefix(u.Hash, "$argon2id$v=19$m=") || u.Password != "" || u.UID == "" || u.Epoch == "" {
		t.Errorf("stored %+v", u)
	}
}

func TestStrongPassword(t *testing.T) {
	for _, test := range []struct {
		password string
		strong   bool
		want     string
	}{
		{"a mountain of gravel", false, ""},
		{"a mountain of gravel", true, "needs a lower"},
		{"A mountain of 7 gravels", true, ""},
		{"AmountainOf7gravels", true, "needs a lower"},
		{"Ä mountain öf 7 grävels", true, ""},
		{strings.Repeat("a mountain of gravel ", 12), false, ""},
		{"ääääääää", false, "most frequent"},
		{"aaaaaaaaaaaa", false, "most frequent"},
		{"letmein2026!", false, "most frequent"},
		{"abc\xff\xfe\xfdabcdef", false, "UTF-8"},
		{strings.Repeat("ab", 200), false, "more than"},
		{"日本語日本語", false, "fewer than"},
		{"日本語日本語の暗号", false, ""},
	} {
		err := checkPassword("password", test.password, "ann", []string{"example"}, test.strong)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%q, strong %v: %v, want %q", test.password, test.strong, err, test.want)
		}
	}
}

func TestBootstrap(t *testing.T) {
	w := emptyWorld(t)
	if status := w.must(request{method: "GET", path: "/settings/initialized"}).JSON.(api.InitStatus); status.Initialized {
		t.Error("initialized")
	}
	if _, made, err := w.Bootstrap(t.Context(), "admin", "password"); made || autodefend.ErrorCode(err) != autodefend.CodeInvalid {
		t.Errorf("a weak password: %v, %v", made, err)
	}
	password, made, err := w.Bootstrap(t.Context(), "admin", "")
	if err != nil || !made || len(password) < 20 {
		t.Fatalf("%q, %v, %v", password, made, err)
	}
	w.login("admin", password)
	if again, made, err := w.replica().Bootstrap(t.Context(), "admin", ""); again != "" || made || err != nil {
		t.Errorf("a second time: %v, %v", made, err)
	}
	if status := w.must(request{method: "GET", path: "/settings/initialized"}).JSON.(api.InitStatus); !status.Initialized {
		t.Error("not initialized")
	}
}

func TestSignupMakesOneAdministratorOnly(t *testing.T) {
	w := emptyWorld(t)
	w.refuses(request{method: "POST", path: "/signup", body: `{"username":"","password":"x"}`}, autodefend.CodeInvalid, "username")
	var wg sync.WaitGroup
	made := make(chan string, 8)
	for i := range cap(made) {
		name := fmt.Sprintf("user%d", i)
		s := w.replica()
		wg.Go(func() {
			_, err := s.do(t.Context(), request{method: "POST", path: "/signup", body: api.AuthenticationRequest{Username: name, Password: rootPassword}})
			if err == nil {
				made <- name
			} else if autodefend.ErrorCode(err) != autodefend.CodeDenied {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	close(made)
	if len(made) != 1 {
		t.Fatalf("%d administrators", len(made))
	}
	w.login(<-made, rootPassword)
	w.refuses(request{method: "POST", path: "/signup", body: api.AuthenticationRequest{Username: "late", Password: rootPassword}}, autodefend.CodeDenied, "administrator already")
}

func TestNobodySetsHisPasswordWithoutTheOldOne(t *testing.T) {
	w := newWorld(t)
	session := w.login("root", rootPassword)
	token := w.token(asRoot(), api.TokenRequest{Name: "t"}).Token
	change := api.User{Username: "ROOT", Role: "admin", Password: "another mountain"}
	for _, auth := range []string{bearer(session), bearer(token), asRoot()} {
		w.refuses(request{method: "PUT", path: "/users", auth: auth, body: change}, autodefend.CodeDenied, "takes the old one")
	}
	w.login("root", rootPassword)
	w.must(request{method: "PUT", path: "/users", auth: bearer(token), body: api.User{Username: "root", Role: "admin", Description: "d"}})
	w.addUser(api.User{Username: "ann", Role: "admin"})
	w.must(request{method: "PUT", path: "/users", auth: basic("ann", rootPassword), body: change})
	w.login("root", "another mountain")
}

// manager adds pat, who manages users and sees payments only, and returns her authorization.
func (w *world) manager() string {
	w.t.Helper()
	w.addCollections("payments", "shop")
	w.must(request{method: "POST", path: "/rbac/roles", auth: asRoot(), body: api.Role{Name: "personnel", Perms: []api.RolePermission{
		{Name: api.PermUserManagement, ReadWrite: true}, {Name: api.PermMonitorServerless}, {Name: api.PermDownloads}, {Name: api.PermMonitorCI, ReadWrite: true},
	}}})
	w.addUser(api.User{Username: "pat", Role: "personnel", Permissions: api.UserPermissions{{Collections: api.Names{"payments"}}}})
	return basic("pat", rootPassword)
}

func TestLimitedManagersKeepToTheirCollections(t *testing.T) {
	w := newWorld(t)
	pat := w.manager()
	in := func(names ...string) api.UserPermissions { return api.UserPermissions{{Collections: names}} }
	w.addUser(api.User{Username: "all", Role: "ci"})
	w.addUser(api.User{Username: "shop", Role: "ci", Permissions: in("shop")})
	w.addUser(api.User{Username: "both", Role: "ci", Permissions: in("payments", "shop")})
	w.addUser(api.User{Username: "by group"})
	w.addUser(api.User{Username: "seen by group", Role: "ci"})
	w.addUser(api.User{Username: "mighty by group", Role: "ci", Permissions: in("payments")})
	w.addUser(api.User{Username: "hers", Role: "ci", Permissions: in("payments")})
	w.addUser(api.User{Username: "nobody"})
	groups := []api.Group{
		{GroupName: "builders", Role: "ci", User: api.GroupUsers{{Username: "by group"}}},
		{GroupName: "shop", Permissions: in("shop"), User: api.GroupUsers{{Username: "seen by group"}}},
		{GroupName: "admins", Role: "operator", User: api.GroupUsers{{Username: "mighty by group"}}},
		{GroupName: "payments", Role: "ci", Permissions: in("payments")},
	}
	for _, g := range groups {
		w.must(request{method: "POST", path: "/groups", auth: asRoot(), body: g})
	}
	for _, name := range []string{"all", "shop", "both", "by group", "seen by group"} {
		for _, u := range []api.User{
			{Username: name, Role: "ci", Password: "another mountain", Permissions: in("payments")},
			{Username: name, Role: "ci", Permissions: in("payments")},
		} {
			w.refuses(request{method: "PUT", path: "/users", auth: pat, body: u}, autodefend.CodeDenied, "the user sees collections that you don't")
		}
		w.refuses(request{method: "DELETE", path: "/users/" + name, auth: pat}, autodefend.CodeDenied, "the user sees collections that you don't")
	}
	// Without a role of her own she would be an operator by her group.
	w.refuses(request{method: "PUT", path: "/users", auth: pat, body: api.User{
		Username: "mighty by group", Password: "another mountain", Permissions: in("payments"),
	}}, autodefend.CodeDenied, "the role may do what you may not")
	for _, r := range []request{
		{method: "POST", path: "/groups", body: api.Group{GroupName: "g", Role: "ci", Permissions: in("payments")}},
		{method: "PUT", path: "/groups/payments", body: api.Group{Role: "ci", Permissions: in("payments")}},
		{method: "DELETE", path: "/groups/shop"},
	} {
		r.auth = pat
		w.refuses(r, autodefend.CodeDenied, "doesn't write groups")
	}
	for _, name := range []string{"hers", "nobody"} {
		w.must(request{method: "PUT", path: "/users", auth: pat, body: api.User{Username: name, Role: "ci", Password: "another mountain", Permissions: in("payments")}})
		w.login(name, "another mountain")
	}
	w.must(request{method: "DELETE", path: "/users/hers", auth: pat})
}
