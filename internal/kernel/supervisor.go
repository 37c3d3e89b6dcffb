package kernel

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/autodefend/autodefend/internal/bpf"
	"github.com/autodefend/autodefend/internal/policy"
	"golang.org/x/sys/unix"
)

// Config is what a Supervisor needs. Judge and Log are required.
type Config struct {
	// Judge decides every act that Sections don't settle. It is called by several goroutines.
	Judge policy.Judge
	// Sections are the policy's at the start; see Apply. Refresh says that others can follow, so that all is trapped.
	Sections policy.Sections
	Refresh  bool
	// Resolver answers questions for names: whatever is sent to port 53 reaches it instead, by UDP and TCP. It is an IPv4
	// address of this machine. When it isn't valid nothing is sent elsewhere.
	Resolver netip.AddrPort
	// APIPort is the port of the Runtime API's proxy on this machine: connecting to it is always judged. 0 is none.
	APIPort uint16
	// Protected are the process ids of the Defender: nobody under the filter may signal, trace or look into them. Own is
	// added.
	Protected []int
	// ProtectedSockets are names of abstract UNIX sockets that are the Defender's own.
	ProtectedSockets []string
	// Attribute is told who owns the local address from which a question will reach Resolver. It may be nil.
	Attribute func(local netip.AddrPort, p policy.Process)
	// Journal is shared with a guardian that has a copy of the listener; see NewJournal. It may be nil.
	Journal *os.File
	Log     *slog.Logger
}

// Supervisor answers the calls of one function's processes.
type Supervisor struct {
	cfg       Config
	rules     atomic.Pointer[rules]
	handlers  [maxCall]handler
	names     map[uint32]string
	guarded   []int
	own       int
	control   *control
	launched  atomic.Int64 // process id of the launcher, which becomes the runtime; 0 before
	mainSeen  atomic.Bool  // the runtime was started
	listener  *listener
	processes *processes
	redirects *redirects
	privilege *privilege
	wake      [2]int        // a pipe that ends Serve
	workers   chan struct{} // one element for each call that is being answered elsewhere
	running   sync.WaitGroup
	buffers   sync.Pool // of *[unix.PathMax]byte
	closeOnce sync.Once
}

// maxCall bounds the numbers of calls that are looked at.
const maxCall = 512

// maxWorkers bounds the calls that are answered by goroutines of their own, because they may take long.
const maxWorkers = 256

// handler answers one call.
type handler func(s *Supervisor, c *call) answer

// call is one call of one thread. Its arguments are the registers at the time of the call.
type call struct {
	id    uint64
	tid   int
	nr    uint32
	args  [6]uint64
	slot  int
	rules *rules
	pid   int // of the caller's process; 0 before anybody asked
	// reading says that this is the reader's thread, where no signal comes.
	reading bool
}

// pidOf returns the process of the calling thread, which waits and so stays what it is; 0 when it is gone.
func (s *Supervisor) pidOf(c *call) int {
	if c.pid == 0 {
		c.pid = s.processes.group(c.tid)
	}
	return c.pid
}

// readPath reads a path out of the caller's memory.
func (s *Supervisor) readPath(c *call, at uint64) (string, unix.Errno) {
	buf, ok := s.buffers.Get().(*[unix.PathMax]byte)
	if !ok {
		buf = new([unix.PathMax]byte)
	}
	defer s.buffers.Put(buf)
	return readString(c.tid, at, buf[:])
}

// Open makes a supervisor that is ready to launch a runtime; it fails where the sandbox doesn't let the tier work. It holds
// a few descriptors until Close. From then on this process isn't dumpable: no other of its user may look into it.
func Open(cfg Config) (*Supervisor, error) {
	if cfg.Judge == nil || cfg.Log == nil {
		return nil, errors.New("open supervisor: Judge and Log are required")
	}
	if err := Permitted(); err != nil {
		return nil, fmt.Errorf("open supervisor: %w", err)
	}
	arch, err := bpf.ArchOf(runtime.GOARCH)
	if err != nil {
		return nil, fmt.Errorf("open supervisor: %w", err)
	}
	s := &Supervisor{
		cfg: cfg, own: os.Getpid(), names: arch.Names(),
		processes: newProcesses(), redirects: newRedirects(), privilege: newPrivilege(),
		workers: make(chan struct{}, maxWorkers),
	}
	s.guarded = append([]int{s.own}, cfg.Protected...)
	s.Apply(cfg.Sections)
	for name, h := range handlers() {
		if number, ok := arch.Number(name); ok && number < maxCall {
			s.handlers[number] = h
		}
	}
	// Nobody of the same user may look into this process from here on.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("open supervisor: %w", err)
	}
	journal, err := openJournal(cfg.Journal)
	if err != nil {
		return nil, fmt.Errorf("open supervisor: %w", err)
	}
	s.listener = &listener{fd: -1, journal: journal}
	s.listener.oneStep.Store(true)
	if err := unix.Pipe2(s.wake[:], unix.O_CLOEXEC); err != nil {
		return nil, fmt.Errorf("open supervisor: %w", err)
	}
	filter, err := bpf.Supervised(filterOptions(cfg.Sections, cfg.Refresh, s.privilege.any(), s.guarded)).Assemble(arch)
	if err != nil {
		return nil, fmt.Errorf("open supervisor: %w", err)
	}
	if s.control, err = openControl(filter); err != nil {
		return nil, fmt.Errorf("open supervisor: %w", err)
	}
	return s, nil
}

