package rest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"github.com/autodefend/autodefend/internal/console/route"
)

// Credentials is what a request says about who sends it.
type Credentials struct {
	// Authorization is the header's value, such as "Bearer ..." or "Basic ...".
	Authorization string
	// Cookie is the value of the session's cookie.
	Cookie   string
	SourceIP string
}

// Authenticator finds out who calls. Errors with CodeDenied and CodeInvalid become 401.
type Authenticator interface {
	Authenticate(ctx context.Context, c Credentials) (route.Principal, error)
}

// SessionCookie is the cookie that browsers authenticate with.
const SessionCookie = "__Host-autodefend"

// Limits bound what is taken on. Zeros are the defaults.
type Limits struct {
	// People, Defenders, Streams and Strangers are how many requests of each kind may be in flight: 256, 512, 256 and 64.
	// One caller may have a quarter of them; strangers, who call what needs no authentication, are told apart by address.
	People, Defenders, Streams, Strangers int
	// Handle is how long a handler may take (30 s), Read a body (20 s, a stranger's at most 5 s) and Write each piece of an
	// answer (30 s).
	Handle, Read, Write time.Duration
}

// Config says what is served, and how.
type Config struct {
	// Routes is the table; see [Table].
	Routes []route.Route
	Access Authenticator
	// Ready is asked by /readyz, at most once a second; nil is always ready.
	Ready func(context.Context) error
	// Now tells how old its answer is; nil is [time.Now].
	Now    func() time.Time
	Logger *slog.Logger
	// Version is that of the program.
	Version string
	Limits  Limits
	// TrustedProxies are the networks of proxies whose X-Forwarded-For is believed; none by default.
	TrustedProxies []netip.Prefix
	// MetricsToken opens /metrics as a bearer token; "" closes it.
	MetricsToken string
	// Figures are shown by /metrics beside those of HTTP and of the process.
	Figures []Figure
	// Tracing is nil for none.
	Tracing *Tracing
}

// Server serves the table of routes. It is an [http.Handler] and safe for concurrent use.
type Server struct {
	mux     *http.ServeMux
	log     *slog.Logger
	access  Authenticator
	ready   *readiness
	limits  Limits
	gates   map[class]*gate
	source  source
	origin  *http.CrossOriginProtection
	metrics *metrics
	tracing *Tracing

	metricsToken string
	draining     atomic.Bool
	// drained ends with draining, and with it the streams that never end by themselves.
	drained context.Context // it's the server's own life
	drain   context.CancelFunc
}

// New makes a server. It fails when the table isn't right.
func New(cfg Config) (*Server, error) {
	if err := Check(cfg.Routes); err != nil {
		return nil, err
	}
	limits := cfg.Limits.withDefaults()
	s := &Server{
		mux: http.NewServeMux(), log: cfg.Logger, access: cfg.Access, ready: newReadiness(cfg), limits: limits,
		gates: map[class]*gate{
			classPeople:    newGate(classPeople, limits.People),
			classDefenders: newGate(classDefenders, limits.Defenders),
			classStreams:   newGate(classStreams, limits.Streams),
			classStrangers: newGate(classStrangers, limits.Strangers),
		},
		source: source{trusted: cfg.TrustedProxies}, origin: http.NewCrossOriginProtection(),
		tracing: cfg.Tracing, metricsToken: cfg.MetricsToken,
	}
	s.drained, s.drain = context.WithCancel(context.Background())
	s.metrics = newMetrics(cfg.Version, s.gates, cfg.Figures)
	document, err := OpenAPI(cfg.Routes, cfg.Version)
	if err != nil {
		return nil, err
	}
	if err := s.handleAll(cfg.Routes, document); err != nil {
		return nil, err
	}
	return s, nil
}

func (l Limits) withDefaults() Limits {
	counts := []struct {
		value    *int
		standard int
	}{{&l.People, 256}, {&l.Defenders, 512}, {&l.Streams, 256}, {&l.Strangers, 64}}
	for _, c := range counts {
		if *c.value <= 0 {
			*c.value = c.standard
		}
	}
	times := []struct {
		value    *time.Duration
		standard time.Duration
	}{{&l.Handle, 30 * time.Second}, {&l.Read, 20 * time.Second}, {&l.Write, 30 * time.Second}}
	for _, t := range times {
		if *t.value <= 0 {
			*t.value = t.standard
		}
	}
	return l
}

