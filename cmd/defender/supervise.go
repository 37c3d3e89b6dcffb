package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/defend"
	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/wrapper"
)

// supervisor is everything that stands around one runtime.
type supervisor struct {
	config   config
	log      *slog.Logger
	control  *wrapper.Control
	sockets  wrapper.Sockets
	argv     []string
	environ  []string
	defender *defend.Defender
	services services
	tiers    tiers
	runtime  atomic.Int64 // its process id, once it runs
	closed   atomic.Bool  // the fail mode
	ending   atomic.Bool
	polled   atomic.Bool // the runtime has asked for an event
}

// supervise runs the runtime on behalf of a guardian that started this process. It is not done when the arguments aren't a
// guardian's.
func supervise(args []string) (int, bool) {
	control, argv, ok := parseSupervisorArgs(args)
	if !ok {
		return 0, false
	}
	environ := wrapper.Environ()
	c, _ := readConfig(environ) // the guardian has said what was wrong
	return superviseFor(wrapper.OpenControl(control), c, newLog(c.level), argv, environ), true
}

// superviseFor runs the runtime on behalf of the guardian at the other end of control.
func superviseFor(control *wrapper.Control, c config, log *slog.Logger, argv, environ []string) int {
	limitMemory()
	s := &supervisor{
		config:  c,
		log:     log,
		control: control,
		sockets: wrapper.NoSockets(),
		argv:    argv,
		environ: environ,
	}
	s.closed.Store(c.failMode == autodefend.FailClosed)
	w := wrapper.Wrapper{
		Log:        s.log,
		Prepare:    s.prepare,
		Adapt:      s.adapt,
		Started:    s.started,
		Received:   s.received,
		Leaving:    s.leaving,
		FailClosed: s.closed.Load,
	}
	return w.Run(argv, environ)
}

// limitMemory suits the collector to a function of 128 MB: what is alive is a few megabytes, and the rest belongs to
// the function.
func limitMemory() {
	const growth, soft = 50, 12 << 20
	debug.SetGCPercent(growth)
	debug.SetMemoryLimit(soft)
}

// prepare starts all that must be there before the runtime.
func (s *supervisor) prepare() wrapper.Start {
	var err error
	if s.sockets, err = wrapper.Listen(); err != nil {
		s.log.Error("make sockets", "error", err.Error())
	}
	s.report(s.sockets.Hand(s.control))
	how, err := s.protect()
	if err != nil {
		s.log.Error("prepare protection", "error", err.Error(), "failMode", s.failMode())
		if s.closed.Load() {
			how = wrapper.Never
		}
	}
	if how == wrapper.Beside {
		_ = wrapper.Hide() // refused in Lambda
		s.report(s.control.Starting())
	}
	return how
}

// protect reads the policy and starts what holds it. An error says what could not be started; what could goes on.
func (s *supervisor) protect() (wrapper.Start, error) {
	defender, err := defend.New(s.defendConfig())
	s.defender = defender
	if s.config.failMode == "" {
		s.closed.Store(defender.FailMode() == autodefend.FailClosed)
	}
	s.report(s.control.Mode(s.closed.Load()))
	if err != nil {
		return wrapper.InPlace, err
	}
	if defender.Idle() {
		s.log.Debug("the policy is off and no Console can change it: no protection is needed")
		return wrapper.InPlace, nil
	}
	err = s.startServices()
	if tiersErr := s.startTiers(); err == nil {
		err = tiersErr
	}
	return wrapper.Beside, err
}

// adapt turns the command of the runtime into the one that starts it protected.
func (s *supervisor) adapt(path string, args, env []string) (string, []string, []string) {
	s.defender.Starting(s.tiers.judgesStart())
	return s.tiers.adapt(path, args, s.services.environ(env))
}

// started attaches to the runtime.
func (s *supervisor) started(pid int) error {
	s.runtime.Store(int64(pid))
	err := s.control.Runtime(pid)
	go s.outliveNobody()
	s.defender.Started(pid)
	if kernelErr := s.attachKernel(pid); kernelErr != nil {
		s.log.Error("attach tier kernel", "error", kernelErr.Error(), "failMode", s.failMode())
	}
	s.startWatching(pid)
	s.defender.Announce(s.tiers.working())
	s.defender.Refresh(context.Background())
	return err
}

// outliveNobody ends the runtime and this process when the guardian is gone: nobody would end them else.
func (s *supervisor) outliveNobody() {
	s.control.AwaitGuardian()
	wrapper.KillTree(int(s.runtime.Load()))
	os.Exit(1)
}

// received sends audits while the runtime ends itself.
func (s *supervisor) received(sig syscall.Signal) {
	if sig == syscall.SIGTERM {
		go s.defender.Shutdown(context.Background())
	}
}

// leaving says the last words.
func (s *supervisor) leaving() {
	s.report(s.tiers.kernel.launched())
	s.tiers.kernel.drain(lastCalls)
	if s.defender != nil {
		s.defender.Shutdown(context.Background())
	}
	s.report(s.control.Done())
}

// lastCalls is how long processes that outlive the runtime are served. When this process has ended, the calls under
// the filter fail with ENOSYS.
const lastCalls = time.Second

// endInvocation ends the runtime, so that Lambda reports an error for the invocation. It returns at once.
func (s *supervisor) endInvocation() {
	if s.ending.Swap(true) {
		return
	}
	go wrapper.KillTree(int(s.runtime.Load()))
}

// changed passes a new policy on to the tiers.
func (s *supervisor) changed(sections policy.Sections) {
	if err := s.tiers.apply(sections); err != nil {
		s.log.Error("apply policy", "error", err.Error())
	}
}

func (s *supervisor) failMode() autodefend.FailMode {
	if s.closed.Load() {
		return autodefend.FailClosed
	}
	return autodefend.FailOpen
}

func (s *supervisor) report(err error) {
	if err != nil {
		s.log.Error("supervise", "error", err.Error())
	}
}

// contained runs a part of ours that serves until the end; a panic of it costs the part, not the function.
func (s *supervisor) contained(part string, serve func() error) {
	go func() {
		defer func() {
			if cause := recover(); cause != nil {
				s.log.Error("panic", "part", part, "panic", fmt.Sprint(cause))
			}
		}()
		if err := serve(); err != nil {
			s.log.Error("part ended", "part", part, "error", err.Error())
		}
	}()
}
