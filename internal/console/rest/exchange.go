package rest

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/autodefend/autodefend/internal/console/route"
)

// exchange is one request on its way through the server, and what the log says of it in the end.
type exchange struct {
	w       *recorder
	r       *http.Request
	id      string
	source  string
	started time.Time
	span    trace.Span

	// user is the caller's name once it's known, and principal what it was permitted as.
	user      string
	principal route.Principal
	failure   error
	streamed  bool
	// pass is that of a stream.
	pass *pass
}

type exchangeKey struct{}

// exchangeOf is the exchange that a request belongs to.
func exchangeOf(r *http.Request) *exchange {
	x, ok := r.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		panic("a request that didn't come through the server")
	}
	x.r = r // the mux has put the path's values in
	return x
}

func (s *Server) begin(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{w: &recorder{ResponseWriter: w}, id: requestID(r), source: s.source.address(r), started: time.Now()}
	ctx, span := s.tracing.start(r)
	x.span = span
	x.r = r.WithContext(context.WithValue(ctx, exchangeKey{}, x))
	return x
}

// finish logs and counts, also after a panic.
func (s *Server) finish(x *exchange) {
	problem := recover()
	aborted := problem == http.ErrAbortHandler //nolint:errorlint // the value itself is thrown
	if problem != nil && !aborted {
		s.log.Error("handler panicked", slog.String("request", x.id), slog.String("route", x.template()),
			slog.Any("panic", problem), slog.String("stack", string(debug.Stack())))
		if aborted = x.w.wroteHeader(); !aborted {
			s.fail(x, refuse(http.StatusInternalServerError, "internal error"))
		}
	}
	status := x.w.status
	if status == 0 {
		status = http.StatusOK
	}
	s.logFailure(x, status, aborted)
	took := time.Since(x.started)
	s.metrics.observe(x, status, took)
	s.tracing.end(x, status)
	s.log.Info("request", slog.String("request", x.id), slog.String("method", method(x.r)), slog.String("path", printable(x.r.URL.Path)),
		slog.String("route", x.template()), slog.Int("status", status), slog.Int64("bytes", x.w.written),
		slog.Float64("ms", float64(took.Microseconds())/1000), slog.String("user", x.user), slog.String("source", x.source))
	if aborted {
		panic(http.ErrAbortHandler)
	}
}

// template is the route's pattern without the method, "" when there is none.
func (x *exchange) template() string {
	pattern := x.r.Pattern
	if _, path, ok := strings.Cut(pattern, " "); ok {
		return strings.Replace(path, "{"+versionWildcard+"}", "v1", 1)
	}
	return ""
}

// method is a request's method, or "other" for those that nobody knows: figures and logs don't hold what callers make up.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	default:
		return "other"
	}
}

// requestID is the caller's own id of the request when it's a plain word, else a new one.
func requestID(r *http.Request) string {
	id := r.Header.Get("X-Request-Id")
	plain := func(c rune) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.'
	}
	if id == "" || len(id) > 64 || strings.ContainsFunc(id, func(c rune) bool { return !plain(c) }) {
		return rand.Text()[:16]
	}
	return id
}

// printable bounds a foreign text and takes control characters from it.
func printable(text string) string {
	const longest = 500
	if len(text) > longest {
		text = text[:longest]
	}
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return '?'
		}
		return c
	}, strings.ToValidUTF8(text, "?"))
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status  int
	written int64
}

// WriteHeader notes the status.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes.
func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.written += int64(n)
	return n, err
}

// Unwrap is for [http.ResponseController].
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *recorder) wroteHeader() bool { return w.status != 0 }
