package main

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestConnectionBounds: in a crowd no connection is kept, afterwards they are again, and who comes beyond the most is
// served once another is gone.
func TestConnectionBounds(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	held := connectionBounds{most: 5, crowd: 3}.hold(server, listener)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(held) }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	var clients []net.Conn
	connect := func() net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c)
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	kept := func(c net.Conn) bool {
		t.Helper()
		if _, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		return !answer.Close
	}
	for i := range 3 {
		if !kept(connect()) {
			t.Errorf("connection %d isn't kept", i+1)
		}
	}
	if kept(connect()) {
		t.Error("a connection of a crowd is kept")
	}
	connect() // the fourth may be gone already: these two and the first three are the most
	connect()
	beyond := connect()
	served := make(chan bool, 1)
	go func() { served <- kept(beyond) }()
	for _, c := range clients[:3] {
		_ = c.Close()
	}
	<-served
	for _, c := range clients {
		_ = c.Close()
	}
	for !kept(connect()) { // as soon as the others are gone
	}
}
