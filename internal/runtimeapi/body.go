package runtimeapi

import (
	"errors"
	"io"
	"math"
)

var errChunk = errors.New("malformed chunk")

// framing is how the end of a body is told.
type framing uint8

const (
	framedByLength framing = iota
	framedByChunks
	framedByClose
)

// body follows a message's body and tells its bytes from those of the next message. It looks at bytes and keeps none.
type body struct {
	framing framing
	state   chunkState
	// left counts the data bytes that are still to come: of the body, or of the current chunk.
	left   int64
	digits int
	// closed: the connection ended, and with it the body.
	closed bool
}

// chunkState is the place inside a chunked body.
type chunkState uint8

const (
	chunkSize chunkState = iota
	chunkExtension
	chunkSizeEnd
	chunkData
	chunkDataEnd
	chunkNext
	trailerStart
	trailerLine
	trailerLineEnd
	trailersEnd
	chunksDone
)

const maxChunkDigits = 15

func lengthBody(n int64) body { return body{left: n} }
func chunkedBody() body       { return body{framing: framedByChunks} }
func closeBody() body         { return body{framing: framedByClose, left: math.MaxInt64} }

// done reports whether the body is complete.
func (b *body) done() bool {
	switch b.framing {
	case framedByChunks:
		return b.state == chunksDone
	case framedByClose:
		return b.closed
	default:
		return b.left == 0
	}
}

// ended tells the body that its connection has ended.
func (b *body) ended() error {
	if b.framing == framedByClose {
		b.closed = true
		return nil
	}
	return io.ErrUnexpectedEOF
}

// advance consumes those first bytes of p that belong to the body.
func (b *body) advance(p []byte) (int, error) {
	total := 0
	for total < len(p) && !b.done() {
		n, _, err := b.next(p[total:])
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// next consumes a run of bytes that are all data or all framing, and says which. p is not empty and the body not done.
func (b *body) next(p []byte) (int, bool, error) {
	if b.framing != framedByChunks || b.state == chunkData {
		n := min(b.left, int64(len(p)))
		b.took(n)
		return int(n), true, nil
	}
	for i, c := range p {
		if b.state == chunkData || b.state == chunksDone {
			return i, false, nil
		}
		if !b.step(c) {
			return i, false, errChunk
		}
	}
	return len(p), false, nil
}

// took notes that n data bytes went by.
func (b *body) took(n int64) {
	if b.framing == framedByClose {
		return
	}
	b.left -= n
	if b.left == 0 && b.framing == framedByChunks {
		b.state = chunkDataEnd
	}
}

// step takes one byte of a chunked body's framing. Line ends are CR LF without exception.
func (b *body) step(c byte) bool {
	switch b.state {
	case chunkSize:
		return b.sizeByte(c)
	case chunkExtension:
		if c == '\r' {
			b.state = chunkSizeEnd
		}
		return c != '\n'
	case chunkSizeEnd:
		b.state = chunkData
		if b.left == 0 {
			b.state = trailerStart
		}
		return c == '\n'
	case chunkDataEnd:
		b.state = chunkNext
		return c == '\r'
	case chunkNext:
		b.state, b.digits = chunkSize, 0
		return c == '\n'
	case trailerStart, trailerLine:
		return b.trailerByte(c)
	case trailerLineEnd:
		b.state = trailerStart
		return c == '\n'
	default:
		b.state = chunksDone
		return c == '\n'
	}
}

func (b *body) sizeByte(c byte) bool {
	digit := int64(-1)
	switch {
	case c >= '0' && c <= '9':
		digit = int64(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		digit = int64(c|0x20-'a') + 10
	}
	if digit >= 0 {
		b.left = b.left<<4 | digit
		b.digits++
		return b.digits <= maxChunkDigits
	}
	switch c {
	case '\r':
		b.state = chunkSizeEnd
	case ';', ' ', '\t':
		b.state = chunkExtension
	default:
		return false
	}
	return b.digits > 0
}

func (b *body) trailerByte(c byte) bool {
	switch {
	case c == '\n':
		return false
	case c != '\r':
		b.state = trailerLine
	case b.state == trailerStart:
		b.state = trailersEnd
	default:
		b.state = trailerLineEnd
	}
	return true
}
