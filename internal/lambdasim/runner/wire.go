//go:build linux

package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// The runner and the sandbox's first process talk over a socket that keeps
// message boundaries: JSON, with descriptors beside it.

const (
	// maxMessage bounds a message; the largest carries a command line and an
	// environment.
	maxMessage = 192 << 10
	// maxDescriptors bounds the descriptors of one message.
	maxDescriptors = 16
)

// errTooLong is the cause when a message does not fit.
var errTooLong = errors.New("command line and environment are too long")

// Kinds of messages: the first four go into the sandbox.
const (
	kindSetup   = "setup"
	kindStart   = "start"
	kindSignal  = "signal"
	kindMeasure = "measure"

	kindReady    = "ready"
	kindStarted  = "started"
	kindExited   = "exited"
	kindMeasured = "measured"
)

// message is what the two say to each other.
type message struct {
	Kind string
	// ID names a process of the sandbox; 0 with kindSignal is all of them.
	ID      int      `json:",omitempty"`
	Setup   *setup   `json:",omitempty"`
	Process *process `json:",omitempty"`
	// Signal is sent to the process's group, or to everybody.
	Signal int `json:",omitempty"`
	// Status is the wait status of a process that ended.
	Status uint32 `json:",omitempty"`
	// Bytes is a limit with kindMeasure, and with kindMeasured the memory in
	// use.
	Bytes int64 `json:",omitempty"`
	// Over reports that the limit was passed and everybody was killed.
	Over bool `json:",omitempty"`
	// Failure says why something was not done; Errno is its cause, if it is a
	// refusal of the kernel.
	Failure string `json:",omitempty"`
	Errno   int    `json:",omitempty"`
}

// setup is how a sandbox shall be made.
type setup struct {
	// Root is where to build the sandbox's root directory; empty keeps this
	// machine's files and processes in sight.
	Root *rootPlan `json:",omitempty"`
	// Network asks for a network of its own and a listening socket in it.
	Network bool `json:",omitempty"`
}

// process is a program to start in a sandbox.
type process struct {
	Argv, Env []string
	Dir       string
	UID, GID  int
	Profile   Profile
	// LogPipe reports that a descriptor for number 3 comes after the standard
	// ones; Cgroups is how many descriptors of cgroup.procs files follow it.
	LogPipe bool `json:",omitempty"`
	Cgroups int  `json:",omitempty"`
	// Namespaces reports that the kernel gave the sandbox its own users.
	Namespaces bool `json:",omitempty"`
}

// failed returns a message of a kind that carries an error.
func failed(kind string, id int, err error) message {
	m := message{Kind: kind, ID: id, Failure: err.Error()}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		m.Errno = int(errno)
	}
	return m
}

// err returns the error that a message carries, or nil.
func (m message) err() error {
	switch {
	case m.Failure == "":
		return nil
	case m.Errno != 0:
		return remoteError{m.Failure, syscall.Errno(m.Errno)}
	}
	return errors.New(m.Failure)
}

// remoteError is an error from inside the sandbox.
type remoteError struct {
	text  string
	cause syscall.Errno
}

// Error returns the error's text.
func (e remoteError) Error() string { return e.text }

// Unwrap returns the kernel's refusal.
func (e remoteError) Unwrap() error { return e.cause }

// link is one end of the socket. Its methods may be used by one reader and any
// number of writers at a time.
type link struct {
	conn *net.UnixConn
	mu   sync.Mutex // guards writing
}

// newLink wraps one end of a socket pair and closes the file.
func newLink(f *os.File) (*link, error) {
	defer shut(f)
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("open control socket: %w", err)
	}
	return &link{conn: c.(*net.UnixConn)}, nil
}

// linkPair returns both ends of a socket.
func linkPair() (*link, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make control socket: %w", err)
	}
	other := os.NewFile(uintptr(fds[1]), "control")
	l, err := newLink(os.NewFile(uintptr(fds[0]), "control"))
	if err != nil {
		shut(other)
		return nil, nil, err
	}
	return l, other, nil
}

// send sends a message with descriptors, which stay the caller's.
func (l *link) send(m message, files ...*os.File) error {
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	if len(text) > maxMessage {
		return errTooLong
	}
	fds := make([]int, 0, len(files))
	for _, f := range files {
		fds = append(fds, int(f.Fd()))
	}
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _, err = l.conn.WriteMsgUnix(text, rights, nil)
	return err
}

// receive returns the next message and its descriptors, which become the
// caller's, or io.EOF.
func (l *link) receive() (message, []*os.File, error) {
	text, rights := make([]byte, maxMessage), make([]byte, unix.CmsgSpace(4*maxDescriptors))
	n, oob, _, _, err := l.conn.ReadMsgUnix(text, rights)
	if err != nil {
		return message{}, nil, err
	}
	files, err := descriptors(rights[:oob])
	if err != nil {
		return message{}, nil, err
	}
	var m message
	if err := json.Unmarshal(text[:n], &m); err != nil {
		closeAll(files)
		return message{}, nil, fmt.Errorf("decode message: %w", err)
	}
	return m, files, nil
}

// descriptors returns the files that came beside a message.
func descriptors(rights []byte) ([]*os.File, error) {
	if len(rights) == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, fmt.Errorf("decode descriptors: %w", err)
	}
	var files []*os.File
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			continue // credentials, say
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "received"))
		}
	}
	return files, nil
}

// closeAll closes files, skipping nil ones.
func closeAll(files []*os.File) {
	for _, f := range files {
		if f != nil {
			shut(f)
		}
	}
}

// shut closes what nobody has anything to learn from any more.
func shut(c io.Closer) { c.Close() }
