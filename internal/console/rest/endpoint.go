package rest

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/console/route"
)

// endpoint serves one path of one route.
type endpoint struct {
	*Server
	route route.Route
	names []string
	gate  *gate
	// read is how long the body may take to come.
	read time.Duration
}

// What strangers may send: logins are small.
const (
	strangerBody = 64 << 10 // bytes
	strangerRead = 5 * time.Second
)

func newEndpoint(s *Server, r route.Route, path string) *endpoint {
	if r.MaxBody == 0 {
		r.MaxBody = defaultMaxBody
	}
	e := &endpoint{Server: s, route: r, names: wildcards(path), gate: s.gates[classOf(r)], read: s.limits.Read}
	if e.gate.class == classStrangers {
		e.route.MaxBody = min(e.route.MaxBody, strangerBody)
		e.read = min(e.read, strangerRead)
	}
	return e
}

// serve takes a request through all steps.
func (e *endpoint) serve(x *exchange) {
	if !versioned(x.r.PathValue(versionWildcard)) {
		e.fail(x, unknownVersion(x.r))
		return
	}
	pass, err := e.gate.enter()
	if err != nil {
		e.metrics.shed(e.gate.class)
		e.fail(x, err)
		return
	}
	defer pass.leave()
	if err := e.busy(); err != nil {
		e.metrics.shed(e.gate.class)
		e.fail(x, err)
		return
	}
	call, err := e.call(x, pass)
	if err != nil {
		e.fail(x, err)
		return
	}
	e.handle(x, call, pass)
}

// busy is 429 when the service says that callers had better stay away.
func (e *endpoint) busy() error {
	if e.route.Busy == nil {
		return nil
	}
	wait := e.route.Busy()
	if wait <= 0 {
		return nil
	}
	seconds := strconv.Itoa(int(math.Ceil(wait.Seconds())))
	return refuse(http.StatusTooManyRequests, "too much is under way; try again in %s s", seconds).with("Retry-After", seconds)
}

func unknownVersion(r *http.Request) error {
	return refuse(http.StatusNotFound, "there is no version %.40q of the API; use v1", r.PathValue(versionWildcard))
}

// call finds out who calls and whether they may, and reads the request.
func (e *endpoint) call(x *exchange, pass *pass) (*route.Call, error) {
	principal, err := e.authenticate(x)
	if err != nil {
		return nil, err
	}
	if !Permitted(principal, e.route) {
		return nil, refuse(http.StatusForbidden, "%s may not do this: it needs the permission %s", who(principal), permissionText(e.route.Permission, e.route.Write))
	}
	x.principal = principal
	name := callerName(principal)
	if e.gate.class == classStrangers {
		name = strangerName(x.source)
	}
	if err := pass.name(name); err != nil {
		e.metrics.shed(e.gate.class)
		return nil, err
	}
	body, err := readBody(x.w, x.r, e.route.MaxBody, e.read)
	if err != nil {
		return nil, err
	}
	call := &route.Call{
		Principal: principal, API: x.r.Method + " " + printable(x.r.URL.Path), SourceIP: x.source,
		Path: map[string]string{}, Query: x.r.URL.Query(), Body: body, Header: x.r.Header.Get,
	}
	for _, name := range e.names {
		call.Path[name] = x.r.PathValue(name)
	}
	return call, nil
}

func who(p route.Principal) string {
	if isFunction(p) {
		return "a Defender's token"
	}
	return "the role " + p.Role
}

// authenticate finds out who calls. A browser that another site leads here is refused before it's known as anybody.
func (e *endpoint) authenticate(x *exchange) (route.Principal, error) {
	c := Credentials{Authorization: x.r.Header.Get("Authorization"), SourceIP: x.source}
	if token := x.r.Header.Get("X-Redlock-Auth"); c.Authorization == "" && token != "" {
		c.Authorization = "Bearer " + token
	}
	if c.Authorization == "" {
		if err := e.origin.Check(x.r); err != nil {
			return route.Principal{}, refuse(http.StatusForbidden, "a page of another site may not do this")
		}
		if cookie, err := x.r.Cookie(SessionCookie); err == nil {
			c.Cookie = cookie.Value
		}
	}
	if e.route.Permission == route.Nobody {
		return route.Principal{}, nil
	}
	if c.Authorization == "" && c.Cookie == "" {
		return route.Principal{}, unknown("log in first: POST /api/v1/authenticate, then Authorization: Bearer", nil)
	}
	principal, err := e.access.Authenticate(x.r.Context(), c)
	switch autodefend.ErrorCode(err) {
	case "":
		x.user = printable(callerName(principal))
		return principal, nil
	case autodefend.CodeDenied, autodefend.CodeInvalid, autodefend.CodeNotFound:
		return route.Principal{}, unknown(public(err), err)
	default:
		return route.Principal{}, err
	}
}

// unknown is 401.
func unknown(text string, cause error) error {
	if text == "" {
		text = "who calls isn't known"
	}
	r := refuse(http.StatusUnauthorized, "%s", text).with("WWW-Authenticate", `Bearer realm="autodefend"`)
	r.cause = cause
	return r
}

// logsIn reports whether the route is for becoming known: who is denied there isn't.
func (e *endpoint) logsIn() bool {
	return e.route.Permission == route.Nobody && strings.HasPrefix(e.route.Path, "/authenticate")
}

// errTooLong ends handlers that take too long.
var errTooLong = errors.New("the handler took too long")

// handle calls the handler and answers.
func (e *endpoint) handle(x *exchange, call *route.Call, pass *pass) {
	ctx, cancel := context.WithCancelCause(x.r.Context())
	defer cancel(nil)
	timer := time.AfterFunc(e.limits.Handle, func() { cancel(errTooLong) })
	defer timer.Stop()
	call.Stream = func(media string) (route.Stream, error) {
		timer.Stop()
		return e.stream(x, media, pass, cancel)
	}
	defer func() { // also when the handler panics
		if x.pass != nil {
			x.pass.leave()
		}
	}()
	answer, err := e.route.Handle(ctx, call)
	if err == nil && !e.route.List {
		answer, err = part(answer, call.Query)
	}
	switch {
	case errors.Is(err, errHead):
	case err != nil && errors.Is(context.Cause(ctx), errTooLong):
		r := refuse(http.StatusServiceUnavailable, "this took longer than %s; ask for less, or try again", e.limits.Handle).with("Retry-After", "5")
		r.cause = err
		e.fail(x, r)
	case err != nil && e.logsIn() && autodefend.ErrorCode(err) == autodefend.CodeDenied:
		e.fail(x, unknown(public(err), err))
	case err != nil:
		e.fail(x, err)
	case !x.streamed:
		e.answer(x, answer)
	}
}
