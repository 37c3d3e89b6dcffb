package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/rest"
	"github.com/autodefend/autodefend/internal/console/route"
)

var updateReference = flag.Bool("update", false, "rewrite docs/reference")

// referenceFile compares a page of docs/reference with what it should be, or rewrites it.
func referenceFile(t *testing.T, name string, want []byte) {
	t.Helper()
	path := filepath.Join("../../docs/reference", name)
	if *updateReference {
		if err := os.WriteFile(path, want, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), string(want)); diff != "" {
		t.Errorf("%s isn't current: run go test ./cmd/autodefend -run TestReference -update\n(-have +want):\n%.3000s", path, diff)
	}
}

// TestReferenceIsCurrent: the OpenAPI document and the page are what the routes say.
func TestReferenceIsCurrent(t *testing.T) {
	table := testServices(t).routes()
	document, err := rest.OpenAPI(table, "v1")
	if err != nil {
		t.Fatal(err)
	}
	referenceFile(t, "openapi.json", document)
	referenceFile(t, "api.md", rest.Reference(table))
}

// TestRoutesAreWhole: every route says what it takes and gives.
func TestRoutesAreWhole(t *testing.T) {
	table := testServices(t).routes()
	if err := rest.Check(table); err != nil {
		t.Fatal(err)
	}
	known := append(api.PermNames(), route.Nobody, route.AnyUser, route.Function)
	for _, r := range table {
		name := r.Method + " " + r.Path
		if !slices.Contains(known, r.Permission) {
			t.Errorf("%s: there is no permission %q", name, r.Permission)
		}
		if r.Method == "GET" && r.Response == nil && !slices.ContainsFunc(nothingThere(), func(prefix string) bool { return strings.HasPrefix(r.Path, prefix) }) {
			t.Errorf("%s returns nothing", name)
		}
		if r.Permission == route.Nobody && !slices.Contains(openToAll(), name) {
			t.Errorf("%s is open to all", name)
		}
		for _, p := range r.Query {
			if !slices.Contains([]string{"string", "integer", "boolean", "time"}, p.Type) {
				t.Errorf("%s: parameter %s has the type %q", name, p.Name, p.Type)
			}
		}
	}
}

// nothingThere are paths that tell clients why there is nothing for them.
func nothingThere() []string {
	return []string{"/util/", "/defenders/image-name", "/defenders/install-bundle"}
}

// openToAll are the routes without authentication.
func openToAll() []string {
	return []string{
		"GET /_ping", "POST /authenticate", "POST /authenticate-client", "POST /signup", "GET /settings/initialized",
		"GET /authenticate/identity-redirect-url", "GET /authenticate/callback/oidc",
	}
}

// TestRolesAndRoutes: a user of each system role gets at exactly the routes whose permission the role has, a Defender at
// its own and nobody at any that isn't open. The outcome is a page of the documentation, so that a change is seen.
func TestRolesAndRoutes(t *testing.T) {
	w := newConsoleWorld(t, func(table []route.Route) {
		for i := range table {
			if !strings.HasPrefix(table[i].Path, "/authenticate") && !strings.HasPrefix(table[i].Path, "/users") {
				table[i].Handle = func(context.Context, *route.Call) (route.Answer, error) { return route.Answer{}, nil }
			}
		}
	})
	admin := w.login(t, firstAdministrator, adminPassword)
	tokens := map[string]string{"nobody": ""}
	columns := []string{"nobody"}
	for _, role := range api.SystemRoles() {
		user, _ := json.Marshal(api.User{Username: "u-" + role.Name, Password: adminPassword, Role: role.Name, AuthType: api.AuthBasic})
		if got := w.call(t, "POST", "/users", admin, string(user)); got.status != 200 {
			t.Fatalf("user of the role %s: %d %s", role.Name, got.status, got.body)
		}
		tokens[role.Name] = w.login(t, "u-"+role.Name, adminPassword)
		columns = append(columns, role.Name)
	}
	tokens["Defender"] = w.services.access.DefenderToken(route.FunctionIdentity{Account: "111111111111", Region: "us-east-1", Function: "f", Issued: time.Now().Unix()})
	columns = append(columns, "Defender")
	matrix := map[string]map[string]bool{}
	for _, r := range w.table {
		key := r.Method + " " + r.Path
		matrix[key] = map[string]bool{}
		for _, column := range columns {
			got := w.call(t, r.Method, examplePath(r.Path), tokens[column], "")
			allowed := got.status != 401 && got.status != 403
			if strings.HasPrefix(r.Path, "/authenticate") && r.Permission == route.Nobody {
				allowed = true // its own handler says no to an empty body
			}
			if want := expected(r, column); allowed != want {
				t.Errorf("%s as %s: %d %s; allowed should be %v", key, column, got.status, got.body, want)
			}
			if refusal := map[bool]int{true: 401, false: 403}[column == "nobody"]; !allowed && got.status != refusal {
				t.Errorf("%s as %s: status %d, want %d", key, column, got.status, refusal)
			}
			matrix[key][column] = allowed
		}
	}
	referenceFile(t, "roles.md", rolesPage(w.table, columns, matrix))
}

