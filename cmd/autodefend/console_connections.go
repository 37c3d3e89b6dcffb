package main

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// mostConnections is how many connections a Console serves at the same time. Each takes some 70 KB.
const mostConnections = 2048

// connections bounds the connections that there are at the same time. When there are as many, a new one takes the place of the
// one that has been without a request for longest, be it that none has come yet. When all have one, the new one is reset:
// nothing was said on it, so that who made it can try again, and neither side has worked on a handshake.
type connections struct {
	most          int64
	open, refused atomic.Int64 // refused are those that gave way as well

	mu     sync.Mutex                 // guards the fields below
	silent *list.List                 // of net.Conn: those without a request, for longest first
	places map[net.Conn]*list.Element // in silent
}

func newConnections(most int64) *connections {
	return &connections{most: most, silent: list.New(), places: map[net.Conn]*list.Element{}}
}

// hold makes a server keep to the bound, and returns the listener that it's to serve.
func (c *connections) hold(server *http.Server, listener net.Listener) net.Listener {
	server.ConnState = c.note
	return boundedListener{listener, c}
}

// note follows the server's connections.
func (c *connections) note(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if place, ok := c.places[conn]; ok {
		c.silent.Remove(place)
		delete(c.places, conn)
	}
	if state == http.StateNew || state == http.StateIdle {
		c.places[conn] = c.silent.PushBack(conn)
	}
}

// giveWay closes the connection that has been silent for longest, and tells whether there was one.
func (c *connections) giveWay() bool {
	c.mu.Lock()
	longest := c.silent.Front()
	if longest == nil {
		c.mu.Unlock()
		return false
	}
	conn, _ := c.silent.Remove(longest).(net.Conn)
	delete(c.places, conn)
	c.mu.Unlock()
	if encrypted, ok := conn.(*tls.Conn); ok {
		conn = encrypted.NetConn() // without a farewell, which could take time
	}
	_ = conn.Close()
	return true
}

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
		l.all.refused.Add(1)
		if l.all.giveWay() {
			return &boundedConnection{Conn: c, all: l.all}, nil
		}
		l.all.open.Add(-1)
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
