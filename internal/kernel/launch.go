package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/autodefend/autodefend/internal/bpf"
	"golang.org/x/sys/unix"
)

// The launcher is a process of its own between the supervisor and the runtime: it installs the filter on itself, hands
// the listener over and becomes the runtime.
//
// The two talk over a socket pair: the launcher sends four bytes, an error number or 0, and with 0 the listener as
// SCM_RIGHTS; the supervisor answers with one byte.
const (
	orderGo   = 'g' // become the runtime
	orderStop = 's' // end instead
)

// firstHighFD is where descriptors of our own begin: the low numbers belong to the function.
const firstHighFD = 512

// ErrStopped is returned by LaunchMain when the supervisor doesn't want the runtime to be started.
var ErrStopped = errors.New("the supervisor refused to start the runtime")

// launchOptions are what the launcher is told in its arguments.
type launchOptions struct {
	control int // descriptor of its end of the socket pair
	filter  bpf.Options
}

// arguments renders the options for parseLaunch: the descriptor, the letters of the sections, the guarded processes.
func (o launchOptions) arguments() []string {
	letters := ""
	for _, section := range []struct {
		letter string
		on     bool
	}{{"p", o.filter.Processes}, {"n", o.filter.Network}, {"d", o.filter.DNS}, {"f", o.filter.Files}, {"i", o.filter.Identities}} {
		if section.on {
			letters += section.letter
		}
	}
	pids := make([]string, 0, len(o.filter.Guarded))
	for _, pid := range o.filter.Guarded {
		pids = append(pids, strconv.Itoa(pid))
	}
	return []string{strconv.Itoa(o.control), "-" + letters, "-" + strings.Join(pids, ","), "--"}
}

// parseLaunch reads what arguments rendered and returns the runtime's arguments too.
func parseLaunch(args []string) (launchOptions, []string, error) {
	if len(args) < 5 || args[3] != "--" {
		return launchOptions{}, nil, errors.New("launch: want DESCRIPTOR SECTIONS PIDS -- PROGRAM [ARGUMENT...]")
	}
	control, err := strconv.Atoi(args[0])
	if err != nil || control < 3 {
		return launchOptions{}, nil, fmt.Errorf("launch: descriptor %q", args[0])
	}
	has := func(letter string) bool { return strings.Contains(args[1], letter) }
	o := launchOptions{
		control: control,
		filter:  bpf.Options{Processes: has("p"), Network: has("n"), DNS: has("d"), Files: has("f"), Identities: has("i")},
	}
	for text := range strings.SplitSeq(strings.TrimPrefix(args[2], "-"), ",") {
		if text == "" {
			continue
		}
		pid, err := strconv.Atoi(text)
		if err != nil {
			return launchOptions{}, nil, fmt.Errorf("launch: process id %q", text)
		}
		o.filter.Guarded = append(o.filter.Guarded, pid)
	}
	return o, args[4:], nil
}

// LaunchMain is the body of the launcher: args are those that LaunchArgs gave without the program and the word "launch".
// It installs the filter on the calling thread, hands the listener to the supervisor and calls become with the runtime's
// arguments, which must replace this process on the calling thread, with the signal mask and ignored signals that the
// launcher was given. When the filter can't be installed the supervisor decides: become is called without it, or
// ErrStopped is returned. It returns only on failure.
func LaunchMain(args []string, become func(argv []string) error) error {
	o, argv, err := parseLaunch(args)
	if err != nil {
		return err
	}
	runtime.LockOSThread() // the filter is this thread's alone, until it becomes the process
	defer runtime.UnlockOSThread()
	unix.CloseOnExec(o.control)
	beReadable()
	program, err := ownFilter(o.filter)
	if err != nil {
		return err
	}
	send := startSender(o.control)
	dropPreemption()
	fd, errno := -1, prepare()
	if errno == 0 {
		fd, errno = install(program)
	}
	order := send(fd, errno)
	if order == orderStop {
		return ErrStopped
	}
	return become(argv)
}

// ownFilter assembles the supervised filter for this machine.
func ownFilter(o bpf.Options) (bpf.Program, error) {
	arch, err := bpf.ArchOf(runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	return bpf.Supervised(o).Assemble(arch)
}

// beReadable lets the supervisor look into this process, which starts the runtime by a call that is judged. A program whose
// file its user can't read isn't dumpable to begin with.
func beReadable() {
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0) // where that is refused the supervisor says what it couldn't see
}

