package runtimeapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// maxConnections bounds the runtime's connections that are served at once; more wait in the listener's queue.
	maxConnections = 1024
	// dialTimeout bounds the wait for Lambda's side, which is on the same machine.
	dialTimeout = 5 * time.Second
	// acceptPause is how long to wait for a descriptor when there is none.
	acceptPause = 50 * time.Millisecond
)

// Hooks are called as messages pass. Any may be nil. They are called concurrently when a function serves several
// invocations at once, and hold up the message they are about: whoever does something slow bounds it.
type Hooks struct {
	// Next is called before a poll for the next event is passed on; the sandbox may freeze from then on. All Response
	// hooks that were running have returned.
	Next func(ctx context.Context)
	// Invocation is called when an event arrived. A reply answers for the function, which then never sees the event,
	// and the proxy polls again in its name. With an error and no reply the event goes to the function, and the error to
	// the log.
	Invocation func(ctx context.Context, invocation *Invocation) (*Reply, error)
	// Response is called when Lambda has accepted what became of an invocation, a response or an error, and the runtime
	// knows. The id is "" for an error of the start or of a restore from a snapshot. Polls wait until it returns.
	Response func(ctx context.Context, requestID string)
	// Restored is called when the sandbox was restored from a snapshot, before the runtime knows: time has jumped, and
	// what was learnt from the network is stale.
	Restored func(ctx context.Context)
	// Allowed reports whether the process at the other end of a connection may speak. A connection is asked about once.
	Allowed func(remote net.Addr) bool
}

// Config is what a proxy is made of. Listener and Upstream are required.
type Config struct {
	// Listener is where the runtime connects. The proxy closes it.
	Listener net.Listener
	// Upstream is host:port of the Runtime API, or of whoever stands before us in front of it.
	Upstream string
	Hooks    Hooks
	Log      *slog.Logger
}

// Proxy stands between the runtime and the Runtime API.
type Proxy struct {
	config Config
	ctx    context.Context
	cancel context.CancelFunc
	// plain: the sandbox refuses to move bytes from socket to socket.
	plain atomic.Bool
	// flushing is held for reading while a Response hook runs. A poll takes and releases it for writing, which waits for
	// the hooks that run and not for those to come.
	flushing sync.RWMutex
	running  sync.WaitGroup

	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]struct{}
}

// NewProxy returns a proxy that [Proxy.Serve] starts.
func NewProxy(config Config) *Proxy {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Proxy{config: config, ctx: ctx, cancel: cancel, conns: make(map[net.Conn]struct{})}
}

// Serve relays connections until [Proxy.Close] is called, which makes it return nil, or the listener fails.
func (p *Proxy) Serve() error {
	slots := make(chan struct{}, maxConnections)
	for {
		slots <- struct{}{}
		conn, err := p.config.Listener.Accept()
		if p.ctx.Err() != nil {
			return nil
		}
		if noDescriptor(err) {
			time.Sleep(acceptPause)
			<-slots
			continue
		}
		if err != nil {
			return fmt.Errorf("accept a connection of the runtime: %w", err)
		}
		if !p.track(conn) {
			return nil
		}
		p.running.Go(func() {
			defer func() { <-slots }()
			defer p.release(conn)
			p.serve(conn)
		})
	}
}

// noDescriptor reports whether a connection could not be accepted for a reason that passes.
func noDescriptor(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// Close ends the listener and all connections, and waits for the hooks that run.
func (p *Proxy) Close() error {
	p.cancel()
	err := p.config.Listener.Close()
	p.mu.Lock()
	p.closed = true
	for conn := range p.conns {
		_ = conn.Close()
	}
	p.mu.Unlock()
	p.running.Wait()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close the proxy's listener: %w", err)
	}
	return nil
}

// serve relays one connection of the runtime.
func (p *Proxy) serve(client net.Conn) {
	in := newStream(client, &p.plain)
	if allowed := p.config.Hooks.Allowed; allowed != nil && !allowed(client.RemoteAddr()) {
		p.config.Log.Warn("Runtime API call refused", "remote", client.RemoteAddr().String())
		refuse(in, 403, "Autodefend.Forbidden", "this process may not speak to the Runtime API")
		return
	}
	if in.arrived() != nil {
		return
	}
	upstream, err := p.dial()
	if err != nil {
		p.config.Log.Error("Runtime API not reached", "error", err.Error())
		refuse(in, 502, "Autodefend.Unavailable", "the Runtime API can't be reached")
		return
	}
	newSession(p, in, upstream).run()
}

// dial connects to Lambda's side. The caller releases the connection.
func (p *Proxy) dial() (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialTimeout, KeepAlive: -1}
	conn, err := dialer.DialContext(p.ctx, "tcp", p.config.Upstream)
	if err != nil {
		return nil, fmt.Errorf("connect to the Runtime API: %w", err)
	}
	if !p.track(conn) {
		return nil, net.ErrClosed
	}
	return conn, nil
}

// track takes a connection into those that Close ends. It is false, and the connection closed, after Close.
func (p *Proxy) track(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = conn.Close()
		return false
	}
	p.conns[conn] = struct{}{}
	return true
}

func (p *Proxy) release(conn net.Conn) {
	_ = conn.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
}

func (p *Proxy) beforePoll() {
	p.flushing.Lock()
	p.flushing.Unlock() //nolint:staticcheck // waiting is all it is for
	if p.config.Hooks.Next != nil {
		p.config.Hooks.Next(p.ctx)
	}
}
