package access

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// matrix says what each role may: r to read, w to read and write. It is written here a second time, permission by
// permission, so that a change of a role is a decision.
const matrix = `
                            admin operator auditor vulnerabilityManager devSecOps defenderManager cloudAccountManager devOps ci user
radarsContainers            w     w        r       r                    r         -               -                   -      -  -
radarsHosts                 w     w        r       r                    r         -               -                   -      -  -
radarsServerless            w     w        r       r                    r         r               r                   -      -  -
radarsCloud                 w     w        r       r                    r         -               r                   -      -  -
policyContainers            w     w        r       w                    -         -               -                   -      -  -
policyHosts                 w     w        r       w                    -         -               -                   -      -  -
policyServerless            w     w        r       w                    -         -               -                   -      -  -
policyCloud                 w     w        r       w                    -         -               -                   -      -  -
policyComplianceCustomRules w     w        r       w                    -         -               -                   -      -  -
policyRuntimeContainer      w     w        r       -                    -         -               -                   -      -  -
policyRuntimeHosts          w     w        r       -                    -         -               -                   -      -  -
policyRuntimeServerless     w     w        r       -                    -         -               -                   -      -  -
policyCustomRules           w     w        r       -                    -         -               -                   -      -  -
policyWAAS                  w     w        r       -                    -         -               -                   -      -  -
policyCNNF                  w     w        r       -                    -         -               -                   -      -  -
policyAccessSecrets         w     w        r       -                    -         -               -                   -      -  -
policyAccessKubernetes      w     w        r       -                    -         -               -                   -      -  -
monitorVuln                 w     w        r       r                    r         -               -                   r      -  -
monitorCompliance           w     w        r       r                    r         -               -                   r      -  -
monitorImages               w     w        r       r                    r         -               -                   -      -  -
monitorHosts                w     w        r       r                    r         -               -                   -      -  -
monitorServerless           w     w        r       r                    r         r               r                   r      r  -
monitorCloud                w     w        r       r                    r         r               w                   -      -  -
monitorCI                   w     w        r       r                    r         -               -                   r      w  -
monitorRuntimeContainers    w     w        r       -                    r         -               -                   -      -  -
monitorRuntimeHosts         w     w        r       -                    r         -               -                   -      -  -
monitorRuntimeServerless    w     w        r       -                    r         -               -                   -      -  -
monitorRuntimeIncidents     w     w        r       -                    r         -               -                   -      -  -
sandbox                     w     w        r       -                    r         -               -                   -      -  -
monitorWAAS                 w     w        r       -                    r         -               -                   -      -  -
monitorCNNF                 w     w        r       -                    r         -               -                   -      -  -
monitorAccessDocker         w     w        r       -                    r         -               -                   -      -  -
monitorAccessKubernetes     w     w        r       -                    r         -               -                   -      -  -
systemLogs                  w     w        r       -                    -         -               -                   -      -  -
manageDefenders             w     w        r       -                    -         w               -                   -      -  -
manageAlerts                w     w        r       -                    -         -               -                   -      -  -
collections                 w     w        r       r                    r         r               r                   -      -  -
manageCreds                 w     w        r       -                    -         -               w                   -      -  -
authConfiguration           w     r        r       -                    -         -               -                   -      -  -
userManagement              w     r        r       -                    -         -               -                   -      -  -
systemOperations            w     r        r       -                    -         -               -                   -      -  -
privilegedOperations        w     r        -       -                    -         -               -                   -      -  -
downloads                   w     w        r       r                    r         r               r                   r      r  -
accessUI                    w     w        w       w                    w         w               w                   w      -  -
uIEventSubscriber           w     w        w       w                    w         w               w                   w      -  -
`

func TestPrincipalsOfRoles(t *testing.T) {
	w := newWorld(t)
	lines := strings.Split(strings.TrimSpace(matrix), "\n")
	roles := strings.Fields(lines[0])
	if len(lines)-1 != len(api.PermNames()) || len(roles) != len(api.SystemRoles()) {
		t.Fatalf("the matrix has %d permissions and %d roles, the Console %d and %d", len(lines)-1, len(roles), len(api.PermNames()), len(api.SystemRoles()))
	}
	for column, name := range roles {
		w.addUser(api.User{Username: "u-" + name, Role: name})
		p, err := w.who(basic("u-"+name, rootPassword))
		if err != nil {
			t.Fatal(err)
		}
		want := map[api.PermName]bool{route.AnyUser: true}
		for _, line := range lines[1:] {
			cells := strings.Fields(line)
			if cell := cells[column+1]; cell != "-" {
				want[api.PermName(cells[0])] = cell == "w"
			}
		}
		if diff := cmp.Diff(want, p.Permissions); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		if p.Can(route.Function, false) {
			t.Errorf("%s may speak for a function", name)
		}
	}
}

