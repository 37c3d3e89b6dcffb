//go:build linux

package runner

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
)

// maxLog bounds what is kept of one invocation's log, in bytes.
const maxLog = 4 << 20

// logs gathers what a sandbox's processes and the platform write. It is safe
// for concurrent use.
type logs struct {
	copyTo io.Writer // every byte goes here too

	mu      sync.Mutex // guards below, and reading from the pipes
	current *tail
	pipes   []*logPipe
	reading sync.WaitGroup
}

// logPipe is a pipe that processes write to.
type logPipe struct {
	ours   *os.File
	raw    syscall.RawConn
	theirs *os.File
	// decode turns what was read into text; nil keeps it.
	decode func([]byte) []byte
	closed bool
}

func newLogs(copyTo io.Writer) *logs {
	return &logs{copyTo: copyTo, current: newTail(maxLog)}
}

// pipe opens a pipe for processes to write to.
func (l *logs) pipe(decode func([]byte) []byte) (*os.File, error) {
	ours, theirs, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("open log pipe: %w", err)
	}
	raw, err := ours.SyscallConn()
	if err != nil {
		shut(ours)
		shut(theirs)
		return nil, fmt.Errorf("open log pipe: %w", err)
	}
	p := &logPipe{ours: ours, raw: raw, theirs: theirs, decode: decode}
	l.mu.Lock()
	l.pipes = append(l.pipes, p)
	l.mu.Unlock()
	l.reading.Go(func() { l.read(p) })
	return theirs, nil
}

// read reads a pipe until it is closed. It reads and keeps in one step under
// the lock, so that drain knows that nothing is on the way between the two.
func (l *logs) read(p *logPipe) {
	for ended := false; !ended; {
		err := p.raw.Read(func(fd uintptr) bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			var again bool
			again, ended = l.readOnce(p, int(fd))
			return !again
		})
		ended = ended || err != nil
	}
}

// readOnce reads what is there. It reports whether nothing was, and whether
// nothing will be.
// Preconditions: l.mu is held.
func (l *logs) readOnce(p *logPipe, fd int) (bool, bool) {
	buffer := make([]byte, 64<<10)
	n, err := syscall.Read(fd, buffer)
	switch {
	case errors.Is(err, syscall.EAGAIN):
		return true, false
	case errors.Is(err, syscall.EINTR):
		return false, false
	case err != nil || n == 0:
		p.closed = true
		return false, true
	}
	text := buffer[:n]
	if p.decode != nil {
		text = p.decode(text)
	}
	l.keep(text)
	return false, false
}

// keep adds to the log.
// Preconditions: l.mu is held.
func (l *logs) keep(text []byte) {
	_, _ = l.current.Write(text)
	if l.copyTo != nil {
		_, _ = l.copyTo.Write(text) // losing a copy must not lose the log
	}
}

// drain keeps everything that was written before it was called.
func (l *logs) drain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.pipes {
		if p.closed {
			continue
		}
		_ = p.raw.Control(func(fd uintptr) {
			for again, ended := false, false; !again && !ended; {
				again, ended = l.readOnce(p, int(fd))
			}
		})
	}
}

// printf adds a line of the platform's.
func (l *logs) printf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keep(fmt.Appendf(nil, format+"\n", args...))
}

// take returns what was kept and begins anew.
func (l *logs) take() []byte {
	l.drain()
	l.mu.Lock()
	defer l.mu.Unlock()
	text, _ := l.current.Bytes()
	l.current = newTail(maxLog)
	return text
}

// close closes the pipes.
// Preconditions: nobody writes any more.
func (l *logs) close() {
	l.mu.Lock()
	pipes := l.pipes
	l.mu.Unlock()
	for _, p := range pipes {
		shut(p.theirs)
	}
	l.reading.Wait()
	for _, p := range pipes {
		shut(p.ours)
	}
}