// expected says what the role's definition says.
func expected(r route.Route, column string) bool {
	switch r.Permission {
	case route.Nobody:
		return true
	case route.AnyUser:
		return column != "nobody" && column != "Defender"
	case route.Function:
		return column == "Defender"
	}
	for _, role := range api.SystemRoles() {
		if role.Name == column {
			return slices.ContainsFunc(role.Perms, func(p api.RolePermission) bool { return p.Name == r.Permission && (p.ReadWrite || !r.Write) })
		}
	}
	return false
}

// examplePath fills the wildcards of a path.
func examplePath(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if strings.HasPrefix(segment, "{") {
			segments[i] = "nothing"
		}
	}
	return strings.Join(segments, "/")
}

func rolesPage(table []route.Route, columns []string, matrix map[string]map[string]bool) []byte {
	var b bytes.Buffer
	b.WriteString(`# Who may call what

Found out by calling each route as each role; don't edit it. Roles that you make yourself have the permissions that you
give them; [the API, path by path](api.md) names each route's.

`)
	fmt.Fprintf(&b, "| | %s |\n|---%s|\n", strings.Join(columns, " | "), strings.Repeat("|:-:", len(columns)))
	sorted := slices.Clone(table)
	slices.SortStableFunc(sorted, func(a, b route.Route) int { return strings.Compare(a.Path, b.Path) })
	for _, r := range sorted {
		key := r.Method + " " + r.Path
		fmt.Fprintf(&b, "| `%s` |", key)
		for _, column := range columns {
			fmt.Fprintf(&b, " %s |", map[bool]string{true: "yes", false: ""}[matrix[key][column]])
		}
		b.WriteString("\n")
	}
	return b.Bytes()
}

// prismaRow is an endpoint of Prisma Compute that the product has: its method, its path as a client writes it, and the
// permission.
type prismaRow struct {
	method, path string
	permission   api.PermName
}

// TestPrismaPaths: every serverless endpoint of Prisma Compute is there, with its permission.
func TestPrismaPaths(t *testing.T) {
	table := testServices(t).routes()
	for _, row := range prismaRows() {
		i := slices.IndexFunc(table, func(r route.Route) bool {
			return r.Method == row.method && slices.ContainsFunc(append([]string{r.Path}, r.Alias...), func(p string) bool {
				return shape(p) == shape(row.path)
			})
		})
		switch {
		case i < 0:
			t.Errorf("%s %s is missing", row.method, row.path)
		case row.permission != "" && table[i].Permission != row.permission:
			t.Errorf("%s %s has the permission %s, want %s", row.method, row.path, table[i].Permission, row.permission)
		case !table[i].Prisma:
			t.Errorf("%s %s isn't marked as Prisma's", row.method, row.path)
		}
	}
}

// shape is a path without the names of its wildcards.
func shape(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if strings.HasPrefix(segment, "{") {
			segments[i] = "{}"
		}
	}
	return strings.Join(segments, "/")
}
