package defend

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/autodefend/autodefend/internal/policy"
)

// Runtime is the program that Lambda wants to be started: the function's own.
type Runtime struct {
	// Path is its executable, absolute and free of links.
	Path string
	// Args are its arguments, args[0] included.
	Args []string
	// Script says that Path is a script, so that another program will become the runtime in the same process.
	Script bool
	// Chained says that the owner's own wrapper is started first and becomes the runtime later.
	Chained bool
}

// mainProcess knows which starts of programs are the function's own runtime: the first process, until it has become the
// runtime, and whoever starts the same program with the same arguments, as managed runtimes start their workers.
type mainProcess struct {
	mu      sync.Mutex
	runtime Runtime
	pid     int
	command string // of the first process, as tiers name it
	settled bool   // the first process has become the runtime

	known chan struct{} // closed once pid is
}

// startsWithin is how long the first process may act before the wrapper has told which one it is.
const startsWithin = 5 * time.Second

func newMainProcess(r Runtime) *mainProcess {
	return &mainProcess{runtime: r, command: commandLine(r.Args), known: make(chan struct{})}
}

// is notes the first process. Preconditions: mu is held.
func (m *mainProcess) is(pid int) {
	if m.pid == 0 && pid != 0 {
		close(m.known)
	}
	m.pid = pid
}

// commandLine returns arguments as tiers give a process's command.
func commandLine(args []string) string { return cut(strings.Join(args, " "), commandMax) }

// starting tells, before the first process starts, whether its start will be judged as an event. If not, the first
// start that is judged is another's.
func (m *mainProcess) starting(execed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.settled = !execed && !m.runtime.Chained && !m.runtime.Script
}

// started tells the first process.
func (m *mainProcess) started(pid int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.is(pid)
}

// starts tells whether the event is the runtime's start. Begun says that the runtime has asked for an event.
//
// An exec is judged before the wrapper can say which process it started, so the first one of all tells.
func (m *mainProcess) starts(e policy.Event, begun bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e.Kind != policy.Exec || e.Program.Fileless {
		return false
	}
	if m.worker(e.Program) {
		m.settle(e)
		return true
	}
	if begun || m.settled || m.pid != 0 && m.pid != e.Process.PID {
		return false
	}
	if e.After {
		return true
	}
	m.settle(e)
	return true
}

// settle learns from the first process' starts. Behind a script, each program takes the former's place.
func (m *mainProcess) settle(e policy.Event) {
	if m.pid == 0 {
		m.is(e.Process.PID)
	}
	if m.pid != e.Process.PID {
		return
	}
	same := e.Program.Path == m.runtime.Path || e.Program.Given == m.runtime.Path
	switch {
	case m.runtime.Script && !same:
		m.runtime.Path, m.runtime.Args = e.Program.Path, e.Program.Args
		m.command = commandLine(e.Program.Args)
	case same && !m.runtime.Script:
		m.settled = true
	}
}

// worker tells whether p is the runtime's program with the runtime's arguments. The first argument is only a name.
func (m *mainProcess) worker(p policy.Program) bool {
	if p.Path != m.runtime.Path && p.Given != m.runtime.Path || len(p.Args) == 0 || len(m.runtime.Args) == 0 {
		return false
	}
	return slices.Equal(p.Args[1:], m.runtime.Args[1:])
}

// speaks tells whether a process may talk to the Runtime API: the first one, and those with its command line, which it
// forked. It waits until the first process is known. If that takes too long the answer is yes: the function must live.
func (m *mainProcess) speaks(p policy.Process) bool {
	select {
	case <-m.known:
	case <-time.After(startsWithin):
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pid == 0 || p.PID == m.pid {
		m.command = p.Command
		return true
	}
	return m.command != "" && p.Command == m.command
}
