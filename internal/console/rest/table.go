package rest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// Service is a part of the Console that has routes.
type Service interface {
	Routes() []route.Route
}

// Table returns the routes of all services, and this package's own.
func Table(version string, services ...Service) []route.Route {
	table := own(version)
	for _, service := range services {
		table = append(table, service.Routes()...)
	}
	return table
}

// own are the routes that are about the API itself.
func own(version string) []route.Route {
	return []route.Route{
		{
			Method: http.MethodGet, Path: "/_ping", Permission: route.Nobody, Prisma: true,
			Summary: "Tells that the Console is up.", Response: "", Media: mediaText, Handle: ping,
		},
		{
			Method: http.MethodGet, Path: "/version", Permission: route.AnyUser, Prisma: true,
			Summary: "Returns the Console's version.", Response: "", Media: mediaJSON, Handle: versionOf(version),
		},
	}
}

// Check returns what is wrong with a table: a route that lacks what its documentation or its permission check needs, or
// that is there twice.
func Check(table []route.Route) error {
	seen := map[string]bool{}
	for _, r := range table {
		if err := checkRoute(r); err != nil {
			return fmt.Errorf("route %s %s: %w", r.Method, r.Path, err)
		}
		for _, path := range paths(r) {
			key := r.Method + " " + anonymous(path)
			if seen[key] {
				return fmt.Errorf("route %s %s: it's declared twice", r.Method, path)
			}
			seen[key] = true
		}
	}
	return nil
}

func checkRoute(r route.Route) error {
	methods := []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	switch {
	case !slices.Contains(methods, r.Method):
		return fmt.Errorf("the method isn't one of %s", strings.Join(methods, ", "))
	case r.Permission == "":
		return fmt.Errorf("it has no permission")
	case !strings.HasSuffix(r.Summary, "."):
		return fmt.Errorf("it has no summary that is a sentence")
	case r.Handle == nil:
		return fmt.Errorf("it has no handler")
	case r.Method == http.MethodGet && r.Write:
		return fmt.Errorf("it reads and wants the permission to write")
	}
	for _, path := range paths(r) {
		if !strings.HasPrefix(path, "/") || strings.HasSuffix(path, "/") || strings.Contains(path, "{"+versionWildcard+"}") {
			return fmt.Errorf("the path %q doesn't begin with a slash, or ends with one", path)
		}
	}
	return nil
}

// paths are all paths of a route.
func paths(r route.Route) []string { return append([]string{r.Path}, r.Alias...) }

// anonymous is a path without the names of its wildcards.
func anonymous(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if strings.HasPrefix(segment, "{") {
			segments[i] = "{}"
		}
	}
	return strings.Join(segments, "/")
}

// wildcards are the names of a path's wildcards, in order.
func wildcards(path string) []string {
	var names []string
	for segment := range strings.SplitSeq(path, "/") {
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			names = append(names, strings.TrimSuffix(strings.TrimSuffix(name, "}"), "..."))
		}
	}
	return names
}

// Permitted reports whether a principal may use a route. A Defender's token opens the routes for Defenders and no other.
func Permitted(p route.Principal, r route.Route) bool {
	switch r.Permission {
	case route.Nobody:
		return true
	case route.AnyUser:
		return !isFunction(p)
	default:
		return p.Can(r.Permission, r.Write)
	}
}

func isFunction(p route.Principal) bool {
	_, function := p.Permissions[route.Function]
	return function
}

// permissionText is a permission as it's written for people.
func permissionText(name api.PermName, write bool) string {
	switch {
	case name == route.Nobody:
		return "none"
	case name == route.AnyUser:
		return "any user"
	case name == route.Function:
		return "Defender token"
	case write:
		return string(name) + " (write)"
	default:
		return string(name)
	}
}