func TestRoutesOfRoles(t *testing.T) {
	w := newWorld(t)
	for _, r := range api.SystemRoles() {
		w.addUser(api.User{Username: "u-" + r.Name, Role: r.Name})
	}
	defender := bearer(w.DefenderToken(route.FunctionIdentity{Function: "f"}))
	for _, r := range w.Routes() {
		if r.Permission == route.Nobody {
			continue
		}
		call := request{method: r.Method, path: strings.NewReplacer("{", "", "}", "").Replace(r.Path)}
		if _, err := w.do(t.Context(), call); autodefend.ErrorCode(err) != autodefend.CodeDenied {
			t.Errorf("%s %s without authentication: %v", r.Method, r.Path, err)
		}
		call.auth = defender
		if _, err := w.do(t.Context(), call); autodefend.ErrorCode(err) != autodefend.CodeDenied {
			t.Errorf("%s %s for a Defender: %v", r.Method, r.Path, err)
		}
		if r.Permission == route.AnyUser {
			continue
		}
		for _, role := range api.SystemRoles() {
			p, err := w.who(basic("u-"+role.Name, rootPassword))
			if err != nil {
				t.Fatal(err)
			}
			may := slices.ContainsFunc(role.Perms, func(x api.RolePermission) bool { return x.Name == r.Permission && (x.ReadWrite || !r.Write) })
			if p.Can(r.Permission, r.Write) != may {
				t.Errorf("%s %s for %s: %v", r.Method, r.Path, role.Name, !may)
			}
		}
	}
}

func TestRoles(t *testing.T) {
	w := newWorld(t)
	w.must(request{method: "POST", path: "/rbac/roles", auth: asRoot(), body: `{"name":"Watch","description":"d","perms":[{"name":"monitorWAAS"},{"name":"user","readWrite":true}],"system":true}`})
	w.addUser(api.User{Username: "ann", Role: "Watch"})
	p, err := w.who(basic("ann", rootPassword))
	if err != nil || !maps.Equal(p.Permissions, map[api.PermName]bool{route.AnyUser: true, api.PermMonitorWAAS: false}) {
		t.Fatalf("%+v, %v", p, err)
	}
	session := w.login("ann", rootPassword)
	w.must(request{method: "PUT", path: "/rbac/roles", auth: asRoot(), body: `{"name":"watch","perms":[{"name":"monitorWAAS","readWrite":true}]}`})
	if p, err := w.who(bearer(session)); err != nil || !p.Can(api.PermMonitorWAAS, true) {
		t.Errorf("the changed role has no effect on a session: %+v, %v", p, err)
	}
	list := w.must(request{method: "GET", path: "/rbac/roles", auth: asRoot()}).JSON.([]api.Role)
	last := list[len(list)-1]
	if len(list) != len(api.SystemRoles())+1 || last.Name != "Watch" || last.System || !list[0].System || list[0].Name != "admin" {
		t.Errorf("roles %+v", list)
	}
	refusals := []struct {
		method, path, body string
		code               autodefend.Code
		want               string
	}{
		{"DELETE", "/rbac/roles/watch", "", autodefend.CodeConflict, "in use by user ann"},
		{"DELETE", "/rbac/roles/admin", "", autodefend.CodeConflict, "comes with the Console"},
		{"DELETE", "/rbac/roles/other", "", autodefend.CodeNotFound, "no role"},
		{"PUT", "/rbac/roles", `{"name":"admin"}`, autodefend.CodeConflict, "comes with the Console"},
		{"PUT", "/rbac/roles", `{"name":"other"}`, autodefend.CodeNotFound, "no role"},
		{"POST", "/rbac/roles", `{"name":"ADMIN"}`, autodefend.CodeConflict, "comes with the Console"},
		{"POST", "/rbac/roles", `{"name":"watch"}`, autodefend.CodeConflict, "already"},
		{"POST", "/rbac/roles", `{"name":"Defender"}`, autodefend.CodeInvalid, "role of Defenders"},
		{"POST", "/rbac/roles", `{"perms":[]}`, autodefend.CodeInvalid, "name: is missing"},
		{"POST", "/rbac/roles", `{"name":"x","perms":[{"name":"fly"}]}`, autodefend.CodeInvalid, "perms[0].name"},
		{"POST", "/rbac/roles", `{"name":"x","perms":[{"name":"sandbox"},{"name":"sandbox"}]}`, autodefend.CodeInvalid, "perms[1].name"},
		{"POST", "/rbac/roles", `{"name":"x","perms":"all"}`, autodefend.CodeInvalid, "perms: is a JSON string"},
		{"POST", "/rbac/roles", `{"name":"x","perms":[{"name":"function"}]}`, autodefend.CodeInvalid, "perms[0].name"},
	}
	for _, r := range refusals {
		w.refuses(request{method: r.method, path: r.path, auth: asRoot(), body: r.body}, r.code, r.want)
	}
	w.must(request{method: "DELETE", path: "/users/ann", auth: asRoot()})
	w.must(request{method: "DELETE", path: "/rbac/roles/watch", auth: asRoot()})
}

