package fleet

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestCacheReadsOnce: many who ask for a key at a time share one read, and each
// key has its own.
func TestCacheReadsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c cache[string]
		var reads atomic.Int64
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 30 {
			key := string(rune('a' + i%3))
			wg.Go(func() {
				got, err := c.get(key, func() (string, error) {
					reads.Add(1)
					time.Sleep(time.Second)
					return "value of " + key, nil
				})
				if err != nil || got != "value of "+key {
					t.Errorf("get(%q) = %q, %v", key, got, err)
				}
			})
		}
		wg.Wait()
		if reads.Load() != 3 || time.Since(start) != time.Second {
			t.Errorf("%d reads in %s, want 3 at the same time", reads.Load(), time.Since(start))
		}
	})
}

// TestCacheForgetsFailures: those who waited share the failure, the next one to
// ask reads again.
func TestCacheForgetsFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c cache[int]
		failure := errors.New("throttled")
		var reads atomic.Int64
		read := func() (int, error) {
			time.Sleep(time.Second)
			if reads.Add(1) == 1 {
				return 0, failure
			}
			return 7, nil
		}
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				if _, err := c.get("k", read); !errors.Is(err, failure) {
					t.Errorf("the error is %v, want %v", err, failure)
				}
			})
		}
		wg.Wait()
		for range 2 {
			if got, err := c.get("k", read); got != 7 || err != nil {
				t.Errorf("get = %d, %v, want 7", got, err)
			}
		}
		if reads.Load() != 2 {
			t.Errorf("%d reads, want 2", reads.Load())
		}
	})
}

func TestLazyKeepsItsAnswer(t *testing.T) {
	var l lazy[int]
	failure := errors.New("once")
	for range 3 {
		got, err := l.get(func() (int, error) { return 3, failure })
		failure = errors.New("never asked again")
		if got != 3 || err == nil || err.Error() != "once" {
			t.Errorf("get = %d, %v, want the first answer", got, err)
		}
	}
}
