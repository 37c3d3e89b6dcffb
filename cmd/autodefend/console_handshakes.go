package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// handshakePatience is how long a handshake waits for its turn at most: functions that start together pass in that time.
	handshakePatience = time.Second
	// busyPatience is the same while the Console is busy, and busyRest is how many times as long as its turn the rest after a
	// handshake is then.
	busyPatience = 20 * time.Millisecond
	busyRest     = 3
	// busyFor is how long a Console that refused a request counts as busy.
	busyFor = time.Second
)

// errCrowd refuses a handshake.
var errCrowd = errors.New("too many connections are being made")

// handshakes lets as many TLS handshakes be worked on as there are processors, and gives them a quarter of those while the
// Console refuses requests because it has too much to do: one costs as much as some ten requests that are refused, so that a
// crowd of new connections would leave nothing to those that are served.
//
// A handshake has its turn from the client's first message to the server's answer. Of those who wait the newest gets the next
// one, as the oldest may have given up; who has waited too long is refused by a TLS alert, and may try again.
type handshakes struct {
	// shed is how many requests the Console refused so far because it had too much to do.
	shed    func() int64
	refused atomic.Int64

	mu      sync.Mutex // guards the fields below
	free    int
	waiting []handshake // oldest first
	seen    int64       // of shed
	last    time.Time   // when seen grew
}

// handshake is one that waits.
type handshake struct {
	came time.Time
	turn chan<- bool // false refuses it
}

func newHandshakes(shed func() int64) *handshakes {
	return &handshakes{free: runtime.GOMAXPROCS(0), shed: shed, seen: shed()}
}

// wait returns when it's the caller's turn, which it ends by end, or with errCrowd.
func (h *handshakes) wait() error {
	h.mu.Lock()
	if h.free > 0 {
		h.free--
		h.mu.Unlock()
		return nil
	}
	turn, now := make(chan bool, 1), time.Now()
	h.waiting = append(h.waiting, handshake{now, turn})
	h.refuse(now)
	h.mu.Unlock()
	if !<-turn {
		return errCrowd
	}
	return nil
}

// end ends a turn that took so long.
func (h *handshakes) end(took time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := time.Now(); h.busy(now) {
		time.AfterFunc(busyRest*took, h.rested)
	} else {
		h.next(now)
	}
}

// rested ends the rest after a turn.
func (h *handshakes) rested() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next(time.Now())
}

// next gives a turn that has ended to the newest who waits. Preconditions: mu is held.
func (h *handshakes) next(now time.Time) {
	h.refuse(now)
	newest := len(h.waiting) - 1
	if newest < 0 {
		h.free++
		return
	}
	h.waiting[newest].turn <- true
	h.waiting = h.waiting[:newest]
}

// busy tells whether the Console refuses requests. Preconditions: mu is held.
func (h *handshakes) busy(now time.Time) bool {
	if shed := h.shed(); shed != h.seen {
		h.seen, h.last = shed, now
	}
	return now.Sub(h.last) < busyFor
}

// refuse refuses those who have waited too long. Preconditions: mu is held.
func (h *handshakes) refuse(now time.Time) {
	patience := handshakePatience
	if h.busy(now) {
		patience = busyPatience
	}
	late := 0
	for late < len(h.waiting) && now.Sub(h.waiting[late].came) > patience {
		h.waiting[late].turn <- false
		late++
	}
	h.refused.Add(int64(late))
	h.waiting = slices.Delete(h.waiting, 0, late)
}

// hold makes a TLS configuration and the listener that it serves keep to the turns.
func (h *handshakes) hold(config *tls.Config, listener net.Listener) (*tls.Config, net.Listener) {
	held := config.Clone()
	held.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if c, ok := hello.Conn.(*handshaking); ok {
			return nil, c.begin()
		}
		return nil, nil //nolint:nilnil // crypto/tls takes nil for the configuration as it is
	}
	return held, handshakeListener{listener, h}
}

type handshakeListener struct {
	net.Listener

	all *handshakes
}

func (l handshakeListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &handshaking{Conn: c, all: l.all}, nil
}

// handshaking is a connection whose handshake has its turn until something is written: the server's whole answer is. What
// follows costs little, and the client can let us wait for it. Only when the server asks for another first message the work
// is still to come, and takes another turn.
type handshaking struct {
	net.Conn

	all   *handshakes
	began time.Time
	turn  atomic.Bool
	again bool
}

func (c *handshaking) begin() error {
	if err := c.all.wait(); err != nil {
		return err
	}
	c.began = time.Now()
	c.turn.Store(true)
	return nil
}

// end ends the turn, and tells whether there was one.
func (c *handshaking) end() bool {
	if !c.turn.CompareAndSwap(true, false) {
		return false
	}
	c.all.end(time.Since(c.began))
	return true
}

// Read ends a turn, as the client decides how long it takes.
func (c *handshaking) Read(p []byte) (int, error) {
	c.end()
	n, err := c.Conn.Read(p)
	if c.again && err == nil {
		err = c.begin()
	}
	return n, err
}

func (c *handshaking) Write(p []byte) (int, error) {
	if c.end() {
		c.again = asksAgain(p)
	}
	return c.Conn.Write(p)
}

// Close ends a turn, too, as an answer may never be written.
func (c *handshaking) Close() error {
	c.end()
	return c.Conn.Close()
}

// asksAgain tells whether a record of TLS is a HelloRetryRequest: a ServerHello whose random part says so (RFC 8446, 4.1.3).
func asksAgain(record []byte) bool {
	const handshakeRecord, serverHello, header, random = 22, 2, 5, 5 + 4 + 2
	retry := sha256.Sum256([]byte("HelloRetryRequest"))
	return len(record) >= random+len(retry) && record[0] == handshakeRecord && record[header] == serverHello &&
		bytes.Equal(record[random:random+len(retry)], retry[:])
}
