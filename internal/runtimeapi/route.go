package runtimeapi

import (
	"net/url"
	"path"
	"strings"
)

// route is what a request means to the hooks. Every request is passed on, whatever its route.
type route struct {
	kind routeKind
	// id is the request id, for an answer to an invocation.
	id string
	// base is the path up to and including "/runtime", of a poll.
	base string
}

type routeKind uint8

const (
	routeOther   routeKind = iota
	routePoll              // GET  …/runtime/invocation/next
	routeAnswer            // POST …/runtime/invocation/ID/response or …/error
	routeFailure           // POST …/runtime/init/error or …/runtime/restore/error
	routeRestore           // GET  …/runtime/restore/next
)

// routeOf finds a request's route. Every version of the API is taken, and a path is read as a server would that is
// lenient: to look at one message too many harms nobody.
func routeOf(method, target string) route {
	p := cleanPath(target)
	at := strings.LastIndex(p, "/runtime/")
	if at < 0 {
		return route{}
	}
	base, rest := p[:at+len("/runtime")], p[at+len("/runtime/"):]
	switch method + " " + rest {
	case "GET invocation/next":
		return route{kind: routePoll, base: base}
	case "GET restore/next":
		return route{kind: routeRestore}
	case "POST init/error", "POST restore/error":
		return route{kind: routeFailure}
	}
	invocation, found := strings.CutPrefix(rest, "invocation/")
	id, verb, _ := strings.Cut(invocation, "/")
	if found && method == "POST" && (verb == "response" || verb == "error") {
		return route{kind: routeAnswer, id: id}
	}
	return route{}
}

func cleanPath(target string) string {
	if u, err := url.Parse(target); err == nil && u.Path != "" {
		return path.Clean(u.Path)
	}
	return path.Clean(target)
}