func TestGroups(t *testing.T) {
	w := newWorld(t)
	w.addCollections("payments", "shop")
	w.addUser(api.User{Username: "Ann", Role: ""})
	w.refuses(request{method: "GET", path: "/current/role", auth: basic("ann", rootPassword)}, autodefend.CodeDenied, "no role")
	// As Terraform's provider sends it.
	w.must(request{method: "POST", path: "/groups", auth: asRoot(), body: `{"_id":"","groupName":"Readers","groupId":"","user":[{"username":"ann"}],"role":"ci","permissions":[{"collections":["shop"]}]}`})
	w.must(request{method: "POST", path: "/groups", auth: asRoot(), body: `{"groupName":"writers","user":{"username":"ANN"},"role":"operator","permissions":{"collections":"payments"}}`})
	p, err := w.who(basic("ann", rootPassword))
	if err != nil || p.Role != "operator" || !slices.Equal(p.Collections, []string{"payments"}) {
		t.Fatalf("%+v, %v", p, err)
	}
	w.must(request{method: "PUT", path: "/groups/readers", auth: asRoot(), body: `{"groupName":"watchers","user":[],"role":"ci"}`})
	names := w.must(request{method: "GET", path: "/groups/names", auth: asRoot()}).JSON
	if diff := cmp.Diff([]string{"watchers", "writers"}, names); diff != "" {
		t.Error(diff)
	}
	for _, r := range []struct {
		method, path, body string
		code               autodefend.Code
		want               string
	}{
		{"POST", "/groups", `{"groupName":"WRITERS"}`, autodefend.CodeConflict, "already"},
		{"POST", "/groups", `{}`, autodefend.CodeInvalid, "groupName: is missing"},
		{"POST", "/groups", `{"groupName":"x","user":[{"username":"nobody"}]}`, autodefend.CodeInvalid, "user[0].username: there's no user"},
		{"POST", "/groups", `{"groupName":"x","user":[{}]}`, autodefend.CodeInvalid, "user[0].username: is missing"},
		{"POST", "/groups", `{"groupName":"x","user":["ann"]}`, autodefend.CodeInvalid, "user: is a JSON string"},
		{"POST", "/groups", `{"groupName":"x","role":"king"}`, autodefend.CodeInvalid, "role: there's no role"},
		{"POST", "/groups", `{"groupName":"x","ldapGroup":true}`, autodefend.CodeInvalid, "ldapGroup"},
		{"PUT", "/groups/nothing", `{}`, autodefend.CodeNotFound, "no group"},
		{"PUT", "/groups/watchers", `{"groupName":"writers"}`, autodefend.CodeConflict, ""},
		{"DELETE", "/groups/nothing", ``, autodefend.CodeNotFound, "no group"},
	} {
		w.refuses(request{method: r.method, path: r.path, auth: asRoot(), body: r.body}, r.code, r.want)
	}
	w.must(request{method: "DELETE", path: "/users/ann", auth: asRoot()})
	groups := w.must(request{method: "GET", path: "/groups", auth: asRoot()}).JSON.([]api.Group)
	if len(groups) != 2 || len(groups[1].User) != 0 || groups[1].User == nil || groups[1].ID != "writers" || groups[1].Owner != "root" {
		t.Errorf("groups %+v", groups)
	}
	w.must(request{method: "DELETE", path: "/groups/writers", auth: asRoot()})
}