// prepare gives up the means of getting more rights by exec, without which the kernel installs no filter.
func prepare() unix.Errno {
	err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	var errno unix.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return 0
}

// startSender returns a function that hands the listener over and waits for the supervisor's order. It works on another
// thread, started before there is a filter: on this one sendmsg itself would wait for the supervisor. When the
// supervisor is gone the order is to go on, under a listener that is about to close.
func startSender(control int) func(fd int, errno unix.Errno) byte {
	type outcome struct {
		fd    int
		errno unix.Errno
	}
	outcomes, orders := make(chan outcome), make(chan byte)
	go func() {
		o := <-outcomes
		var code [4]byte
		var rights []byte
		binary.LittleEndian.PutUint32(code[:], uint32(o.errno))
		if o.errno == 0 {
			rights = unix.UnixRights(o.fd)
		}
		_ = unix.Sendmsg(control, code[:], rights, nil, unix.MSG_NOSIGNAL)
		orders <- receiveOrder(control)
	}()
	return func(fd int, errno unix.Errno) byte {
		outcomes <- outcome{fd, errno}
		return <-orders
	}
}

// receiveOrder waits for the supervisor's byte.
func receiveOrder(control int) byte {
	var order [1]byte
	for {
		n, err := unix.Read(control, order[:])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil || n == 0:
			return orderStop // verdict: nobody would answer the calls, so nothing is started
		}
		return order[0]
	}
}

// control is the supervisor's side of a launch.
type control struct {
	mu           sync.Mutex
	ours, theirs int // -1 when closed
}

// openControl makes the socket pair; the launcher's end is inherited, at a number that no function uses.
func openControl() (*control, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make control socket: %w", err)
	}
	high, err := unix.FcntlInt(uintptr(pair[1]), unix.F_DUPFD, firstHighFD)
	if err != nil { // the limit of open files is below that
		high, err = unix.FcntlInt(uintptr(pair[1]), unix.F_DUPFD, 64)
	}
	_ = unix.Close(pair[1])
	if err != nil {
		_ = unix.Close(pair[0])
		return nil, fmt.Errorf("move control socket: %w", err)
	}
	return &control{ours: pair[0], theirs: high}, nil
}

// accept waits for the launcher's word and returns the listener.
func (c *control) accept() (int, error) {
	c.closeTheirs()
	code, rights := make([]byte, 4), make([]byte, unix.CmsgSpace(4))
	var n, m int
	var err error
	for {
		n, m, _, _, err = unix.Recvmsg(c.ours, code, rights, unix.MSG_CMSG_CLOEXEC)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	switch {
	case err != nil:
		return -1, fmt.Errorf("receive listener: %w", err)
	case n < 4:
		return -1, errors.New("receive listener: the launcher ended")
	}
	if errno := unix.Errno(binary.LittleEndian.Uint32(code)); errno != 0 {
		return -1, fmt.Errorf("install filter: %w", errno)
	}
	return oneRight(rights[:m])
}

// oneRight takes the descriptor out of a control message.
func oneRight(message []byte) (int, error) {
	messages, err := unix.ParseSocketControlMessage(message)
	if err != nil || len(messages) != 1 {
		return -1, fmt.Errorf("receive listener: %d control messages: %w", len(messages), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return -1, fmt.Errorf("receive listener: %d descriptors: %w", len(fds), err)
	}
	return fds[0], nil
}

// order tells the launcher what to do and ends the conversation.
func (c *control) order(order byte) error {
	defer c.close()
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := unix.Write(c.ours, []byte{order})
	if err != nil {
		return fmt.Errorf("order launcher: %w", err)
	}
	return nil
}

func (c *control) closeTheirs() {
	c.mu.Lock()
	defer c.mu.Unlock()
	closeOnce(&c.theirs)
}

func (c *control) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	closeOnce(&c.theirs)
	closeOnce(&c.ours)
}

func closeOnce(fd *int) {
	if *fd >= 0 {
		_ = unix.Close(*fd)
		*fd = -1
	}
}

// launchArguments is the whole command line of the launcher.
func launchArguments(o launchOptions, argv []string) []string {
	self, err := os.Executable()
	if err != nil {
		self = "/proc/self/exe"
	}
	return slices.Concat([]string{self, "launch"}, o.arguments(), argv)
}
