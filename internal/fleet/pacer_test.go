package fleet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// arrivals returns when n calls of a class, all waiting at the same time, may
// be sent.
func arrivals(p *Pacer, n int, account, region, class string) []time.Duration {
	start := time.Now()
	var mu sync.Mutex
	var at []time.Duration
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			if p.Wait(context.Background(), account, region, class) != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			at = append(at, time.Since(start))
		})
	}
	wg.Wait()
	return at
}

func TestPacerSpacesCalls(t *testing.T) {
	for _, test := range []struct {
		rate  float64
		class string
		want  time.Duration // between two calls
	}{
		{0, ClassShared, time.Second / DefaultRate},
		{5, ClassShared, 200 * time.Millisecond},
		{15, ClassGetFunction, 10 * time.Millisecond},
		{5, ClassGetFunction, 30 * time.Millisecond},
		{4, "tagging", 250 * time.Millisecond},
		{-1, ClassShared, 0},
	} {
		t.Run(fmt.Sprintf("%g %s", test.rate, test.class), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				at := arrivals(NewPacer(PacerConfig{SharedPerSecond: test.rate}), 10, "a", "r", test.class)
				for i, d := range at {
					if want := time.Duration(i) * test.want; (d - want).Abs() > time.Microsecond {
						t.Errorf("call %d was sent at %s, want %s", i, d, want)
					}
				}
			})
		})
	}
}

func TestPacerHalvesAndGrowsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer(PacerConfig{SharedPerSecond: 8})
		answered := func(throttled bool) { p.Answered("a", "r", ClassShared, throttled) }
		expect := func(when string, want float64) {
			t.Helper()
			if got := p.Rate("a", "r", ClassShared); got < want-1e-9 || got > want+1e-9 {
				t.Errorf("%s the rate is %g, want %g", when, got, want)
			}
		}
		expect("at first", 8)
		answered(true)
		expect("throttled once", 4)
		answered(true)
		expect("throttled again within the second", 4)
		time.Sleep(time.Second)
		answered(true)
		expect("throttled a second later", 2)
		time.Sleep(4 * time.Second)
		answered(false)
		expect("four seconds later", 2)
		time.Sleep(time.Second)
		answered(false)
		answered(false)
		expect("five seconds later", 2.8)
		for range 30 {
			time.Sleep(5 * time.Second)
			answered(false)
		}
		expect("after a long calm", 8)
		for range 30 {
			time.Sleep(time.Second)
			answered(true)
		}
		expect("after a long storm", leastRate)
		time.Sleep(5 * time.Second)
		answered(false)
		expect("growing from the bottom", 2*leastRate)
	})
}

// TestPacerKeepsBudgetsApart: throttling in one account, region and class
// leaves the others' rates alone.
func TestPacerKeepsBudgetsApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer(PacerConfig{SharedPerSecond: 15})
		p.Answered("a", "r", ClassShared, true)
		for _, key := range []budgetKey{{"b", "r", ClassShared}, {"a", "s", ClassShared}, {"a", "r", ClassGetFunction}} {
			want := float64(p.full(key.class))
			if got := p.Rate(key.account, key.region, key.class); got != want {
				t.Errorf("the rate of %v is %g, want %g", key, got, want)
			}
		}
		if got := p.Rate("a", "r", ClassShared); got != 7.5 {
			t.Errorf("the throttled rate is %g, want 7.5", got)
		}
	})
}

// TestPacerNewRateHoldsForQueue: calls that already wait are slowed down too,
// and sped up again.
func TestPacerNewRateHoldsForQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer(PacerConfig{SharedPerSecond: 10})
		sent := queue(p, 40)
		time.Sleep(950 * time.Millisecond) // ten were sent
		p.Answered("a", "r", ClassShared, true)
		time.Sleep(2 * time.Second) // ten more
		p.Answered("a", "r", ClassShared, true)
		if last := (<-sent)[39]; last < 10*time.Second {
			t.Errorf("the last of 40 calls was sent after %s: the queue kept its old rate", last)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer(PacerConfig{SharedPerSecond: 10})
		for range 10 {
			p.Answered("a", "r", ClassShared, true)
			time.Sleep(time.Second)
		}
		sent := queue(p, 100)
		for range 20 {
			time.Sleep(5 * time.Second)
			p.Answered("a", "r", ClassShared, false)
		}
		if last := (<-sent)[99]; last > time.Minute {
			t.Errorf("the last of 100 calls was sent after %s: the queue kept its old rate", last)
		}
	})
}

// queue lets n calls wait and returns when they were sent.
func queue(p *Pacer, n int) <-chan []time.Duration {
	sent := make(chan []time.Duration, 1)
	go func() { sent <- arrivals(p, n, "a", "r", ClassShared) }()
	return sent
}

func TestPacerEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer(PacerConfig{SharedPerSecond: 0.5})
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error, 3)
		for range 3 {
			go func() { errs <- p.Wait(ctx, "a", "r", ClassShared) }()
		}
		if err := <-errs; err != nil {
			t.Fatalf("the first call: %v", err)
		}
		cancel()
		for range 2 { // one waits for its time, one for its turn
			if err := <-errs; !errors.Is(err, context.Canceled) {
				t.Errorf("a call whose context ended: %v", err)
			}
		}
		unlimited := NewPacer(PacerConfig{SharedPerSecond: -1})
		if err := unlimited.Wait(ctx, "a", "r", ClassShared); !errors.Is(err, context.Canceled) {
			t.Errorf("an unlimited call whose context ended: %v", err)
		}
		unlimited.Answered("a", "r", ClassShared, true)
		if at := arrivals(unlimited, 50, "a", "r", ClassShared); at[49] != 0 {
			t.Errorf("unlimited calls waited %s", at[49])
		}
	})
}
