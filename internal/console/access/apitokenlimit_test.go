package access

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// everyWay returns the principals of an API token: as a bearer's, as a password of Basic, and as a session.
func (w *world) everyWay(owner string, token api.APIToken) map[string]func() (route.Principal, error) {
	return map[string]func() (route.Principal, error){
		"bearer": func() (route.Principal, error) { return w.who(bearer(token.Token)) },
		"basic":  func() (route.Principal, error) { return w.who(basic(owner, token.Token)) },
		"session": func() (route.Principal, error) {
			answer, err := w.do(w.t.Context(), request{method: "POST", path: "/authenticate", body: api.AuthenticationRequest{Token: token.Token}})
			if err != nil {
				return route.Principal{}, err
			}
			return w.who(bearer(answer.JSON.(api.AuthenticationResponse).Token))
		},
	}
}

// TestAPITokensKeepToTheProvidersGroups: groups that the provider told of restrict a token as they restrict the login that
// it was made with, and never let it do more.
func TestAPITokensKeepToTheProvidersGroups(t *testing.T) {
	in := func(names ...string) api.UserPermissions { return api.UserPermissions{{Collections: names}} }
	listed := func(role string, collections ...string) api.Group {
		return api.Group{GroupName: "listed", Role: role, Permissions: in(collections...), User: api.GroupUsers{{Username: "bob"}}}
	}
	for name, test := range map[string]struct {
		user    api.User
		groups  []api.Group
		session []string
		// token are the collections it sees, and refused that it opens nothing.
		token   []string
		refused bool
	}{
		"restricted by the provider's group": {
			user: api.User{Role: "auditor"}, groups: []api.Group{{GroupName: "payments team", OIDCGroup: true, Permissions: in("payments")}},
			session: []string{"payments"}, token: []string{"payments"},
		},
		"restricted by itself": {
			user: api.User{Role: "auditor", Permissions: in("shop")}, groups: []api.Group{{GroupName: "payments team", OIDCGroup: true, Permissions: in("payments")}},
			session: []string{"shop"}, token: []string{"shop"},
		},
		"not restricted": {
			user: api.User{Role: "auditor"}, groups: []api.Group{{GroupName: "others", OIDCGroup: true, Permissions: in("payments")}},
		},
		"restricted by the Console's group, widened by the provider's": {
			user:    api.User{Role: "auditor"},
			groups:  []api.Group{listed("", "shop"), {GroupName: "payments team", OIDCGroup: true, Permissions: in("payments")}},
			session: []string{"shop", "payments"}, token: []string{"shop"},
		},
		"the role of the Console's group, restricted by the provider's": {
			groups:  []api.Group{listed("auditor"), {GroupName: "payments team", OIDCGroup: true, Role: "operator", Permissions: in("payments")}},
			session: []string{"payments"}, token: []string{"payments"},
		},
		"nothing in common": {
			groups:  []api.Group{listed("auditor", "shop"), {GroupName: "payments team", OIDCGroup: true, Role: "operator", Permissions: in("payments")}},
			session: []string{"payments"}, refused: true,
		},
		"the role is the provider's": {
			groups:  []api.Group{{GroupName: "payments team", OIDCGroup: true, Role: "auditor", Permissions: in("payments")}},
			session: []string{"payments"}, refused: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, p := withProvider(t)
			w.addCollections("payments", "shop")
			test.user.Username, test.user.AuthType = "bob", api.AuthOIDC
			w.addUser(test.user)
			for _, g := range test.groups {
				w.must(request{method: "POST", path: "/groups", auth: asRoot(), body: g})
			}
			login, err := w.loginOIDC(p, member("bob", "payments team"))
			if err != nil {
				t.Fatal(err)
			}
			session, err := w.who(bearer(login))
			if err != nil || !sameNames(session.Collections, test.session) {
				t.Fatalf("the session sees %q, %v", session.Collections, err)
			}
			token := w.token(bearer(login), api.TokenRequest{Name: "ci"})
			for way, who := range w.everyWay("bob", token) {
				got, err := who()
				if test.refused {
					if autodefend.ErrorCode(err) != autodefend.CodeDenied {
						t.Errorf("%s: let in as %s with %q, %v", way, got.Role, got.Collections, err)
					}
					continue
				}
				if err != nil || !sameNames(got.Collections, test.token) || got.Can(api.PermPolicyWAAS, true) {
					t.Errorf("%s: %s sees %q, %v, want %q and that it writes nothing", way, got.Role, got.Collections, err, test.token)
				}
			}
		})
	}
}

func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// TestAPITokensOfUnknownGroups: a token of a provider's user opens nothing when nobody knows what restricted the login that
// it was made with.
func TestAPITokensOfUnknownGroups(t *testing.T) {
	w, p := withProvider(t)
	w.addUser(api.User{Username: "bob", AuthType: api.AuthOIDC, Role: "auditor"})
	login, err := w.loginOIDC(p, member("bob"))
	if err != nil {
		t.Fatal(err)
	}
	older := w.token(bearer(login), api.TokenRequest{Name: "older"})
	w.rewriteToken(older.ID, func(members map[string]any) { delete(members, "groups") })
	w.addUser(api.User{Username: "ann", Role: "auditor"})
	moved := w.token(basic("ann", rootPassword), api.TokenRequest{Name: "moved"})
	if _, err := w.who(bearer(moved.Token)); err != nil {
		t.Fatal(err)
	}
	w.must(request{method: "PUT", path: "/users", auth: asRoot(), body: api.User{Username: "ann", AuthType: api.AuthOIDC, Role: "auditor"}})
	for owner, token := range map[string]api.APIToken{"bob": older, "ann": moved} {
		for way, who := range w.everyWay(owner, token) {
			if got, err := who(); autodefend.ErrorCode(err) != autodefend.CodeDenied {
				t.Errorf("%s of %s: let in as %s with %q, %v", way, owner, got.Role, got.Collections, err)
			}
		}
	}
	next := w.token(bearer(login), api.TokenRequest{Name: "next"})
	if _, err := w.who(bearer(next.Token)); err != nil {
		t.Errorf("a new token: %v", err)
	}
}

// rewriteToken changes a stored API token.
func (w *world) rewriteToken(id string, change func(members map[string]any)) {
	w.t.Helper()
	d, err := w.store.Document(w.t.Context(), api.KindAPIToken, id)
	if err != nil {
		w.t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(d.Body, &members); err != nil {
		w.t.Fatal(err)
	}
	change(members)
	body, err := json.Marshal(members)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.store.Write(w.t.Context(), []api.DocumentChange{{Kind: d.Kind, ID: d.ID, Version: d.Version, Body: body}}, nil); err != nil {
		w.t.Fatal(err)
	}
}
