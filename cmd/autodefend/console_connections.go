package main

import (
	"net"
	"net/http"
	"sync/atomic"

	"golang.org/x/net/netutil"
)

// connectionBounds say how many connections there may be: each takes some 50 KB, and one that is kept saves a client the
// next handshake.
type connectionBounds struct {
	// most are served at the same time; who comes beyond waits to be accepted.
	most int
	// crowd is from how many on none is kept after its answer.
	crowd int64
}

func usualConnections() connectionBounds { return connectionBounds{most: 3072, crowd: 1536} }

// hold holds a server to the bounds, and returns the listener to serve.
func (b connectionBounds) hold(server *http.Server, listener net.Listener) net.Listener {
	var open atomic.Int64
	server.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed, http.StateHijacked:
			open.Add(-1)
		case http.StateActive, http.StateIdle:
		}
	}
	handler := server.Handler
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if open.Load() > b.crowd {
			w.Header().Set("Connection", "close")
		}
		handler.ServeHTTP(w, r)
	})
	return netutil.LimitListener(listener, b.most)
}
