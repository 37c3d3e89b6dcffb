package preload

import (
	"container/list"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// connectionsMax bounds how many askers are served at a time, and with them memory and descriptors.
	connectionsMax = 128
	// silenceMax is how long a connected process may keep silent when others wait for its place. A shim asks at once.
	silenceMax = 250 * time.Millisecond
	// endWait is how long a process that was told to end may take to do it.
	endWait = 500 * time.Millisecond
	// answerWait is how long a process may take to accept its answer, which fits into its socket's buffer.
	answerWait = time.Second
)

// Serve answers questions until Close. It returns nil then, and else what made it stop.
func (t *Tier) Serve() error {
	for {
		conn, err := t.listener.AcceptUnix()
		switch {
		case err == nil:
			t.admit(conn)
		case errors.Is(err, net.ErrClosed):
			t.serving.Wait()
			return nil
		case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE), errors.Is(err, unix.ENOMEM):
			t.config.Log.Warn("preload: no room for a question", "err", err)
			t.places.evict(0)
			time.Sleep(time.Millisecond) // what is missing comes back when a question is answered
		default:
			return fmt.Errorf("accept a question: %w", err)
		}
	}
}

func (t *Tier) admit(conn *net.UnixConn) {
	place := t.places.enter(conn)
	t.serving.Go(func() {
		defer t.places.leave()
		defer func() { _ = conn.Close() }()
		t.serveOne(conn, place)
	})
}

// serveOne answers one question. What is no question is denied: silence would leave the decision to the fail mode.
func (t *Tier) serveOne(conn *net.UnixConn, place *list.Element) {
	buffer, _ := t.buffers.Get().(*[packetMax + 1]byte)
	defer t.buffers.Put(buffer)
	// Without room for control messages, descriptors that come along are closed by the kernel.
	n, _, flags, _, err := conn.ReadMsgUnix(buffer[:], nil)
	t.places.asked(place)
	if err != nil || n == 0 {
		return
	}
	q, err := parseQuestion(buffer[:n])
	if err != nil || flags&unix.MSG_TRUNC != 0 {
		t.config.Log.Debug("preload: refused", "err", err)
		t.send(conn, answer{verdict: deny, errno: unix.EINVAL})
		return
	}
	who, err := peerOf(conn)
	if err != nil {
		return
	}
	defer who.close()
	if who.gone() {
		return // its number may be another process's by now, and nobody waits for the answer
	}
	a := t.reply(who.pid, q)
	t.send(conn, a)
	if a.verdict == exit {
		who.ensureEnd(endWait)
	}
}

func (t *Tier) send(conn *net.UnixConn, a answer) {
	var rights []byte
	if a.table > 0 {
		rights = t.rights
	}
	_ = conn.SetWriteDeadline(time.Now().Add(answerWait))
	if _, _, err := conn.WriteMsgUnix(a.encode(), rights, nil); err != nil {
		t.config.Log.Debug("preload: answer", "err", err)
	}
}

// places are for connections that are being served. Those that haven't asked yet can be sent away.
type places struct {
	taken chan struct{}

	mu     sync.Mutex // guards silent
	silent list.List  // of silentConn, the oldest first
}

type silentConn struct {
	conn  *net.UnixConn
	since time.Time
}

func newPlaces(limit int) *places {
	return &places{taken: make(chan struct{}, limit)}
}

// enter waits for a place. While there is none, whoever keeps silent for too long loses the own one.
func (p *places) enter(conn *net.UnixConn) *list.Element {
	for {
		select {
		case p.taken <- struct{}{}:
			return p.add(conn)
		case <-time.After(p.evict(silenceMax)):
		}
	}
}

func (p *places) add(conn *net.UnixConn) *list.Element {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.silent.PushBack(silentConn{conn: conn, since: time.Now()})
}

// asked notes that a connection isn't silent any more.
func (p *places) asked(place *list.Element) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent.Remove(place)
}

func (p *places) leave() { <-p.taken }

// evict ends the oldest silent connection if it has been silent for that long, and returns when to look again.
func (p *places) evict(silence time.Duration) time.Duration {
	const soon = 10 * time.Millisecond
	p.mu.Lock()
	defer p.mu.Unlock()
	oldest := p.silent.Front()
	if oldest == nil {
		return soon
	}
	held, _ := oldest.Value.(silentConn)
	if left := silence - time.Since(held.since); left > 0 {
		return left
	}
	p.silent.Remove(oldest)
	_, _ = held.conn.Write(answer{verdict: deny, errno: unix.EAGAIN}.encode())
	_ = held.conn.Close()
	return soon
}
