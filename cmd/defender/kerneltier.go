package main

import (
	"fmt"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/kernel"
	"github.com/autodefend/autodefend/internal/policy"
)

// attributionsMax bounds the sockets whose owners are remembered; at the bound all are forgotten.
const attributionsMax = 512

// kernelTier is the tier below the function's system calls.
type kernelTier struct {
	supervisor *kernel.Supervisor
	journal    *os.File
	served     chan struct{} // closed when there is nobody left to serve; nil before the first

	mu     sync.Mutex
	askers map[netip.AddrPort]policy.Process // by the address from which they ask the resolver
}

// startKernel prepares the tier. Its filter is installed when the runtime is launched.
func (s *supervisor) startKernel() error {
	journal, err := kernel.NewJournal()
	if err != nil {
		return err
	}
	t := &kernelTier{journal: journal, askers: make(map[netip.AddrPort]policy.Process)}
	t.supervisor, err = kernel.Open(kernel.Config{
		Judge:     s.defender.Judge,
		Sections:  s.defender.Sections(),
		Refresh:   s.defender.Refreshes(),
		Resolver:  s.sockets.ResolverAddress(),
		APIPort:   s.services.api.Port(),
		Protected: []int{os.Getppid()},
		Attribute: t.attribute,
		Journal:   journal,
		Log:       s.log,
	})
	if err != nil {
		return err
	}
	if err := s.startResolver(autodefend.TierKernel); err != nil { // not before the tier is known to work: it would be this tier's
		t.supervisor.Close()
		return err
	}
	s.tiers.kernel = t
	return nil
}

// attachKernel takes the filter's listener from the launcher, which then becomes the runtime. When there is no filter
// after all, the fail mode decides whether it does.
func (s *supervisor) attachKernel(pid int) error {
	t := s.tiers.kernel
	if t == nil {
		return nil
	}
	listener, err := t.supervisor.Accept(pid, !s.closed.Load())
	if err != nil {
		s.tiers.kernel = nil
		return fmt.Errorf("launch: %w", err)
	}
	s.report(s.control.Hand(handJournal, int(t.journal.Fd())))
	s.report(s.control.Hand(handListener, listener))
	t.served = make(chan struct{})
	s.contained("kernel", func() error {
		defer close(t.served)
		return t.supervisor.Serve(listener)
	})
	return nil
}

// launched returns why the runtime could not be started under the filter, if so. It may be called without a tier.
func (t *kernelTier) launched() error {
	if t == nil {
		return nil
	}
	if err := t.supervisor.LaunchError(); err != nil {
		return fmt.Errorf("launch runtime: %w", err)
	}
	return nil
}

// drain waits until the last process under the filter has ended, but no longer than most. It may be called without a
// tier.
func (t *kernelTier) drain(most time.Duration) {
	if t == nil || t.served == nil {
		return
	}
	select {
	case <-t.served:
	case <-time.After(most):
	}
}

// attribute remembers who asks from an address.
func (t *kernelTier) attribute(local netip.AddrPort, p policy.Process) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.askers) >= attributionsMax {
		clear(t.askers)
	}
	t.askers[local] = p
}

// asked returns who asks from an address. It may be called without a tier.
func (t *kernelTier) asked(source netip.AddrPort) (policy.Process, bool) {
	if t == nil {
		return policy.Process{}, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	p, ok := t.askers[source]
	return p, ok
}
