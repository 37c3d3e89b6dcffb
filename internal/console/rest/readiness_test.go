package rest

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// askedStore counts how often it is asked.
type askedStore struct {
	asked atomic.Int64
	gone  atomic.Bool
}

func (s *askedStore) ping(context.Context) error {
	s.asked.Add(1)
	if s.gone.Load() {
		return errors.New("the store is gone")
	}
	return nil
}

// TestReadyAsksOnceASecond: how often somebody wants to know makes no difference to the store, and what happens to it is told
// a second later at most.
func TestReadyAsksOnceASecond(t *testing.T) {
	var store askedStore
	var later atomic.Int64 // nanoseconds
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	w := newWorld(t, func(c *Config) {
		c.Ready, c.Now = store.ping, func() time.Time { return start.Add(time.Duration(later.Load())) }
	})
	for step, want := range []struct {
		gone   bool
		status int
		asked  int64
		wait   time.Duration // afterwards
	}{
		{status: 200, asked: 1, wait: 999 * time.Millisecond},
		{gone: true, status: 200, asked: 1, wait: time.Millisecond},
		{gone: true, status: 503, asked: 2, wait: 999 * time.Millisecond},
		{status: 503, asked: 2, wait: time.Millisecond},
		{status: 200, asked: 3},
	} {
		store.gone.Store(want.gone)
		for range 20 {
			if got := w.get("/readyz", ""); got.status != want.status {
				t.Fatalf("step %d: %v, want %d", step, got, want.status)
			}
		}
		if got := store.asked.Load(); got != want.asked {
			t.Errorf("step %d: the store was asked %d times, want %d", step, got, want.asked)
		}
		later.Add(int64(want.wait))
	}
}

// TestReadyAsksOnceForMany: while the store hasn't answered, all who want to know wait for the same answer, and who gives up
// takes it from nobody else.
func TestReadyAsksOnceForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		release := make(chan struct{})
		r := readiness{now: time.Now, ask: func(ctx context.Context) error {
			asked.Add(1)
			select {
			case <-release:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}}
		const many = 50
		first, giveUp := context.WithCancel(t.Context())
		answers := make(chan error, many)
		go func() { answers <- r.check(first) }()
		synctest.Wait()
		for range many - 2 {
			go func() { answers <- r.check(t.Context()) }()
		}
		time.Sleep(2 * time.Second) // the bubble's: longer than an answer is good for
		impatient, leave := context.WithCancel(t.Context())
		go func() { answers <- r.check(impatient) }()
		synctest.Wait()
		giveUp()
		leave()
		if err := <-answers; !errors.Is(err, context.Canceled) {
			t.Errorf("who gave up got %v", err)
		}
		synctest.Wait()
		close(release)
		for range many - 1 {
			if err := <-answers; err != nil {
				t.Error(err)
			}
		}
		if n := asked.Load(); n != 1 {
			t.Errorf("the store was asked %d times", n)
		}
	})
}

// TestReadyGivesUp: a store that doesn't answer isn't there.
func TestReadyGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := readiness{now: time.Now, ask: func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}}
		start := time.Now()
		if err := r.check(t.Context()); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != readyWait {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}
