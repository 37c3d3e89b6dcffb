package runtimeapi

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxPipelined bounds the requests of a connection that wait for their response.
	maxPipelined = 16
	// linger is how long a connection that Lambda has ended is read on, so that the runtime gets to see the last
	// response instead of a reset.
	linger = 500 * time.Millisecond
)

// exchange is a request that was passed on and its response that is awaited.
type exchange struct {
	route  route
	method string
	// head is the request's, kept to poll again; nil when a body followed, which is not kept.
	head []byte
	// done is closed when the response was passed on.
	done chan struct{}
}

// session relays one connection of the runtime over one connection to Lambda. One goroutine carries requests, one
// responses.
type session struct {
	proxy  *Proxy
	client net.Conn
	in     *stream
	// queue holds the exchanges in the order of their requests; waiting counts those without complete response.
	queue   chan *exchange
	waiting atomic.Int32
	// switched: the connection has left HTTP.
	switched atomic.Bool
	// over is closed when responses have ended.
	over chan struct{}

	mu       sync.Mutex
	upstream net.Conn // another one after the proxy has answered for the function
	ended    bool     // the runtime sends no more, or nobody relays
}

func newSession(p *Proxy, in *stream, upstream net.Conn) *session {
	return &session{
		proxy: p, client: in.conn, in: in, upstream: upstream,
		queue: make(chan *exchange, maxPipelined), over: make(chan struct{}),
	}
}

func (s *session) run() {
	go func() {
		defer close(s.over)
		if err := s.responses(newStream(s.upstream, &s.proxy.plain)); err != nil {
			s.abort()
			return
		}
		_ = closeWrite(s.client)
		_ = s.client.SetReadDeadline(time.Now().Add(linger))
	}()
	err := s.requests()
	var unsent *writeError
	if errors.As(err, &unsent) {
		// Lambda takes no more; its last response is still worth having.
		err = s.drain()
	}
	if err != nil {
		s.abort()
	}
	<-s.over
	s.proxy.release(s.lambda())
}

// requests carries requests to Lambda until the runtime sends no more.
func (s *session) requests() error {
	var last *exchange
	for {
		err := s.in.arrived()
		if s.switched.Load() {
			return pipe(s.lambda(), s.in)
		}
		var r request
		head := 0
		if err == nil {
			r, head, err = s.in.request()
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, os.ErrDeadlineExceeded):
			s.sent()
			return nil
		case isMalformed(err):
			return s.reject(err)
		case err != nil:
			return err
		}
		if last != nil && !s.answered(last) {
			return nil
		}
		last, err = s.send(r, head)
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errChunk) {
			// Lambda must see a truncated message, not a complete one and no reset that could overtake what was sent.
			s.sent()
			return s.drain()
		}
		if err != nil {
			return err
		}
	}
}

// sent tells Lambda that the runtime sends no more.
func (s *session) sent() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	_ = closeWrite(s.upstream)
}

// drain reads what the runtime still sends, to nowhere, until the responses have ended.
func (s *session) drain() error {
	_, err := io.Copy(io.Discard, s.client)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}

// answered waits until an exchange is complete, if what follows it must.
func (s *session) answered(e *exchange) bool {
	if e.route.kind != routePoll {
		return true
	}
	select {
	case <-e.done:
		return true
	case <-s.over:
		return false
	}
}

// send passes one request on.
func (s *session) send(r request, head int) (*exchange, error) {
	e := &exchange{route: routeOf(r.method, r.target), method: r.method, done: make(chan struct{})}
	if e.route.kind == routePoll {
		if r.body.done() {
			e.head = append(e.head, s.in.buffered()[:head]...)
		}
		s.proxy.beforePoll()
	}
	s.waiting.Add(1)
	select {
	case s.queue <- e:
	case <-s.over:
		return e, &writeError{net.ErrClosed}
	}
	return e, s.in.pass(s.lambda(), head, &r.body)
}

// reject answers a request whose end is not certain, unless responses are under way.
func (s *session) reject(err error) error {
	s.proxy.config.Log.Warn("request refused", "error", err.Error())
	if s.waiting.Load() == 0 {
		refuseNow(s.in, 400, "Autodefend.BadRequest", err.Error())
	}
	return err
}

// abort ends both connections at once; the peers see a reset, not an end that could pass for a complete message.
func (s *session) abort() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	for _, conn := range []net.Conn{s.client, s.upstream} {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
}

func (s *session) lambda() net.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.upstream
}

func isMalformed(err error) bool {
	return errors.Is(err, errHead) || errors.Is(err, errHeadTooLarge) || errors.Is(err, errFraming)
}

// closeWrite tells a peer that nothing more comes.
func closeWrite(conn net.Conn) error {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return conn.Close()
}

// pipe passes on all that comes, unread.
func pipe(dst net.Conn, src *stream) error {
	b := closeBody()
	err := src.pass(dst, 0, &b)
	if err == nil {
		err = closeWrite(dst)
	}
	return err
}
