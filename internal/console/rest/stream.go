package rest

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/autodefend/autodefend/internal/console/route"
)

// mediaEvents is the media type of server-sent events, which never end by themselves.
const mediaEvents = "text/event-stream"

// stream begins a response that the handler writes itself. It changes from the class of its route to that of streams,
// whose time isn't bounded as a whole but for each piece.
func (e *endpoint) stream(x *exchange, media string, admitted *pass, cancel context.CancelCauseFunc) (route.Stream, error) {
	if x.streamed {
		return nil, errors.New("a second stream in one response")
	}
	slot, err := e.gates[classStreams].enter()
	if err != nil {
		e.metrics.shed(classStreams)
		return nil, err
	}
	if err := slot.name(admitted.caller); err != nil {
		slot.leave()
		return nil, err
	}
	admitted.leave()
	x.pass, x.streamed = slot, true
	s := &stream{w: x.w, rc: http.NewResponseController(x.w), wait: e.limits.Write, head: x.r.Method == http.MethodHead}
	if strings.HasPrefix(media, mediaEvents) {
		s.allowed = func() error { return e.stillAllowed(x) }
		stop := context.AfterFunc(e.drained, func() { cancel(context.Canceled) })
		context.AfterFunc(x.r.Context(), func() { stop() })
		x.w.Header().Set("X-Accel-Buffering", "no")
	}
	e.nameTable(x, media)
	x.w.Header().Set("Content-Type", media)
	x.w.WriteHeader(http.StatusOK)
	return s, s.Flush()
}

// stream is a response that is written piece by piece. Each piece has its own deadline.
type stream struct {
	w    http.ResponseWriter
	rc   *http.ResponseController
	wait time.Duration
	head bool
	// allowed fails once the caller may no longer have what is sent; nil for what ends by itself.
	allowed func() error
}

// stillAllowed fails once the caller's session, permissions or collections aren't what they were: what the handler decided by
// them at the beginning holds no longer, and an open stream ends with them.
func (e *endpoint) stillAllowed(x *exchange) error {
	principal, err := e.authenticate(x)
	same := maps.Equal(principal.Permissions, x.principal.Permissions) && slices.Equal(principal.Collections, x.principal.Collections)
	if err == nil && !same {
		err = errNoLonger
	}
	return err
}

// errNoLonger ends the stream of a caller who may do or see something else now.
var errNoLonger = errors.New("the caller may no longer have this")

// errHead ends the stream of a request that wants the headers only.
var errHead = errors.New("the request is HEAD")

// Write sends a piece.
func (s *stream) Write(p []byte) (int, error) {
	if s.head {
		return 0, errHead
	}
	if s.allowed != nil {
		if err := s.allowed(); err != nil {
			return 0, err
		}
	}
	if err := s.deadline(); err != nil {
		return 0, err
	}
	return s.w.Write(p)
}

// Flush sends what is still held back.
func (s *stream) Flush() error {
	if err := s.deadline(); err != nil {
		return err
	}
	return s.rc.Flush()
}

func (s *stream) deadline() error {
	err := s.rc.SetWriteDeadline(time.Now().Add(s.wait))
	if errors.Is(err, http.ErrNotSupported) {
		return nil // a writer of tests
	}
	return err
}