func TestCollectionsOfUsers(t *testing.T) {
	only := func(names ...string) api.UserPermissions {
		return api.UserPermissions{{Collections: names, Project: "Central Console"}}
	}
	member := api.GroupUsers{{Username: "ann"}}
	for i, test := range []struct {
		user   api.User
		groups []api.Group
		want   []string
	}{
		{api.User{Role: "auditor"}, nil, nil},
		{api.User{Role: "auditor", Permissions: only()}, nil, nil},
		{api.User{Role: "auditor", Permissions: only("a", "b")}, nil, []string{"a", "b"}},
		{api.User{Role: "auditor", Permissions: only("a", "All")}, nil, nil},
		{api.User{Role: "admin", Permissions: only("a")}, nil, nil},
		{api.User{Role: "auditor"}, []api.Group{{GroupName: "g", User: member, Permissions: only("a")}}, []string{"a"}},
		{api.User{Role: "auditor", Permissions: only("b")}, []api.Group{{GroupName: "g", User: member, Permissions: only("a")}}, []string{"b"}},
		{api.User{Role: "auditor", Permissions: only("All")}, []api.Group{{GroupName: "g", User: member, Permissions: only("a")}}, nil},
		{api.User{Role: "auditor"}, []api.Group{{GroupName: "g", Permissions: only("a")}}, nil},
		{api.User{Role: "auditor"}, []api.Group{{GroupName: "g", User: member, Permissions: only("a")}, {GroupName: "h", User: member, Permissions: only("b")}}, []string{"a", "b"}},
	} {
		test.user.Username = "Ann"
		d := directory{roles: map[string]role{}, groups: test.groups}
		for _, r := range api.SystemRoles() {
			d.addRole(r)
		}
		g, ok := d.grantTo(&user{User: test.user}, nil)
		if !ok || !slices.Equal(g.collections, test.want) {
			t.Errorf("%d: %v, %v; want %v", i, g.collections, ok, test.want)
		}
	}
}

func TestCurrent(t *testing.T) {
	w := newWorld(t)
	w.addCollections("payments", "shop")
	w.addUser(api.User{Username: "ann", Role: "auditor", Permissions: api.UserPermissions{{Collections: api.Names{"shop"}}}})
	ann := bearer(w.login("ann", rootPassword))
	get := func(path, auth string) string {
		return fmt.Sprintf("%s", w.must(request{method: "GET", path: path, auth: auth}).JSON)
	}
	if got := get("/current/collections", ann); got != `[{"name":"shop"}]` {
		t.Errorf("collections %s", got)
	}
	if got := get("/current/collections", asRoot()); got != `[{"name":"payments"} {"name":"shop"}]` {
		t.Errorf("collections %s", got)
	}
	r := w.must(request{method: "GET", path: "/current/role", auth: ann}).JSON.(api.Role)
	if want := roleOf("auditor"); cmp.Diff(want, r) != "" {
		t.Error(cmp.Diff(want, r))
	}
	token := w.must(request{method: "GET", path: "/current/token", auth: ann}).JSON.(api.AuthenticationResponse).Token
	if p, err := w.who(bearer(token)); err != nil || p.Username != "ann" {
		t.Errorf("%+v, %v", p, err)
	}
	w.refuses(request{method: "GET", path: "/current/token", auth: asRoot()}, autodefend.CodeInvalid, "no session")
	if got := get("/current/preferences", ann); got != "{}" {
		t.Errorf("preferences %s", got)
	}
	w.must(request{method: "PUT", path: "/current/preferences", auth: ann, body: ` {"dark": true} `})
	if got := get("/current/preferences", ann); got != `{"dark": true}` {
		t.Errorf("preferences %s", got)
	}
	for _, body := range []string{"", "null", "[]", "7", "{"} {
		w.refuses(request{method: "PUT", path: "/current/preferences", auth: ann, body: body}, autodefend.CodeInvalid, "body")
	}
	if got := w.must(request{method: "GET", path: "/current/projects", auth: ann}).JSON.([]api.UserProject); len(got) != 1 || !got[0].Connected {
		t.Errorf("projects %+v", got)
	}
	if got := get("/current/cloud-account-ids", asRoot()); got != "[]" {
		t.Errorf("accounts %s", got)
	}
	w.inventory = estate{{Account: "2"}, {Account: "1"}, {Account: "2", Region: "r"}, {}}
	if got := get("/current/cloud-account-ids", asRoot()); got != "[1 2]" {
		t.Errorf("accounts %s", got)
	}
	if got := get("/current/cloud-account-ids", ann); got != "[]" {
		t.Errorf("accounts for one who sees a collection only %s", got)
	}
}

type estate []api.Coverage

func (e estate) Coverage(context.Context) ([]api.Coverage, error) { return e, nil }

func roleOf(name string) api.Role {
	for _, r := range api.SystemRoles() {
		if r.Name == name {
			return r
		}
	}
	return api.Role{}
}
