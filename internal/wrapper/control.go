package wrapper

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
)

// Control is the supervisor's end of the socket on which it leaves with its guardian what must be known when the
// supervisor dies. Each message is one packet; the guardian reads them only then.
type Control struct {
	fd     int
	will   *will // nil without a guardian that waits in front of Go
	closed bool
}

// The messages. Those that need a value have it after a blank.
const (
	sayMode     = "mode"    // closed or open
	sayStarting = "start"   // the runtime may run from now on
	sayRuntime  = "runtime" // its process id
	sayHand     = "hand"    // a name; the descriptor comes with it
	sayDone     = "done"    // my end is the runtime's end
)

// OpenControl takes over descriptor fd, which the guardian passed to this process.
func OpenControl(fd int) *Control {
	syscall.CloseOnExec(fd)
	return &Control{fd: fd}
}

// Mode tells whether the runtime must end with the supervisor.
func (c *Control) Mode(closed bool) error {
	c.closed = closed
	if closed {
		return c.say(sayMode+" closed", -1)
	}
	return c.say(sayMode+" open", -1)
}

// Starting tells that the runtime is about to be started: whoever finds the supervisor dead must not start another.
func (c *Control) Starting() error { return c.say(sayStarting, -1) }

// Runtime tells the runtime's process id.
func (c *Control) Runtime(pid int) error {
	if c.closed {
		c.will.sayFreeze(pid)
	}
	return c.say(sayRuntime+" "+strconv.Itoa(pid), -1)
}

// Hand gives the guardian a duplicate of a descriptor, under a name.
func (c *Control) Hand(name string, fd int) error { return c.say(sayHand+" "+name, fd) }

// Done tells that the way in which this process ends is the way in which the runtime ended. It is no error when the
// guardian is gone.
func (c *Control) Done() error {
	c.will.sayDone()
	err := c.say(sayDone, -1)
	if errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}

// AwaitGuardian returns when the guardian is gone.
func (c *Control) AwaitGuardian() {
	var buffer [1]byte
	for {
		n, _, err := syscall.Recvfrom(c.fd, buffer[:], 0)
		if !errors.Is(err, syscall.EINTR) && n <= 0 {
			return
		}
	}
}

func (c *Control) say(text string, fd int) error {
	var rights []byte
	if fd >= 0 {
		rights = syscall.UnixRights(fd)
	}
	if err := syscall.Sendmsg(c.fd, []byte(text), rights, nil, syscall.MSG_NOSIGNAL|syscall.MSG_DONTWAIT); err != nil {
		return fmt.Errorf("tell guardian %q: %w", text, err)
	}
	return nil
}

// controlPair returns the guardian's and the supervisor's end.
func controlPair() (int, *Control, error) {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, nil, fmt.Errorf("make control socket: %w", err)
	}
	return pair[0], &Control{fd: pair[1]}, nil
}

// testament is what a supervisor left with its guardian.
type testament struct {
	mode    string // "" when it never came to say
	started bool
	runtime int // 0 when it never came to say
	handed  map[string]int
	done    bool
}

// readTestament reads all messages that are there.
func readTestament(fd int) testament {
	left := testament{handed: map[string]int{}}
	text, rights := make([]byte, 256), make([]byte, syscall.CmsgSpace(4))
	for {
		n, oobn, _, _, err := syscall.Recvmsg(fd, text, rights, syscall.MSG_DONTWAIT|syscall.MSG_CMSG_CLOEXEC)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil || n == 0:
			return left
		default:
			left.note(string(text[:n]), receivedFD(rights[:oobn]))
		}
	}
}

func (t *testament) note(text string, fd int) {
	word, value, _ := strings.Cut(text, " ")
	switch word {
	case sayMode:
		t.mode = value
	case sayStarting:
		t.started = true
	case sayRuntime:
		t.runtime, _ = strconv.Atoi(value)
	case sayHand:
		t.handed[value] = fd
	case sayDone:
		t.done = true
	}
}

// receivedFD returns the descriptor in a control message, or -1.
func receivedFD(rights []byte) int {
	messages, err := syscall.ParseSocketControlMessage(rights)
	if err != nil || len(messages) == 0 {
		return -1
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(fds) == 0 {
		return -1
	}
	return fds[0]
}
