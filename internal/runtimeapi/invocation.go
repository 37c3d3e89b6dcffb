package runtimeapi

import (
	"errors"
	"io"
	"strconv"
	"time"
)

// maxEvent bounds the bytes of an event, with the framing of its chunks, that are kept for its inspection. Lambda's own
// limit is 6 MB.
const maxEvent = 8 << 20

// ErrEventTooLarge is what reading an [Invocation] beyond 8 MiB gives. The function still gets the whole event.
var ErrEventTooLarge = errors.New("event too large to inspect")

// Invocation is an event on its way to the function. It is valid until the hook returns.
type Invocation struct {
	RequestID string
	// Deadline is when Lambda ends the invocation; the zero time when Lambda didn't say.
	Deadline time.Time
	// ARN is the function's name as it was invoked, with version or alias.
	ARN string
	// TraceID is the X-Ray trace header; "" without tracing.
	TraceID string
	// TenantID is set for functions with tenant isolation.
	TenantID string
	// Length is the event's size in bytes, or -1 when it arrives in chunks.
	Length int64
	// Body reads the event. Bytes that nobody reads are not kept.
	Body io.Reader

	head   []byte
	reader *eventReader
}

// Event returns the whole event; it's an alternative to reading Body. An event whose length Lambda said, as it does, is
// not copied: the bytes are the proxy's own, must not be changed, and are valid until the hook returns. Beyond 8 MiB
// the error is [ErrEventTooLarge].
func (i *Invocation) Event() ([]byte, error) {
	if i.Length < 0 {
		return io.ReadAll(i.Body)
	}
	if i.Length > maxEvent {
		return nil, ErrEventTooLarge
	}
	r := i.reader
	end := r.head + int(i.Length)
	r.stream.reserve(end - len(r.stream.buffered()))
	for len(r.stream.buffered()) < end {
		if err := r.stream.fill(); err != nil {
			return nil, noEOF(err)
		}
	}
	return r.stream.buffered()[r.head:end], nil
}

// noEOF turns an end that came too early into an error that says so.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Header returns a field of Lambda's response, or "".
func (i *Invocation) Header(name string) string { return field(i.head, name) }

// newInvocation describes the event in s, whose head has the given length; nil when it is none.
func newInvocation(s *stream, head int, b body) *Invocation {
	i := &Invocation{Length: -1, head: append([]byte(nil), s.buffered()[:head]...)}
	if i.RequestID = i.Header("Lambda-Runtime-Aws-Request-Id"); i.RequestID == "" {
		return nil
	}
	if ms, err := strconv.ParseInt(i.Header("Lambda-Runtime-Deadline-Ms"), 10, 64); err == nil {
		i.Deadline = time.UnixMilli(ms)
	}
	i.ARN = i.Header("Lambda-Runtime-Invoked-Function-Arn")
	i.TraceID = i.Header("Lambda-Runtime-Trace-Id")
	i.TenantID = i.Header("Lambda-Runtime-Aws-Tenant-Id")
	if b.framing == framedByLength {
		i.Length = b.left
	}
	i.reader = &eventReader{stream: s, body: b, head: head, offset: head}
	i.Body = i.reader
	return i
}

// eventReader reads the data of a body and leaves its bytes in the stream, to be passed on later.
type eventReader struct {
	stream *stream
	body   body
	// head is the length of the head, offset that of what was read; both from the stream's start.
	head, offset int
}

func (r *eventReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for !r.body.done() {
		room := maxEvent - (r.offset - r.head)
		if room <= 0 {
			return 0, ErrEventTooLarge
		}
		arrived := r.stream.buffered()[r.offset:]
		if len(arrived) == 0 {
			if err := r.wait(); err != nil {
				return 0, err
			}
			continue
		}
		n, data, err := r.body.next(arrived[:min(len(arrived), len(p), room)])
		if err != nil {
			return 0, err
		}
		r.offset += n
		if data {
			return copy(p, arrived[:n]), nil
		}
	}
	return 0, io.EOF
}

// wait gets more of the event into the stream.
func (r *eventReader) wait() error {
	if r.body.framing == framedByLength {
		r.stream.reserve(int(min(r.body.left, maxEvent)))
	}
	err := r.stream.fill()
	if errors.Is(err, io.EOF) {
		return r.body.ended()
	}
	return err
}
