package runtimeapi

import (
	"errors"
	"io"
	"net"
)

// responses carries responses to the runtime until Lambda sends no more. The error is nil when the connection ended as
// Lambda wanted it to.
func (s *session) responses(out *stream) error {
	for {
		if err := out.arrived(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		select {
		case e := <-s.queue:
			next, err := s.respond(out, e)
			close(e.done)
			s.waiting.Add(-1)
			if err != nil || next == nil {
				return err
			}
			out = next
		default:
			// Nobody asked: a server that ends an idle connection may say why.
			return pipe(s.client, out)
		}
	}
}

// respond carries the response to one request. It returns the stream of those to come, or nil when there are none.
func (s *session) respond(out *stream, e *exchange) (*stream, error) {
	for {
		r, head, err := out.response(e.method)
		if isMalformed(err) || errors.Is(err, io.ErrUnexpectedEOF) {
			s.proxy.config.Log.Warn("response passed on unread", "error", err.Error())
			return nil, pipe(s.client, out)
		}
		if err != nil {
			return nil, err
		}
		if r.status == 101 || e.method == "CONNECT" && r.status/100 == 2 {
			s.switched.Store(true)
			return nil, pipe(s.client, out)
		}
		if e.route.kind == routePoll && r.status == 200 {
			next, err := s.inspect(out, e, head, r.body)
			if err != nil {
				return nil, err
			}
			if next != nil {
				out = next
				continue
			}
		}
		if err := s.deliver(out, e, r, head); err != nil {
			return nil, err
		}
		if r.status >= 200 {
			return out, nil
		}
	}
}

// deliver passes a response on and calls the hooks that are about it.
func (s *session) deliver(out *stream, e *exchange, r response, head int) error {
	hooks := s.proxy.config.Hooks
	accepted := r.status/100 == 2
	if accepted && e.route.kind == routeRestore && hooks.Restored != nil {
		hooks.Restored(s.proxy.ctx)
	}
	ends := e.route.kind == routeAnswer || e.route.kind == routeFailure
	if !accepted || !ends || hooks.Response == nil {
		return uncut(out.pass(s.client, head, &r.body))
	}
	s.proxy.flushing.RLock()
	defer s.proxy.flushing.RUnlock()
	err := uncut(out.pass(s.client, head, &r.body))
	hooks.Response(s.proxy.ctx, e.route.id)
	return err
}

// uncut lets a body that Lambda cut short end as it did: with the connection, which the next read finds at its end.
func uncut(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// inspect shows an event to its hook. It returns another stream when the function does not get to see the event: that
// of the poll for the next one.
func (s *session) inspect(out *stream, e *exchange, head int, b body) (*stream, error) {
	hook := s.proxy.config.Hooks.Invocation
	if hook == nil {
		return nil, nil
	}
	invocation := newInvocation(out, head, b)
	if invocation == nil {
		return nil, nil
	}
	reply, err := hook(s.proxy.ctx, invocation)
	if err != nil {
		s.proxy.config.Log.Error("event not inspected", "requestID", invocation.RequestID, "error", err.Error())
	}
	if reply == nil {
		return nil, nil
	}
	if err := out.skip(head, &b); err != nil {
		return nil, err
	}
	conn, err := s.answer(e, invocation.RequestID, reply)
	if err != nil {
		return nil, err
	}
	return newStream(conn, &s.proxy.plain), nil
}

// swap goes on with another connection to Lambda, unless the runtime is gone.
func (s *session) swap(conn net.Conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		s.proxy.release(conn)
		return net.ErrClosed
	}
	s.proxy.release(s.upstream)
	s.upstream = conn
	return nil
}
