// Package route says what an endpoint of the Console's API is, and what its handler is given and gives back. Services
// declare routes; internal/console/rest makes a server, the permission check and the documentation of them.
package route

import (
	"context"
	"net/url"
	"slices"
	"time"

	"github.com/autodefend/autodefend/internal/api"
)

// Route is one endpoint.
type Route struct {
	Method string
	// Path comes after /api/VERSION and is a pattern of net/http, such as /collections/{name}.
	Path string
	// Permission is what the caller needs: one of Prisma's rbac.PermName, [Nobody] for endpoints without
	// authentication, or [Function] for those that Defenders call.
	Permission api.PermName
	// Write is true when the permission must allow changes.
	Write bool
	// Summary is one sentence for the documentation.
	Summary string
	// Query are the parameters it takes besides those of every list.
	Query []Param
	// List is true for endpoints that take offset, limit, sort, reverse, search, collections, accountIDs and fields.
	List bool
	// Request and Response are values of the types of the bodies; nil for none. A string stands for text/plain or
	// for what Media says.
	Request, Response any
	// Media is the response's media type; "" means application/json, or nothing without Response.
	Media string
	// MaxBody bounds the request's body, in bytes; 0 means 1 MiB.
	MaxBody int64
	// Busy says for how long callers had better stay away, before anything of theirs is looked at: what can't be done now
	// should cost as little as possible. 0 lets them in; nil always does.
	Busy func() time.Duration
	// Alias are older paths that clients still use.
	Alias []string
	// Prisma tells that the endpoint is Prisma's and not ours.
	Prisma bool
	Handle Handler
}

// Permissions that aren't Prisma's.
const (
	// Nobody needs no authentication.
	Nobody api.PermName = "none"
	// AnyUser is every authenticated user.
	AnyUser api.PermName = "user"
	// Function is the token of a Defender, which opens one function's policy and audits.
	Function api.PermName = "function"
)

// Param is one query parameter.
type Param struct {
	Name, Summary string
	// Type is string, integer, boolean or time.
	Type string
	// Many parameters may be repeated, or hold several values divided by commas.
	Many bool
}

// Handler does what a route is for. Errors are of type [autodefend.Error] and become {"err": "..."} with the status of
// their code.
type Handler func(ctx context.Context, c *Call) (Answer, error)

// Call is one request, authenticated, permitted and read.
type Call struct {
	Principal Principal
	// API is the method and path, for management audits.
	API      string
	SourceIP string
	// Path are the values of the path's wildcards, unescaped.
	Path map[string]string
	// Query are the parameters.
	Query url.Values
	// Body is the whole body, decompressed and at most MaxBody bytes.
	Body []byte
	// Header gives a request header's value.
	Header func(name string) string
	// Stream lets a handler write the response itself, piece by piece, with its media type; nil in tests that don't need
	// it. A handler that used it answers with Answer{}.
	Stream func(media string) (Stream, error)
}

// Stream is a response that is written piece by piece.
type Stream interface {
	Write(p []byte) (int, error)
	Flush() error
}

// Answer is a response: 200 with an empty body when it is zero.
type Answer struct {
	// Status is 200 when 0.
	Status int
	// JSON is the body as a value.
	JSON any
	// Raw is the body as bytes of the media type Media.
	Raw   []byte
	Media string
	// Header are further headers, such as Total-Count and ETag.
	Header map[string]string
}

// Principal is who calls.
type Principal struct {
	// Username is the user's, or the name of an API token.
	Username string
	Role     string
	// Session is the id of the login, "" for Basic authentication and tokens.
	Session string
	// Permissions are those of the role, and whether each allows changes.
	Permissions map[api.PermName]bool
	// Collections restrict what is seen; empty doesn't.
	Collections []string
	// Function is set for a Defender's token and names the only function it may speak for.
	Function FunctionIdentity
}

// Limited reports whether the principal sees the functions of some collections only.
func (p Principal) Limited() bool {
	return len(p.Collections) > 0 && !slices.Contains(p.Collections, api.AllCollection)
}

// FunctionIdentity is the function that a Defender's token was made for. Empty members match any.
type FunctionIdentity struct {
	Account, Region, Function string
	// Issued is when the token was made, Unix seconds.
	Issued int64
	// Key is the id of the master key that the token hangs on, when that isn't the newest: the function obeys only policies
	// that are signed by the same.
	Key string
}

// Can reports whether the principal has a permission, and for changes when write is set.
func (p Principal) Can(permission api.PermName, write bool) bool {
	changes, has := p.Permissions[permission]
	return has && (changes || !write)
}
