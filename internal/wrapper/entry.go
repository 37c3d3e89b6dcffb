package wrapper

import "syscall"

// entryState is what the kernel handed to this program. Go's runtime overwrites most of it before main: it installs
// handlers over ignored signals, unblocks some signals and opens /dev/null in the place of closed standard streams.
// The program's entry point therefore notes it first (entry_linux_*.s), when the program was linked with
// -E autodefendEntry. Bit n-1 of a mask stands for signal n.
type entryState struct {
	noted   uint64 // 1 when the fields below were filled in at the entry point
	blocked uint64
	ignored uint64
	closed  uint64    // bit n for a closed descriptor n of 0, 1 and 2
	scratch [4]uint64 //nolint:unused // the kernel's struct sigaction while the entry point runs
	stack   *uintptr  // where the kernel put the number of arguments, the arguments and the environment
}

//nolint:gochecknoglobals // written once, by the entry point, before Go's runtime exists; read-only from then on
var entry entryState

// inherited returns the state that this process was given. Without the special entry point it is the best that can be
// known later: signals that Go left ignored (SIGHUP, SIGINT and the terminal's stop signals), nothing else.
func inherited() entryState {
	if entry.noted == 1 {
		return entry
	}
	var state entryState
	for sig := syscall.Signal(1); sig <= lastSignal; sig++ {
		if isIgnored(sig) {
			state.ignored |= bit(sig)
		}
	}
	return state
}

// stdio returns descriptors 0 to 2 for syscall.ProcAttr, those that were closed still closed.
func (s entryState) stdio() []uintptr {
	files := []uintptr{0, 1, 2}
	for fd := range files {
		if s.wasClosed(fd) {
			files[fd] = ^uintptr(0)
		}
	}
	return files
}

func (s entryState) wasClosed(fd int) bool { return s.closed&(1<<fd) != 0 }

func (s entryState) wasIgnored(sig syscall.Signal) bool { return s.ignored&bit(sig) != 0 }

func bit(sig syscall.Signal) uint64 { return 1 << (uint(sig) - 1) }
