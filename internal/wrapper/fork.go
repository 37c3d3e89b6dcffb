package wrapper

import "sync/atomic"

// fork is how the entry point has divided this program (guard_linux_*.s). A guardian costs nothing of Go that way as long
// as it has nothing to do, and its supervisor no second start of the program.
type fork struct {
	role       uint64
	control    uint64 // this process's end of the control socket
	supervisor uint64 // the guardian's: the supervisor's process id
	woken      uint64 // the guardian's: a signal that it hasn't passed on, or 0
	will       *will
}

//nolint:gochecknoglobals // written once, by the entry point, before Go's runtime exists; read-only from then on
var forked fork

// The roles.
const (
	undivided  = iota // the program does what its arguments say
	guardian          // it has waited and there is something to do
	supervisor        // of such a guardian
)

// will is memory in which a supervisor leaves what its guardian has to know before it can do anything else.
type will struct {
	done   uint32 // 1 when an exit code of the supervisor's is the runtime's
	freeze uint32 // a process to be stopped when the supervisor dies, or 0
}

// Forked returns the control socket of this process when its entry point made it the supervisor of a guardian.
func Forked() (*Control, bool) {
	if forked.role != supervisor {
		return nil, false
	}
	return &Control{fd: int(forked.control), will: forked.will}, true
}

// Awoken tells whether this process is a guardian whose supervisor has been running until now.
func Awoken() bool { return forked.role == guardian }

// sayDone leaves that the supervisor's exit code is the runtime's. It may be called without a will, as the next one.
func (w *will) sayDone() {
	if w != nil {
		atomic.StoreUint32(&w.done, 1)
	}
}

// sayFreeze leaves which process has to be stopped at once when the supervisor dies.
func (w *will) sayFreeze(pid int) {
	if w != nil {
		atomic.StoreUint32(&w.freeze, uint32(pid))
	}
}
