//go:build linux

package runner

import "encoding/binary"

// The log descriptor that runtimes get at number 3 carries frames: four bytes
// of type, four of length, with some types eight of time, then the text.
const (
	frameMagic  = 0xa55a
	frameHeader = 8
	// frameTimed marks types with a time.
	frameTimed = 0x02
	// maxFrame bounds a frame; what claims to be longer is taken as text.
	maxFrame = 1 << 20
)

// frames decodes the frames of one descriptor, in pieces of any size.
type frames struct {
	pending []byte
}

// decode returns the texts, each ended by a line break, of the frames that are
// complete. What isn't a frame passes as it is.
func (f *frames) decode(p []byte) []byte {
	f.pending = append(f.pending, p...)
	var text []byte
	for len(f.pending) > 0 {
		body, size := f.next()
		if size == 0 {
			break
		}
		text = append(text, body...)
		if n := len(text); n > 0 && text[n-1] != '\n' {
			text = append(text, '\n')
		}
		f.pending = f.pending[size:]
	}
	return text
}

// next returns the first frame's text and the frame's size, 0 when more must
// come first.
func (f *frames) next() ([]byte, int) {
	if f.pending[0] != frameMagic>>8 {
		return f.pending, len(f.pending)
	}
	if len(f.pending) < frameHeader {
		return nil, 0
	}
	kind, length := binary.BigEndian.Uint32(f.pending), int(binary.BigEndian.Uint32(f.pending[4:]))
	if kind>>16 != frameMagic || length > maxFrame {
		return f.pending, len(f.pending)
	}
	start := frameHeader
	if kind&frameTimed != 0 {
		start += 8
	}
	if len(f.pending) < start+length {
		return nil, 0
	}
	return f.pending[start : start+length], start + length
}
