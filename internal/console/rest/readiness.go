package rest

import (
	"context"
	"sync"
	"time"
)

const (
	// readyWait is how long the store may take to say that it's there.
	readyWait = 3 * time.Second
	// readyFor is how long what it said is believed, from when it was asked.
	readyFor = time.Second
)

// readiness asks whether the store is there, once for all who want to know: anybody may, as often as they like.
type readiness struct {
	ask func(context.Context) error
	now func() time.Time

	mu     sync.Mutex // guards latest
	latest *readyAnswer
}

func newReadiness(cfg Config) *readiness {
	r := &readiness{ask: cfg.Ready, now: cfg.Now}
	if r.ask == nil {
		r.ask = func(context.Context) error { return nil }
	}
	if r.now == nil {
		r.now = time.Now
	}
	return r
}

// readyAnswer is what the store says, once done is closed.
type readyAnswer struct {
	asked time.Time
	done  chan struct{}
	err   error
}

// check returns why the store can't be used, as it was a second ago at most.
func (r *readiness) check(ctx context.Context) error {
	answer, ours := r.current()
	if ours {
		r.fill(ctx, answer)
		return answer.err
	}
	select {
	case <-answer.done:
		return answer.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// current returns the answer that holds or is being waited for, or else a new one and true: the caller has to fill it.
func (r *readiness) current() (*readyAnswer, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if r.latest != nil && (!r.latest.given() || now.Sub(r.latest.asked) < readyFor) {
		return r.latest, false
	}
	r.latest = &readyAnswer{asked: now, done: make(chan struct{})}
	return r.latest, true
}

// fill asks the store, also when the one request that does so for the others is given up.
func (r *readiness) fill(ctx context.Context, answer *readyAnswer) {
	defer close(answer.done)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyWait)
	defer cancel()
	answer.err = r.ask(ctx)
}

func (a *readyAnswer) given() bool {
	select {
	case <-a.done:
		return true
	default:
		return false
	}
}
