package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/autodefend/autodefend/internal/console/rest"
)

// shutdownPatience is how long requests in hand may take when the Console ends.
const shutdownPatience = 20 * time.Second

// consoleServer serves the Console's API.
type consoleServer struct {
	api         *rest.Server
	http        *http.Server
	connections *connections
	handshakes  *handshakes
	tracing     *rest.Tracing
	log         *slog.Logger
}

func newConsoleServer(ctx context.Context, opened *openConsole, log *slog.Logger, proxies []netip.Prefix, getenv func(string) string) (*consoleServer, error) {
	var tracing *rest.Tracing
	if rest.TracingWanted(getenv) {
		var err error
		if tracing, err = rest.OpenTracing(ctx, version()); err != nil {
			return nil, err
		}
	}
	open, shaking := newConnections(mostConnections), newHandshakes(func() int64 { return opened.services.audits.Counts().Shed })
	api, err := rest.New(rest.Config{
		Routes: opened.services.routes(), Access: authenticator{opened.services.access}, Ready: opened.database.Ping, Logger: log,
		Version: version(), TrustedProxies: proxies, MetricsToken: getenv(metricsTokenVariable), Figures: slices.Concat(opened.services.figures(), connectionFigures(open, shaking)),
		Tracing: tracing,
	})
	if err != nil {
		return nil, fmt.Errorf("make the API: %w", err)
	}
	return &consoleServer{
		api: api, connections: open, handshakes: shaking, tracing: tracing, log: log,
		http: &http.Server{
			Handler: api, ReadHeaderTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 30 * time.Second, MaxHeaderBytes: 32 << 10,
			// Scanners and clients that don't trust the certificate fill a log otherwise.
			ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		},
	}, nil
}

func connectionFigures(c *connections, h *handshakes) []rest.Figure {
	figure := func(name, help string, counter bool, value *atomic.Int64) rest.Figure {
		return rest.Figure{Name: name, Help: help, Counter: counter, Value: func() float64 { return float64(value.Load()) }}
	}
	return []rest.Figure{
		figure("autodefend_connections_open", "Connections that there are.", false, &c.open),
		figure("autodefend_connections_refused_total", "Connections that were closed because there were too many.", true, &c.refused),
		figure("autodefend_handshakes_refused_total", "TLS handshakes that were refused because too many were wanted.", true, &h.refused),
	}
}

// serve serves until ctx ends, together with what the services do all the time. Then requests in hand are finished, and
// after them the loops.
func (s *consoleServer) serve(ctx context.Context, listener net.Listener, trust consoleTrust, loops []func(context.Context)) error {
	if trust.config != nil {
		s.http.TLSConfig = trust.config
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, failed := errgroup.WithContext(running)
	for _, loop := range loops {
		group.Go(func() error {
			loop(failed)
			return nil
		})
	}
	group.Go(func() error { return s.accept(listener) })
	select {
	case <-ctx.Done():
	case <-failed.Done():
	}
	s.log.Info("shutting down")
	s.api.Drain()
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownPatience)
	defer cancel()
	if err := s.http.Shutdown(patience); err != nil {
		s.log.Warn("requests in hand were cut off", slog.Any("error", err))
		_ = s.http.Close()
	}
	stop()
	return errors.Join(group.Wait(), s.tracing.Close(patience))
}

// accept serves connections until the server is shut down.
func (s *consoleServer) accept(listener net.Listener) error {
	serve, listener := s.http.Serve, s.connections.hold(s.http, listener)
	if s.http.TLSConfig != nil {
		s.http.TLSConfig, listener = s.handshakes.hold(s.http.TLSConfig, listener)
		serve = func(l net.Listener) error { return s.http.ServeTLS(l, "", "") }
	}
	if err := serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
