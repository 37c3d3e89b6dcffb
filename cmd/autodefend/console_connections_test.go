package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// serving serves by a listener until the test ends.
func serving(t *testing.T, hold func(*http.Server, net.Listener) net.Listener, handler http.Handler, config *tls.Config, listener net.Listener) {
	t.Helper()
	server := &http.Server{
		ReadHeaderTimeout: time.Minute, TLSConfig: config, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo),
		Handler: handler,
	}
	listener = hold(server, listener)
	ended := make(chan error, 1)
	go func() {
		if config == nil {
			ended <- server.Serve(listener)
		} else {
			ended <- server.ServeTLS(listener, "", "")
		}
	}()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
}

func listenLocally(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

func dial(t *testing.T, listener net.Listener) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// answered tells whether a connection is served.
func answered(c net.Conn, path string) bool {
	if _, err := c.Write([]byte("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		return false
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return false
	}
	return answer.Body.Close() == nil
}

// TestConnections: when there are as many as there may be, the one that has been silent for longest gives way, and when all
// have a request, the new one does.
func TestConnections(t *testing.T) {
	listener, bound := listenLocally(t), newConnections(2)
	held, release := make(chan struct{}), make(chan struct{})
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/held" {
			held <- struct{}{}
			<-release
		}
	})
	serving(t, bound.hold, handler, nil, listener)
	used, unused := dial(t, listener), dial(t, listener)
	if !answered(used, "/") {
		t.Fatal("one of the most isn't served")
	}
	bothSilent := func() { // the server notes the end of a request after its answer
		for silent := 0; silent < 2; {
			bound.mu.Lock()
			silent = bound.silent.Len()
			bound.mu.Unlock()
		}
	}
	bothSilent()
	var over sync.WaitGroup
	for _, gone := range []net.Conn{unused, used} {
		newer := dial(t, listener)
		over.Go(func() {
			if !answered(newer, "/held") {
				t.Error("a new connection isn't served")
			}
		})
		<-held
		if answered(gone, "/") {
			t.Error("one that was silent for longest doesn't give way")
		}
	}
	if beyond, err := net.Dial("tcp", listener.Addr().String()); err == nil { // the reset may come as soon as that
		if answered(beyond, "/") {
			t.Error("one beyond the most is served")
		}
		_ = beyond.Close()
	}
	if n := bound.refused.Load(); n != 3 {
		t.Errorf("%d are said to be refused, want 3", n)
	}
	close(release)
	over.Wait()
	bothSilent()
	if !answered(dial(t, listener), "/") {
		t.Error("a new connection isn't served after the others")
	}
}

// TestHandshakeTurns: the newest comes first, and who has waited for too long is refused. While the Console is busy that is
// sooner, and a rest follows each turn.
func TestHandshakeTurns(t *testing.T) {
	const work = 5 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		var shed atomic.Int64
		h := newHandshakes(shed.Load)
		h.free = 1
		type outcome struct {
			after time.Duration
			err   error
		}
		var began time.Time
		come := func() <-chan outcome {
			done := make(chan outcome, 1)
			go func() {
				err := h.wait()
				done <- outcome{time.Since(began), err}
				if err == nil {
					time.Sleep(work)
					h.end(work)
				}
			}()
			synctest.Wait()
			return done
		}
		inTurn := func(name string, period time.Duration, all ...<-chan outcome) {
			t.Helper()
			for i, next := range all {
				if got := <-next; got.err != nil || got.after != time.Duration(i)*period {
					t.Errorf("%s, turn %d: after %v, %v; want %v", name, i+1, got.after, got.err, time.Duration(i)*period)
				}
			}
			time.Sleep(busyFor + handshakePatience)
			synctest.Wait()
			if h.free != 1 || len(h.waiting) != 0 {
				t.Errorf("%s: in the end %d turns are free and %d wait", name, h.free, len(h.waiting))
			}
			began = time.Now()
		}
		late := func(name string, patience time.Duration) {
			t.Helper()
			if err := h.wait(); err != nil { // a turn that takes long
				t.Fatal(err)
			}
			waits := come()
			time.Sleep(patience + work)
			come()
			if got := <-waits; !errors.Is(got.err, errCrowd) {
				t.Errorf("%s: who has waited for longer than %v has its turn after %v", name, patience, got.after)
			}
			h.end(work)
			inTurn(name, 0)
		}
		began = time.Now()
		first, second, third := come(), come(), come()
		inTurn("quiet", work, first, third, second)
		late("quiet", handshakePatience)
		shed.Add(1)
		first, second = come(), come()
		inTurn("busy", work+busyRest*work, first, second)
		shed.Add(1)
		late("busy", busyPatience)
		if n := h.refused.Load(); n != 2 {
			t.Errorf("%d are said to be refused, want 2", n)
		}
	})
}

