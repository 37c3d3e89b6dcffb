package api

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
)

func TestPermissionsOfUsers(t *testing.T) {
	for text, want := range map[string][]string{
		`null`:                            nil,
		`[]`:                              nil,
		`[{"project":"Central Console"}]`: nil,
		`[{"collections":["a","b"]},{"collections":["b","c"]}]`: {"a", "b", "c"},
		`[{"collections":"a"}]`:                                 {"a"},
		`{"collections":["a"],"project":"p"}`:                   {"a"},
		` {"collections":null}`:                                 nil,
		`[{"collections":["a"]},{"collections":["All"]}]`:       nil,
	} {
		var p UserPermissions
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if got := p.Collections(); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	for _, text := range []string{`7`, `"a"`, `[7]`, `{"collections":{}}`, `[{"collections":[{}]}]`} {
		var p UserPermissions
		if err := json.Unmarshal([]byte(text), &p); err == nil {
			t.Errorf("%s: %+v", text, p)
		}
	}
}

func TestNamesOfUsers(t *testing.T) {
	for name, good := range map[string]bool{
		"ann": true, "Ann Müller": true, "ann@example.com": true, `CORP\ann`: true, "a.b-c_d": true,
		"": false, " ann": false, "ann ": false, "a/b": false, "a:b": false, "a\nb": false, "a\x7f": false, "console": false, "CONSOLE": false,
		"\ufffd": false, strings.Repeat("a", 129): false, strings.Repeat("a", 128): true,
	} {
		err := User{Username: name, AuthType: AuthBasic}.Check()
		if (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
		if err != nil && (autodefend.ErrorCode(err) != autodefend.CodeInvalid || !strings.HasPrefix(err.Error(), "username: ")) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestRolesOfTheSystemAreRoles(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range SystemRoles() {
		if err := r.Check(); err != nil || !r.System || r.Description == "" || seen[r.Name] {
			t.Errorf("%+v: %v", r, err)
		}
		seen[r.Name] = true
	}
	if admin := SystemRoles()[0]; admin.Name != RoleAdministrator || len(admin.Perms) != len(PermNames()) {
		t.Errorf("the first role is %s with %d permissions", admin.Name, len(admin.Perms))
	}
}

func TestRoleRoundTrip(t *testing.T) {
	const text = `{"description":"d","name":"r","perms":[{"name":"radarsServerless","readWrite":true},{"name":"monitorWAAS"}]}`
	var r Role
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text, string(raw)); diff != "" {
		t.Error(diff)
	}
}

func TestTokenRequests(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	for want, r := range map[string]TokenRequest{
		"":            {Name: "t", Expires: now.Add(time.Hour), Scopes: []RolePermission{{Name: PermSandbox}}},
		"name":        {},
		"expires: is": {Name: "t", Expires: now},
		"scopes[1]":   {Name: "t", Scopes: []RolePermission{{Name: PermSandbox}, {Name: "x"}}},
		"scopes: has": {Name: "t", Scopes: slices.Repeat([]RolePermission{{Name: PermSandbox}}, 100)},
	} {
		err := r.Check(now)
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%+v: %v, want %q", r, err, want)
		}
	}
}

// FuzzUser reads users and groups: whatever is read is written so that it's read as the same.
func FuzzUser(f *testing.F) {
	f.Add(`{"username":"ann","permissions":[{"collections":["a"],"project":"p"}],"role":"admin"}`)
	f.Add(`{"groupName":"g","user":{"username":"ann"},"permissions":{"collections":"a"}}`)
	f.Add(`{"lastModified":"0001-01-01T00:00:00Z","permissions":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		roundTrip[User](t, text)
		roundTrip[Group](t, text)
		roundTrip[Role](t, text)
	})
}

func roundTrip[T any](t *testing.T, text string) {
	t.Helper()
	var v T
	if json.Unmarshal([]byte(text), &v) != nil {
		return
	}
	first, err := json.Marshal(v)
	if err != nil {
		return // a year that can't be written
	}
	var again T
	if err := json.Unmarshal(first, &again); err != nil {
		t.Fatalf("%s: %v", first, err)
	}
	second, err := json.Marshal(again)
	if err != nil || string(first) != string(second) {
		t.Errorf("%s became %s, %v", first, second, err)
	}
}
