package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// serving serves nothing but empty answers by a listener until the test ends.
func serving(t *testing.T, config *tls.Config, listener net.Listener) {
	t.Helper()
	server := &http.Server{
		ReadHeaderTimeout: time.Minute, TLSConfig: config, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo),
		Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
	}
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
func answered(c net.Conn) bool {
	if _, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		return false
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return false
	}
	return answer.Body.Close() == nil
}

// TestConnections: those beyond the most are reset, until others are gone.
func TestConnections(t *testing.T) {
	listener, bound := listenLocally(t), &connections{most: 2}
	serving(t, nil, bound.hold(listener))
	first, second := dial(t, listener), dial(t, listener)
	if !answered(first) || !answered(second) {
		t.Fatal("the most aren't served")
	}
	if answered(dial(t, listener)) || bound.refused.Load() != 1 {
		t.Errorf("one beyond the most is served, or %d are said to be refused", bound.refused.Load())
	}
	_ = first.Close()
	for !answered(dial(t, listener)) { // as soon as the server has noticed
	}
	if !answered(second) {
		t.Error("one that was kept isn't served any more")
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
	dir := t.TempDir()
	files := certificateFiles{certificate: filepath.Join(dir, "c"), key: filepath.Join(dir, "k")}
	if err := files.make([]string{"127.0.0.1"}); err != nil {
		t.Fatal(err)
	}
	pair, err := files.load()
	if err != nil {
		t.Fatal(err)
	}
	for name, version := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			listener, turns := listenLocally(t), newHandshakes(func() int64 { return 0 })
			config, held := turns.hold(&tls.Config{Certificates: []tls.Certificate{*pair}, MinVersion: tls.VersionTLS12}, listener)
			serving(t, config, held)
			client := &tls.Config{InsecureSkipVerify: true, MaxVersion: version, MinVersion: version}
			for range 2 * turns.free {
				stalled := &stalling{Conn: dial(t, listener), answered: make(chan struct{})}
				go func() { _ = tls.Client(stalled, client).Handshake() }()
				<-stalled.answered
			}
			var served sync.WaitGroup
			for range 40 {
				c := tls.Client(dial(t, listener), client)
				served.Go(func() {
					if !answered(c) {
						t.Error("a connection isn't served")
					}
				})
			}
			served.Wait()
		})
	}
}

// stalling is a client's connection that sends its first message only.
type stalling struct {
	net.Conn

	sent     bool
	answered chan struct{}
	once     sync.Once
}

func (s *stalling) Write(p []byte) (int, error) {
	if s.sent {
		return len(p), nil
	}
	s.sent = true
	return s.Conn.Write(p)
}

func (s *stalling) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	s.once.Do(func() { close(s.answered) })
	return n, err
}
