package rest

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"strings"
)

// serveHealth tells that the process answers.
func (s *Server) serveHealth(x *exchange) { s.write(x, http.StatusOK, mediaText, []byte("ok\n")) }

// serveReady tells whether requests should be sent here.
func (s *Server) serveReady(x *exchange) {
	if s.draining.Load() {
		s.fail(x, refuse(http.StatusServiceUnavailable, "shutting down"))
		return
	}
	if err := s.ready.check(x.r.Context()); err != nil {
		s.log.Warn("not ready", slog.Any("error", err))
		s.fail(x, refuse(http.StatusServiceUnavailable, "the database can't be used now").with("Retry-After", "2"))
		return
	}
	s.serveHealth(x)
}

// serveMetrics shows the figures to who has the token for them.
func (s *Server) serveMetrics(x *exchange) {
	if s.metricsToken == "" {
		s.fail(x, refuse(http.StatusNotFound, "metrics are closed; set a token for them to open them"))
		return
	}
	token, _ := strings.CutPrefix(x.r.Header.Get("Authorization"), "Bearer ")
	given, wanted := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(s.metricsToken))
	if subtle.ConstantTimeCompare(given[:], wanted[:]) != 1 {
		s.fail(x, unknown("metrics need their token: Authorization: Bearer", nil))
		return
	}
	s.metrics.handler.ServeHTTP(x.w, x.r)
}