// versionWildcard is the wildcard of the API's version; no route has one of this name.
const versionWildcard = "apiVersion"

// apiPath is a route's pattern without its method.
func apiPath(path string) string { return "/api/{" + versionWildcard + "}" + path }

// handleAll fills the mux. Two patterns of which neither is the more specific are an error.
func (s *Server) handleAll(table []route.Route, document []byte) error {
	handle := func(pattern string, serve func(*exchange)) error {
		return register(s.mux, pattern, func(_ http.ResponseWriter, r *http.Request) { serve(exchangeOf(r)) })
	}
	errs := []error{
		handle("/", s.nowhere),
		handle("GET /healthz", s.serveHealth),
		handle("GET /readyz", s.serveReady),
		handle("GET /metrics", s.serveMetrics),
		handle("GET "+apiPath("/openapi.json"), s.serveDocument(document)),
	}
	for _, r := range table {
		for _, p := range paths(r) {
			e := newEndpoint(s, r, p)
			errs = append(errs, handle(r.Method+" "+apiPath(p), e.serve))
		}
	}
	return errors.Join(errs...)
}

// register turns the mux's panic into an error.
func register(mux *http.ServeMux, pattern string, handler http.HandlerFunc) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("route %s: %v", pattern, p)
		}
	}()
	mux.HandleFunc(pattern, handler)
	return nil
}

// Drain makes /readyz say no and ends the streams of events. New requests are still served: those who balance the load
// need a moment to notice.
func (s *Server) Drain() {
	s.draining.Store(true)
	s.drain()
}

// ServeHTTP serves one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := s.begin(w, r)
	defer s.finish(x)
	s.setHeaders(x)
	dropSlashes(x.r)
	escaped := x.r.URL.EscapedPath()
	if !clean(escaped) {
		s.fail(x, refuse(http.StatusNotFound, "the path %.200q isn't clean; leave out //, /./ and /../", escaped))
		return
	}
	s.mux.ServeHTTP(x.w, x.r)
}

// dropSlashes leaves one slash at the path's beginning. Clients put one at the end of the Console's address, too.
func dropSlashes(r *http.Request) {
	if !strings.HasPrefix(r.URL.Path, "//") {
		return
	}
	u := *r.URL
	u.Path = "/" + strings.TrimLeft(u.Path, "/")
	if u.RawPath != "" {
		u.RawPath = "/" + strings.TrimLeft(u.RawPath, "/")
	}
	r.URL = &u
}

// clean reports whether a path has no empty and no dotted segments, which the mux would redirect.
func clean(escaped string) bool {
	cleaned := path.Clean(escaped)
	if cleaned != "/" && strings.HasSuffix(escaped, "/") {
		cleaned += "/"
	}
	return strings.HasPrefix(escaped, "/") && cleaned == escaped
}

// nowhere answers for paths and methods that no route has.
func (s *Server) nowhere(x *exchange) {
	if allowed := s.allowed(x.r); len(allowed) > 0 {
		s.fail(x, refuse(http.StatusMethodNotAllowed, "%.20q isn't a method of this path; there are %s", x.r.Method, strings.Join(allowed, ", ")).
			with("Allow", strings.Join(allowed, ", ")))
		return
	}
	s.fail(x, refuse(http.StatusNotFound, "there is nothing at %.200q", x.r.URL.Path))
}

// allowed lists the methods that a path has.
func (s *Server) allowed(r *http.Request) []string {
	var methods []string
	for _, method := range []string{http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodPatch, http.MethodPost, http.MethodPut} {
		other := &http.Request{Method: method, URL: r.URL, Host: r.Host}
		if _, pattern := s.mux.Handler(other); pattern != "/" && pattern != "" {
			methods = append(methods, method)
		}
	}
	return methods
}

func ping(context.Context, *route.Call) (route.Answer, error) {
	return route.Answer{Raw: []byte("OK"), Media: mediaText}, nil
}

func versionOf(version string) route.Handler {
	return func(context.Context, *route.Call) (route.Answer, error) { return route.Answer{JSON: version}, nil }
}

// serveDocument answers with the OpenAPI document.
func (s *Server) serveDocument(document []byte) func(*exchange) {
	return func(x *exchange) {
		if !versioned(x.r.PathValue(versionWildcard)) {
			s.fail(x, unknownVersion(x.r))
			return
		}
		s.write(x, http.StatusOK, mediaJSON, document)
	}
}