// Apply makes later calls be judged by other sections. It can be called at any time.
func (s *Supervisor) Apply(sections policy.Sections) {
	s.rules.Store(newRules(sections, s.privilege.any()))
}

// LaunchArgs is the command line that starts the file at path as argv under the filter: this program with the word
// "launch", see LaunchMain. It has to be started once, as a child that inherits descriptors without close-on-exec; then
// comes Accept.
func (s *Supervisor) LaunchArgs(path string, argv []string) []string {
	return launchArguments(s.control.theirs, path, argv)
}

// LaunchError says why the launcher couldn't become the runtime, once it was told to; nil when it could.
func (s *Supervisor) LaunchError() error { return errorOf(s.control.failure()) }

// Accept takes the listener from the launcher that was started as process pid, and lets it become the runtime. The
// listener is this process's to serve, and may be copied to a guardian before Serve. When the filter couldn't be
// installed Accept fails, and start says whether the runtime is to start all the same.
func (s *Supervisor) Accept(pid int, start bool) (int, error) {
	fd, err := s.control.accept(pid)
	s.launched.Store(int64(pid))
	if err != nil {
		order := byte(orderStop)
		if start {
			order = orderGo
		}
		_ = s.control.order(order) // a launcher that is gone shows when it is waited for
		return -1, err
	}
	return fd, nil
}

// Serve lets the launcher go on and answers calls until the last process under the filter has ended, or Close. It closes
// the listener.
func (s *Supervisor) Serve(listenerFD int) error {
	s.listener.fd = listenerFD
	defer func() {
		s.running.Wait()
		_ = unix.Close(listenerFD)
	}()
	if err := s.control.order(orderGo); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- s.read() }()
	return <-done
}

// read is the one thread that receives calls. Several would be slower, since each answer would wake another core.
func (s *Supervisor) read() error {
	runtime.LockOSThread() // and never unlocked: the thread ends with its mask
	blockSignals()
	var r request
	for {
		err := next(s.listener.fd, s.wake[0], &r)
		switch {
		case errors.Is(err, errNobodyLeft):
			return nil
		case err != nil:
			return err
		}
		s.take(&r)
	}
}

// take answers one request, or hands it away.
func (s *Supervisor) take(r *request) {
	c := call{id: r.id, tid: int(r.tid), nr: uint32(r.nr), args: r.args, rules: s.rules.Load(), reading: true}
	slot, free := s.listener.journal.received(r.id)
	c.slot = slot
	if !free { // verdict: more calls wait than can be remembered
		s.listener.reply(&c, c.refuse(c.rules.strongest(), unix.EAGAIN))
		return
	}
	s.listener.reply(&c, s.answer(&c))
}

// answer finds the call's handler. A call without one was trapped by nobody here.
func (s *Supervisor) answer(c *call) answer {
	if c.nr >= maxCall || s.handlers[c.nr] == nil {
		return pass()
	}
	return s.handlers[c.nr](s, c)
}

// away answers a call on a goroutine of its own, since work may wait for others. When too many do, the verdict is that of
// the mode.
func (s *Supervisor) away(c *call, m mode, work func(c *call) answer) answer {
	select {
	case s.workers <- struct{}{}:
	default:
		return c.refuse(m, unix.EAGAIN)
	}
	own := *c
	own.reading = false
	s.running.Go(func() {
		defer func() { <-s.workers }()
		s.listener.reply(&own, work(&own))
	})
	return later()
}

// refuse is the verdict on an act that can't be judged: it fails where the mode stops acts, and goes on elsewhere.
func (c *call) refuse(m mode, errno unix.Errno) answer {
	if m == stop {
		return fail(errno)
	}
	return pass()
}

// Close ends Serve and frees what the supervisor holds. Calls that wait are answered by nobody then, and fail with ENOSYS
// unless a guardian has a copy of the listener.
func (s *Supervisor) Close() {
	s.closeOnce.Do(func() {
		_ = unix.Close(s.wake[1])
		s.control.close()
		s.processes.close()
	})
}

// arg is a call's argument that is an int in C.
func (c *call) arg(i int) int { return int(int32(c.args[i])) }
