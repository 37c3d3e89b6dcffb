package alerting

import (
	"context"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

const (
	leaseName = "alerting"
	// leaseTime is for how long a replica that died keeps others from delivering.
	leaseTime = 20 * time.Second
	// leaseRenewal is how often the lease is prolonged, or asked for.
	leaseRenewal = 5 * time.Second
	// look is how often the outbox is looked at: for what is due by time.
	look = time.Second
	// shortest is the least time between two looks, so that audits that come one by one are taken together.
	shortest = 100 * time.Millisecond
	// errorPause is the wait after an error of the store.
	errorPause = 3 * time.Second
)

// Run collects and delivers alerts until ctx ends, while this replica has the lease. A message that is being sent is
// finished first.
func (s *Service) Run(ctx context.Context) {
	for {
		lease, held, err := s.leases.Acquire(ctx, leaseName, s.owner, leaseTime)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.logger.WarnContext(ctx, "the lease for alerts can't be asked for", "error", err)
		case held:
			s.lead(ctx, lease)
		}
		if !pause(ctx, leaseRenewal) {
			return
		}
	}
}

// lead delivers until the lease is lost.
func (s *Service) lead(ctx context.Context, lease api.Lease) {
	leading, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer stop()
		s.renew(leading, lease)
	}()
	s.rounds(leading, lease)
	stop()
	<-ended
	releasing, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseRenewal)
	defer cancel()
	if err := s.leases.Release(releasing, lease); err != nil && autodefend.ErrorCode(err) != autodefend.CodeConflict {
		s.logger.WarnContext(ctx, "the lease for alerts can't be given up", "error", err)
	}
}

// renew prolongs the lease until it's lost or ctx ends. A lease with another token is a new one: it ended before it was
// prolonged, and what is held against the old one would fail for ever.
func (s *Service) renew(ctx context.Context, lease api.Lease) {
	good := s.now()
	for pause(ctx, leaseRenewal) {
		asked := s.now()
		now, held, err := s.leases.Acquire(ctx, leaseName, s.owner, leaseTime)
		switch {
		case err == nil && held && now.Token == lease.Token:
			good = asked
		case err == nil, s.now().Sub(good) > leaseTime-leaseRenewal:
			s.logger.WarnContext(ctx, "the lease for alerts was lost", "error", err)
			return
		}
	}
}

// rounds collects, then delivers, again and again. What was put into the outbox is delivered only after its position was
// written down: had another replica to put it there again, it would find it there still.
func (s *Service) rounds(ctx context.Context, lease api.Lease) {
	stored := s.watch(ctx)
	started := false
	var expired time.Time
	for ctx.Err() == nil {
		var more bool
		var err error
		if !started {
			err = s.startPositions(ctx)
			started = err == nil
		}
		if err == nil {
			more, err = s.round(ctx, lease)
		}
		if err == nil && s.now().Sub(expired) > expirePause {
			err = s.expire(ctx)
			expired = s.now()
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.logger.WarnContext(ctx, "alerts can't be delivered now", "error", err)
			pause(ctx, errorPause)
		case !more:
			s.await(ctx, stored)
		}
	}
}

func (s *Service) round(ctx context.Context, lease api.Lease) (bool, error) {
	collected, err := s.collect(ctx, lease)
	if err != nil {
		return false, err
	}
	delivered, err := s.deliver(ctx)
	return collected || delivered, err
}

// watch tells when something was stored.
func (s *Service) watch(ctx context.Context) <-chan struct{} {
	if s.signals == nil {
		return nil
	}
	return s.signals.Watch(ctx)
}

// await returns when there may be something to do.
func (s *Service) await(ctx context.Context, stored <-chan struct{}) {
	if !pause(ctx, shortest) {
		return
	}
	timer := time.NewTimer(look - shortest)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-s.woken:
	case _, open := <-stored:
		if !open {
			pause(ctx, look-shortest) // ctx ends, or the store doesn't tell any more
		}
	}
}

// pause reports false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