// TestHandshakesAreServed: all of many connections get their turns, also beside clients that don't go on with their
// handshakes, by either version of TLS.
func TestHandshakesAreServed(t *testing.T) {
	for name, version := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			listener, turns := handshaker(t, &tls.Config{MinVersion: tls.VersionTLS12})
			client := &tls.Config{InsecureSkipVerify: true, MaxVersion: version, MinVersion: version}
			for range 2 * runtime.GOMAXPROCS(0) {
				stalled := &stalling{Conn: dial(t, listener), answered: make(chan struct{})}
				go func() { _ = tls.Client(stalled, client).Handshake() }()
				<-stalled.answered
			}
			var served sync.WaitGroup
			for range 40 {
				c := tls.Client(dial(t, listener), client)
				served.Go(func() {
					if !answered(c, "/") {
						t.Error("a connection isn't served")
					}
				})
			}
			served.Wait()
			if n := turns.refused.Load(); n != 0 {
				t.Errorf("%d are said to be refused", n)
			}
		})
	}
}

// TestHandshakeAgain: a client that is asked for another key waits for a second turn.
func TestHandshakeAgain(t *testing.T) {
	listener, turns := handshaker(t, &tls.Config{MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.CurveP521}})
	asked := &stalling{Conn: dial(t, listener), answered: make(chan struct{}), resume: make(chan struct{})}
	c := tls.Client(asked, &tls.Config{InsecureSkipVerify: true, CurvePreferences: []tls.CurveID{tls.CurveP256, tls.CurveP521}})
	ended := make(chan error, 1)
	go func() { ended <- c.Handshake() }()
	<-asked.answered
	all := runtime.GOMAXPROCS(0)
	for range all {
		if err := turns.wait(); err != nil {
			t.Fatal(err)
		}
	}
	close(asked.resume)
	for waiting := 0; waiting == 0; { // for ever, when it takes no second turn
		turns.mu.Lock()
		waiting = len(turns.waiting)
		turns.mu.Unlock()
	}
	for range all {
		turns.end(0)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// handshaker serves TLS with a certificate of its own.
func handshaker(t *testing.T, config *tls.Config) (net.Listener, *handshakes) {
	t.Helper()
	dir := t.TempDir()
	files := certificateFiles{certificate: filepath.Join(dir, "c"), key: filepath.Join(dir, "k")}
	if err := files.make([]string{"127.0.0.1"}); err != nil {
		t.Fatal(err)
	}
	pair, err := files.load()
	if err != nil {
		t.Fatal(err)
	}
	config.Certificates = []tls.Certificate{*pair}
	listener, turns := listenLocally(t), newHandshakes(func() int64 { return 0 })
	config, held := turns.hold(config, listener)
	serving(t, func(_ *http.Server, l net.Listener) net.Listener { return l }, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), config, held)
	return listener, turns
}

// stalling is a client's connection that sends its first message only, until it's to resume.
type stalling struct {
	net.Conn

	sent     bool
	answered chan struct{}
	resume   chan struct{}
	once     sync.Once
}

func (s *stalling) Write(p []byte) (int, error) {
	if s.sent && s.resume == nil {
		return len(p), nil
	}
	if s.sent {
		<-s.resume
	}
	s.sent = true
	return s.Conn.Write(p)
}

func (s *stalling) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	s.once.Do(func() { close(s.answered) })
	return n, err
}
