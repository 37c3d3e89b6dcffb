package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/defend"
	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/preload"
)

// shimName is the shim's file beside this program.
const shimName = "libautodefend.so"

// tiers are those that work.
type tiers struct {
	kernel  *kernelTier   // nil when not used
	preload *preload.Tier // nil when not used
	watch   atomic.Pointer[watching]
}

// startTiers starts the best tier that works and, besides, the one that looks on. The error says why the rule is held
// worse than it could have been.
func (s *supervisor) startTiers() error {
	wanted := s.config.tiers
	var failures []error
	if wanted[autodefend.TierKernel] {
		if err := s.startKernel(); err != nil {
			failures = append(failures, fmt.Errorf("tier kernel: %w", err))
		}
	}
	if wanted[autodefend.TierPreload] && s.tiers.kernel == nil {
		if err := s.startPreload(); err != nil {
			failures = append(failures, fmt.Errorf("tier preload: %w", err))
		}
	}
	var all []autodefend.Tier
	for tier := range wanted {
		all = append(all, tier)
	}
	if worse(s.defender.Sections(), all, s.tiers.working()) {
		return errors.Join(failures...)
	}
	for _, err := range failures {
		s.log.Debug("start tier", "error", err.Error())
	}
	return nil
}

// worse tells whether a section that stops acts is held worse by the tiers that work than by those that were wanted.
func worse(sections policy.Sections, wanted, working []autodefend.Tier) bool {
	want, have := defend.Cover(sections, wanted), defend.Cover(sections, working)
	for _, pair := range [][2]defend.Held{
		{want.Processes, have.Processes},
		{want.Network, have.Network},
		{want.DNS, have.DNS},
		{want.Filesystem, have.Filesystem},
	} {
		if pair[0].Effect.Stops() && pair[0].Coverage != pair[1].Coverage {
			return true
		}
	}
	return false
}

// startPreload starts the tier inside the function's processes.
func (s *supervisor) startPreload() error {
	shim, err := shimPath()
	if err != nil {
		return err
	}
	listener, err := listenForShims()
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	if err := s.startResolver(autodefend.TierPreload); err != nil {
		return err
	}
	tier, err := preload.Open(preload.Config{
		Judge:      s.defender.Judge,
		Listener:   listener,
		ShimPath:   shim,
		Resolver:   s.services.resolver,
		APIPort:    s.services.api.Port(),
		Upstream:   s.config.lambda.upstream(),
		Protected:  s.protected(),
		FailClosed: s.closed.Load(),
		Log:        s.log,
	})
	if err != nil {
		return err
	}
	if err := errors.Join(canEnter(tier, runtimeOf(s.argv, s.environ).Path), tier.Apply(s.defender.Sections())); err != nil {
		return errors.Join(err, tier.Close())
	}
	s.tiers.preload = tier
	s.contained("preload", tier.Serve)
	return nil
}

// canEnter returns an error when the runtime itself would go without the shim.
func canEnter(tier *preload.Tier, program string) error {
	if ok, err := tier.CanEnter(program); err != nil || !ok {
		return errors.Join(fmt.Errorf("the shim can't enter %s", program), err)
	}
	return nil
}

// protected are the processes that the function must not reach: this one and its guardian.
func (s *supervisor) protected() []int { return []int{os.Getpid(), os.Getppid()} }

// listenForShims makes the socket to which shims speak. It ends with this process, so that nobody waits for an answer
// that can't come.
func listenForShims() (*os.File, error) {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make socket for shims: %w", err)
	}
	file := os.NewFile(uintptr(fd), "shims")
	name := "@autodefend-" + hex.EncodeToString(random[:])
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: name}); err != nil {
		return nil, errors.Join(fmt.Errorf("bind socket for shims: %w", err), file.Close())
	}
	if err := syscall.Listen(fd, syscall.SOMAXCONN); err != nil {
		return nil, errors.Join(fmt.Errorf("listen for shims: %w", err), file.Close())
	}
	return file, nil
}

// adapt turns the runtime's command into the one that starts it protected.
func (t *tiers) adapt(path string, args, env []string) (string, []string, []string) {
	if t.kernel != nil {
		args = t.kernel.supervisor.LaunchArgs(path, args)
		return args[0], args, env
	}
	if t.preload != nil {
		_ = t.preload.Expect(path, args) // without it the program is judged when it says hello
		env = t.preload.Environ(env)
	}
	return path, args, env
}

// judgesStart tells whether the start of the runtime itself is judged.
func (t *tiers) judgesStart() bool { return t.kernel != nil }

// apply passes on a new policy.
func (t *tiers) apply(sections policy.Sections) error {
	if t.kernel != nil {
		t.kernel.supervisor.Apply(sections)
	}
	if t.preload == nil {
		return nil
	}
	return t.preload.Apply(sections)
}

// working lists the tiers that work, strongest first.
func (t *tiers) working() []autodefend.Tier {
	var all []autodefend.Tier
	if t.kernel != nil {
		all = append(all, autodefend.TierKernel)
	}
	if t.preload != nil {
		all = append(all, autodefend.TierPreload)
	}
	if t.watch.Load() != nil {
		all = append(all, autodefend.TierWatch)
	}
	return all
}
