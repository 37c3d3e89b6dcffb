package autodefend

import (
	"context"
	"sync"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console"
)

// The names of leases.
const (
	leaseRule   = "autodefend/rule/"
	leaseJob    = "autodefend/job/"
	leaseLook   = "autodefend/look/"
	leaseSite   = "autodefend/site/"
	leaseForget = "autodefend/forget"
)

// errLost ends work whose lease somebody else has now.
func errLost(name string) error {
	return autodefend.Errorf(autodefend.CodeConflict, "the lease %s was lost", name).WithHint("another replica goes on with the work")
}

// held is a lease that is kept until it's released.
type held struct {
	leases console.Leases
	lease  api.Lease
	stop   context.CancelFunc
	end    context.CancelCauseFunc // of the context of the work
	done   sync.WaitGroup
}

// hold takes a lease and keeps it; nil when somebody else has it. The returned context ends with the lease, or with ctx.
func (s *Service) hold(ctx context.Context, name, owner string) (context.Context, *held, error) {
	lease, ok, err := s.cfg.Leases.Acquire(ctx, name, owner, s.cfg.LeaseTTL)
	if err != nil || !ok {
		return ctx, nil, err
	}
	ctx, lost := context.WithCancelCause(ctx)
	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	h := &held{leases: s.cfg.Leases, lease: lease, stop: stop, end: lost}
	h.done.Go(func() { s.keep(keeping, h, lost) })
	return ctx, h, nil
}

// keep prolongs a lease until ctx ends. It takes the lease for lost when somebody had it meanwhile, or when it couldn't be
// prolonged for most of its time.
func (s *Service) keep(ctx context.Context, h *held, lost context.CancelCauseFunc) {
	every := s.cfg.LeaseTTL / 4
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	good := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		call, cancel := context.WithTimeout(ctx, every)
		now, ok, err := s.cfg.Leases.Acquire(call, h.lease.Name, h.lease.Owner, s.cfg.LeaseTTL)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && ok && now.Token == h.lease.Token:
			good = time.Now()
			continue
		case err != nil && time.Since(good) < s.cfg.LeaseTTL-every:
			continue
		}
		lost(errLost(h.lease.Name))
		return
	}
}

// still is an error when the lease isn't ours any more.
func (h *held) still(ctx context.Context) error { return h.leases.Holds(ctx, h.lease) }

// release gives the lease up, also when ctx has ended.
func (h *held) release(ctx context.Context) {
	h.stop()
	h.done.Wait()
	h.end(nil)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = h.leases.Release(ctx, h.lease) // it expires by itself
}
