package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"

	"github.com/autodefend/autodefend"
)

// eventReader reads events one after the other: JSON Lines, or JSON values with anything blank between them.
type eventReader struct {
	lines *lineCounter
	dec   *json.Decoder
}

// sourceEvent is an event and the line it begins on.
type sourceEvent struct {
	Line int
	Data []byte
}

// openEvents opens a file with events, or standard input for a hyphen. The caller closes it.
func (a *app) openEvents(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(a.stdin), nil
	}
	f, err := os.Open(name)
	if err == nil {
		info, statErr := f.Stat()
		if statErr == nil && !info.IsDir() {
			return f, nil
		}
		err = errors.Join(statErr, f.Close())
	}
	return nil, autodefend.Errorf(autodefend.CodeInvalid, "option --event: %q can't be read: %s", name, whyNot(err))
}

func newEventReader(r io.Reader) *eventReader {
	lines := &lineCounter{from: bufio.NewReader(r)}
	return &eventReader{lines: lines, dec: json.NewDecoder(lines)}
}

// next returns the next event; [io.EOF] when there is none.
func (r *eventReader) next() (sourceEvent, error) {
	var data json.RawMessage
	if err := r.dec.Decode(&data); err != nil {
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return sourceEvent{}, io.EOF
		}
		at := r.dec.InputOffset()
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			at = max(at, syntax.Offset-1)
		} else if errors.Is(err, io.ErrUnexpectedEOF) {
			return sourceEvent{}, badEvent(r.lines.line(max(r.lines.read-1, 0)), "it ends in the middle of a value")
		} else {
			return sourceEvent{}, autodefend.Errorf(autodefend.CodeInvalid, "the events can't be read: %s", whyNot(err))
		}
		return sourceEvent{}, badEvent(r.lines.line(at), err.Error())
	}
	line := r.lines.line(r.dec.InputOffset() - int64(len(data)))
	r.lines.forget(r.dec.InputOffset())
	return sourceEvent{line, data}, nil
}

func badEvent(line int, why string) error {
	return autodefend.Errorf(autodefend.CodeInvalid, "line %d isn't JSON: %s", line, why).
		WithHint("give one event, or one on each line")
}

// lineCounter remembers where lines begin in what was read through it.
type lineCounter struct {
	from   io.Reader
	read   int64
	before int     // lines that end before the breaks
	breaks []int64 // offsets of line breaks
}

// Read reads and counts.
func (l *lineCounter) Read(p []byte) (int, error) {
	n, err := l.from.Read(p)
	for rest, at := p[:n], l.read; ; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			break
		}
		l.breaks = append(l.breaks, at+int64(i))
		rest, at = rest[i+1:], at+int64(i)+1
	}
	l.read += int64(n)
	return n, err
}

// line returns the line of an offset, from 1.
func (l *lineCounter) line(offset int64) int {
	n := 1 + l.before
	for _, b := range l.breaks {
		if b >= offset {
			break
		}
		n++
	}
	return n
}

// forget drops the breaks before an offset.
func (l *lineCounter) forget(offset int64) {
	n := 0
	for n < len(l.breaks) && l.breaks[n] < offset {
		n++
	}
	l.before += n
	l.breaks = append(l.breaks[:0], l.breaks[n:]...)
}
