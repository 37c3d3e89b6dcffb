package runtimeapi

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"syscall"
)

const (
	// bufferSize holds the heads and a small event of an invocation.
	bufferSize = 4 << 10
	// keepBuffer is the largest buffer a connection keeps between messages.
	keepBuffer = 64 << 10
	// maxHead is more than Lambda's own servers accept (1 MiB), so that it is they who refuse.
	maxHead = 2 << 20
	// moveFrom is the size from which a body is moved by the kernel from socket to socket.
	moveFrom = 16 << 10
)

// stream is the reading end of a connection: bytes that arrived and are not passed on yet.
type stream struct {
	conn       net.Conn
	buf        []byte
	start, end int
	// plain is set once the sandbox refused to move bytes between sockets.
	plain *atomic.Bool
}

func newStream(conn net.Conn, plain *atomic.Bool) *stream {
	return &stream{conn: conn, buf: make([]byte, bufferSize), plain: plain}
}

func (s *stream) buffered() []byte { return s.buf[s.start:s.end] }

func (s *stream) discard(n int) {
	s.start += n
	if s.start < s.end {
		return
	}
	s.start, s.end = 0, 0
	if len(s.buf) > keepBuffer {
		s.buf = make([]byte, bufferSize)
	}
}

// reserve makes room for n more bytes.
func (s *stream) reserve(n int) {
	if s.end+n <= len(s.buf) {
		return
	}
	used := s.end - s.start
	if used+n <= len(s.buf) {
		copy(s.buf, s.buf[s.start:s.end])
	} else {
		grown := make([]byte, max(used+n, 2*len(s.buf)))
		copy(grown, s.buf[s.start:s.end])
		s.buf = grown
	}
	s.start, s.end = 0, used
}

// fill waits for more bytes. Indexes into the buffer change; those relative to its start don't.
func (s *stream) fill() error {
	s.reserve(1)
	n, err := s.conn.Read(s.buf[s.end:])
	s.end += n
	if n > 0 {
		return nil
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// head waits for a complete head and returns it, up to and including its empty line. It stays in the buffer and is
// valid until the next fill. The error is [io.EOF] only between messages.
func (s *stream) head() ([]byte, error) {
	for seen := 0; ; {
		if n := headEnd(s.buffered(), seen); n > 0 {
			return s.buffered()[:n], nil
		}
		seen = s.end - s.start
		if seen >= maxHead {
			return nil, errHeadTooLarge
		}
		err := s.fill()
		if errors.Is(err, io.EOF) && seen > 0 {
			return nil, io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
	}
}

// pass writes the head of the given length and the body that follows it to dst, as the bytes arrive.
func (s *stream) pass(dst net.Conn, head int, b *body) error {
	for {
		n, err := b.advance(s.buffered()[head:])
		if err != nil {
			return err
		}
		if head+n > 0 {
			if _, err := dst.Write(s.buffered()[:head+n]); err != nil {
				return &writeError{err}
			}
			s.discard(head + n)
			head = 0
		}
		if b.done() {
			return nil
		}
		if b.left >= moveFrom && s.start == s.end {
			err = s.move(dst, b)
		} else {
			err = s.fill()
		}
		if errors.Is(err, io.EOF) {
			return b.ended()
		}
		if err != nil {
			return err
		}
	}
}

// move lets the kernel carry what is left of a body, or of one of its chunks, from socket to socket. A sandbox may
// refuse that; the bytes are then copied.
func (s *stream) move(dst net.Conn, b *body) error {
	source := io.LimitedReader{R: s.conn, N: b.left}
	if !s.plain.Load() {
		n, err := io.Copy(dst, &source)
		b.took(n)
		if n > 0 || !refused(err) {
			return moved(n, err)
		}
		s.plain.Store(true)
	}
	n, err := io.Copy(struct{ io.Writer }{dst}, struct{ io.Reader }{&source})
	b.took(n)
	return moved(n, err)
}

// moved turns what [io.Copy] says of an ended source into what a read says.
func moved(n int64, err error) error {
	if err == nil && n == 0 {
		return io.EOF
	}
	var op *net.OpError
	if errors.As(err, &op) && (op.Op == "write" || op.Op == "readfrom") {
		return &writeError{err}
	}
	return err
}

func refused(err error) bool {
	return errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) ||
		errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.EINVAL)
}

// skip reads the head of the given length and the body that follows it to nowhere.
func (s *stream) skip(head int, b *body) error {
	for s.discard(head); ; {
		n, err := b.advance(s.buffered())
		if err != nil {
			return err
		}
		s.discard(n)
		if b.done() {
			return nil
		}
		if err := s.fill(); errors.Is(err, io.EOF) {
			return b.ended()
		} else if err != nil {
			return err
		}
	}
}

// writeError marks an error of the receiving side.
type writeError struct{ err error }

func (e *writeError) Error() string { return e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }

// arrived waits until there is something to look at.
func (s *stream) arrived() error {
	if s.start < s.end {
		return nil
	}
	return s.fill()
}

// request waits for a request's head and returns its meaning and length.
func (s *stream) request() (request, int, error) {
	head, err := s.head()
	if err != nil {
		return request{}, 0, err
	}
	r, err := parseRequest(head)
	return r, len(head), err
}

// response waits for the head of a response to a request with the given method and returns its meaning and length.
func (s *stream) response(method string) (response, int, error) {
	head, err := s.head()
	if err != nil {
		return response{}, 0, err
	}
	r, err := parseResponse(head, method)
	return r, len(head), err
}
