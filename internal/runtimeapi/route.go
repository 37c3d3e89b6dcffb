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
	base := p[:at+len("/runtime")]
	parts := strings.Split(p[at+len("/runtime/"):], "/")
	switch {
	case len(parts) == 2 && parts[1] == "next" && method == "GET":
		switch parts[0] {
		case "invocation":
			return route{kind: routePoll, base: base}
		case "restore":
			return route{kind: routeRestore}
		}
	case len(parts) == 2 && parts[1] == "error" && method == "POST":
		if parts[0] == "init" || parts[0] == "restore" {
			return route{kind: routeFailure}
		}
	case len(parts) == 3 && parts[0] == "invocation" && method == "POST":
		if parts[2] == "response" || parts[2] == "error" {
			return route{kind: routeAnswer, id: parts[1]}
		}
	}
	return route{}
}

func cleanPath(target string) string {
	if u, err := url.Parse(target); err == nil && u.Path != "" {
		return path.Clean(u.Path)
	}
	return path.Clean(target)
}
