package main

import (
	"net"
	"sync/atomic"
)

// mostConnections is how many connections a Console serves at the same time. Each takes some 70 KB.
const mostConnections = 2048

// connections bounds the connections that there are at the same time. Further ones are reset at once: nothing was said on
// them, so that who made them can try again, and neither side has worked on a handshake.
type connections struct {
	most          int64
	open, refused atomic.Int64
}

// hold returns a listener that keeps to the bound.
func (c *connections) hold(listener net.Listener) net.Listener { return boundedListener{listener, c} }

type boundedListener struct {
	net.Listener

	all *connections
}

func (l boundedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.all.open.Add(1) <= l.all.most {
			return &boundedConnection{Conn: c, all: l.all}, nil
		}
		l.all.open.Add(-1)
		l.all.refused.Add(1)
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset: what is closed politely stays in the kernel's tables for a minute
		}
		_ = c.Close()
	}
}

type boundedConnection struct {
	net.Conn

	all    *connections
	closed atomic.Bool
}

func (c *boundedConnection) Close() error {
	if c.closed.CompareAndSwap(false, true) {
		c.all.open.Add(-1)
	}
	return c.Conn.Close()
}
