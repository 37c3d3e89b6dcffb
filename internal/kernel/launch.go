package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"

	"github.com/autodefend/autodefend/internal/bpf"
	"golang.org/x/sys/unix"
)

// The launcher is a process of its own between the supervisor and the runtime: it installs the filter on itself, says
// which descriptor the listener is, and becomes the runtime.
//
// The two talk over a socket pair whose messages are packets. The supervisor sends the filter's instructions, before the
// launcher starts. The launcher answers with a signed number of four bytes: the listener's descriptor, which the
// supervisor copies out of it, or a negative error number. The supervisor orders what to do, in one byte. If the runtime
// can't be started then, the launcher sends the error number, negative, and ends.
//
// This program's entry point is such a launcher (internal/wrapper/launcher_linux_*.s): when it is called as one, Go never
// starts. Programs with another entry point call LaunchMain.
const (
	orderGo   = 'g' // become the runtime
	orderStop = 's' // end instead
)

// firstHighFD is where descriptors of our own begin: the low numbers belong to the function.
const firstHighFD = 512

// maxFilter bounds the filter, in bytes. The kernel's own bound is as high.
const maxFilter = 4096 * instructionSize

// ErrStopped is returned by LaunchMain when the supervisor doesn't want the runtime to be started.
var ErrStopped = errors.New("the supervisor refused to start the runtime")

// LaunchMain is the body of the launcher: args are those that LaunchArgs gave without the program and the word "launch".
// It installs the filter on the calling thread, tells the supervisor and calls become with the runtime's file and
// arguments, which must replace this process on the calling thread, with the signal mask and ignored signals that the
// launcher was given. When the filter can't be installed the supervisor decides: become is called without it, or
// ErrStopped is returned. It returns only on failure.
func LaunchMain(args []string, become func(path string, argv []string) error) error {
	const least = 4
	if len(args) < least || args[2] != "--" {
		return errors.New("launch: want SOCKET FILE -- NAME [ARGUMENT...]")
	}
	control, err := strconv.Atoi(args[0])
	if err != nil || control < 3 {
		return fmt.Errorf("launch: socket %q", args[0])
	}
	runtime.LockOSThread() // the filter is this thread's alone, until it becomes the process
	defer runtime.UnlockOSThread()
	unix.CloseOnExec(control)
	program, err := receiveFilter(control)
	if err != nil {
		return err
	}
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0) // where that is refused the supervisor says what it couldn't see
	dropPreemption()
	fd, errno := -1, prepare()
	if errno == 0 {
		fd, errno = install(program)
	}
	if errno != 0 {
		fd = -int(errno)
	}
	if err := sendNumber(control, fd); err != nil || receiveOrder(control) == orderStop {
		return ErrStopped
	}
	err = become(args[1], args[3:])
	_ = sendNumber(control, -int(errnoOf(err)))
	return err
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

// receiveFilter reads the instructions.
func receiveFilter(control int) (bpf.Program, error) {
	buffer := make([]byte, maxFilter)
	n, err := retried(func() (int, error) { return unix.Read(control, buffer) })
	if err != nil || n < instructionSize {
		return nil, errors.Join(errors.New("launch: there is no filter"), err)
	}
	return decodeProgram(buffer[:n]), nil
}

// receiveOrder waits for the supervisor's byte.
func receiveOrder(control int) byte {
	var order [1]byte
	n, err := retried(func() (int, error) { return unix.Read(control, order[:]) })
	if err != nil || n == 0 {
		return orderStop // verdict: nobody would answer the calls, so nothing is started
	}
	return order[0]
}

// sendNumber uses write, which no filter hands over.
func sendNumber(control, number int) error {
	_, err := unix.Write(control, binary.NativeEndian.AppendUint32(nil, uint32(int32(number))))
	return err
}

// instructionSize is that of the kernel's struct sock_filter, in bytes.
const instructionSize = 8

// encodeProgram lays instructions out as the kernel takes them.
func encodeProgram(program bpf.Program) []byte {
	code := make([]byte, 0, len(program)*instructionSize)
	for _, in := range program {
		code = binary.NativeEndian.AppendUint16(code, in.Code)
		code = append(code, in.Jt, in.Jf)
		code = binary.NativeEndian.AppendUint32(code, in.K)
	}
	return code
}

// decodeProgram is the inverse of encodeProgram.
func decodeProgram(code []byte) bpf.Program {
	var program bpf.Program
	for at := range slices.Chunk(code, instructionSize) {
		if len(at) == instructionSize {
			program = append(program, bpf.Instruction{
				Code: binary.NativeEndian.Uint16(at), Jt: at[2], Jf: at[3], K: binary.NativeEndian.Uint32(at[4:]),
			})
		}
	}
	return program
}

// retried repeats a call that a signal interrupted.
func retried(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// control is the supervisor's side of a launch.
type control struct {
	mu           sync.Mutex
	ours, theirs int // -1 when closed
}

// openControl makes the socket pair, with the filter on its way. The launcher's end is inherited, at a number that no
// function uses.
func openControl(filter bpf.Program) (*control, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make control socket: %w", err)
	}
	high, err := unix.FcntlInt(uintptr(pair[1]), unix.F_DUPFD, firstHighFD)
	if err != nil { // the limit of open files is below that
		high, err = unix.FcntlInt(uintptr(pair[1]), unix.F_DUPFD, 64)
	}
	_ = unix.Close(pair[1])
	c := &control{ours: pair[0], theirs: high}
	if err == nil {
		_, err = unix.Write(c.ours, encodeProgram(filter))
	}
	if err != nil {
		c.close()
		return nil, fmt.Errorf("prepare control socket: %w", err)
	}
	return c, nil
}

// accept waits for the launcher, which is process pid, and returns a copy of its listener.
func (c *control) accept(pid int) (int, error) {
	c.closeTheirs()
	number, err := c.receive(0)
	switch {
	case err != nil:
		return -1, fmt.Errorf("receive listener: %w", err)
	case number < 0:
		return -1, fmt.Errorf("install filter: %w", unix.Errno(-number))
	}
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return -1, fmt.Errorf("open launcher: %w", err)
	}
	defer unix.Close(process) //nolint:errcheck // only looked at
	listener, err := unix.PidfdGetfd(process, number, 0)
	if err != nil {
		return -1, fmt.Errorf("take listener: %w", err)
	}
	return listener, nil
}

// receive returns the launcher's next number.
func (c *control) receive(flags int) (int, error) {
	var number [4]byte
	n, err := retried(func() (int, error) {
		n, _, err := unix.Recvfrom(c.ours, number[:], flags)
		return n, err
	})
	switch {
	case err != nil:
		return 0, err
	case n < len(number):
		return 0, errors.New("the launcher ended")
	}
	return int(int32(binary.NativeEndian.Uint32(number[:]))), nil
}

// order tells the launcher what to do.
func (c *control) order(order byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := unix.Send(c.ours, []byte{order}, unix.MSG_NOSIGNAL); err != nil {
		return fmt.Errorf("order launcher: %w", err)
	}
	return nil
}

// failure returns why the launcher couldn't become the runtime, 0 when it could or hasn't tried.
func (c *control) failure() unix.Errno {
	c.mu.Lock()
	defer c.mu.Unlock()
	number, err := c.receive(unix.MSG_DONTWAIT)
	if err != nil || number >= 0 {
		return 0
	}
	return unix.Errno(-number)
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
func launchArguments(control int, path string, argv []string) []string {
	self, err := os.Executable()
	if err != nil {
		self = "/proc/self/exe"
	}
	return slices.Concat([]string{self, "launch", strconv.Itoa(control), path, "--"}, argv)
}
