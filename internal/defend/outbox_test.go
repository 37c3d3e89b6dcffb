package defend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
)

// later is what a Console says that wants to be left alone.
type later struct{ wait time.Duration }

func (l later) Error() string { return "come again" }

func (l later) RetryAfter() time.Duration { return l.wait }

// strictConsole takes no batch with a poisoned audit, and notes when it was asked.
type strictConsole struct {
	mu     sync.Mutex
	poison func(id string) bool
	err    error // of every post
	times  []time.Time
	sizes  []int
	stored []string
}

func (c *strictConsole) post(_ context.Context, audits []autodefend.Audit) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times = append(c.times, time.Now())
	c.sizes = append(c.sizes, len(audits))
	if c.err != nil {
		return c.err
	}
	for _, a := range audits {
		if c.poison != nil && c.poison(a.ID) {
			return autodefend.Errorf(autodefend.CodeInvalid, "no")
		}
	}
	for _, a := range audits {
		c.stored = append(c.stored, a.ID)
	}
	return nil
}

// answer makes it fail from now on, or not.
func (c *strictConsole) answer(err error) {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

// TestOutboxPauses: who is refused comes back later and later, at most every two minutes, and loses nothing. It runs in
// virtual time.
func TestOutboxPauses(t *testing.T) {
	denied := autodefend.Errorf(autodefend.CodeDenied, "who are you")
	tests := []struct {
		name        string
		err         error
		least, most []time.Duration // of the pauses
	}{
		{"away", errors.New("unreachable"), []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second}, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}},
		{"token refused", denied, []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second}, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}},
		{"told to wait", later{30 * time.Second}, []time.Duration{30 * time.Second, 30 * time.Second, 30 * time.Second}, []time.Duration{31 * time.Second, 32 * time.Second, 34 * time.Second}},
		{"told to wait too long", later{time.Hour}, []time.Duration{15 * time.Minute}, []time.Duration{15*time.Minute + time.Second}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				console := &strictConsole{err: tt.err}
				o := newOutbox(console.post, slog.New(slog.DiscardHandler), time.Now)
				o.add(audit(1), 300)
				for range 40 { // reasons to send are no reason to hurry
					time.Sleep(time.Minute)
					o.flush(t.Context(), false)
				}
				synctest.Wait()
				for i := range tt.least {
					if got := console.times[i+1].Sub(console.times[i]); got < tt.least[i] || got > tt.most[i] {
						t.Errorf("pause %d was %s, want %s to %s", i, got, tt.least[i], tt.most[i])
					}
				}
				if got := len(console.times); got > 90 {
					t.Errorf("%d attempts in 40 minutes", got)
				}
				console.answer(nil)
				time.Sleep(pauseLongest + pauseMost)
				synctest.Wait()
				if diff := cmp.Diff([]string{"1"}, console.stored); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestOutboxesSpread: what fails at one moment isn't repeated at one moment.
func TestOutboxesSpread(t *testing.T) {
	for _, err := range []error{errors.New("unreachable"), later{time.Second}} {
		seen := map[time.Duration]bool{}
		for range 100 {
			seen[pauseAfter(err, 4).Truncate(time.Millisecond)] = true
		}
		if len(seen) < 50 {
			t.Errorf("%v: 100 functions come back at %d moments", err, len(seen))
		}
	}
}

// TestOutboxLastChance: in a pause the shutdown tries once, and says what is left.
func TestOutboxLastChance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		console := &strictConsole{err: later{10 * time.Minute}}
		var log bytes.Buffer
		o := newOutbox(console.post, slog.New(slog.NewTextHandler(&log, nil)), time.Now)
		o.add(audit(1), 300)
		o.flush(t.Context(), false)
		o.flush(t.Context(), false)
		o.flush(t.Context(), true)
		synctest.Wait()
		if len(console.times) != 2 {
			t.Errorf("%d attempts", len(console.times))
		}
		o.leave()
		o.leave()
		if got := strings.Count(log.String(), "the function ends"); got != 1 || !strings.Contains(log.String(), "audits=1") {
			t.Errorf("what is left is said %d times: %s", got, log.String())
		}
		console.answer(nil)
		o.flush(t.Context(), true)
		time.Sleep(time.Hour) // for the timers
		if diff := cmp.Diff([]string{"1"}, console.stored); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestOutboxClockIsSetBack: a pause doesn't become one of years.
func TestOutboxClockIsSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		console := &strictConsole{err: errors.New("unreachable")}
		var back atomic.Int64
		o := newOutbox(console.post, slog.New(slog.DiscardHandler), func() time.Time { return time.Now().Add(-time.Duration(back.Load())) })
		o.add(audit(1), 300)
		o.flush(t.Context(), false)
		console.answer(nil)
		back.Store(int64(365 * 24 * time.Hour))
		o.flush(t.Context(), false)
		if len(console.stored) != 1 {
			t.Error("the audit waits for the old time")
		}
		time.Sleep(time.Hour)
	})
}

// TestOutboxHalves: an audit that the Console refuses takes none with it, and a Console that refuses all isn't asked for
// each.
func TestOutboxHalves(t *testing.T) {
	tests := []struct {
		name    string
		poison  func(id string) bool
		dropped string
		stored  int
		most    int // requests
	}{
		{"none", func(string) bool { return false }, "", 250, 3},
		{"one", func(id string) bool { return id == "137" }, "audits=1", 249, 20},
		{"the first and the last", func(id string) bool { return id == "0" || id == "249" }, "audits=1", 248, 40},
		{"all", func(string) bool { return true }, "audits=100", 0, 40},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				console := &strictConsole{poison: tt.poison}
				var log bytes.Buffer
				o := newOutbox(console.post, slog.New(slog.NewTextHandler(&log, nil)), time.Now)
				for n := range 250 {
					o.add(audit(n), 300)
				}
				o.flush(t.Context(), false)
				var want []string
				for n := range 250 {
					if id := fmt.Sprint(n); !tt.poison(id) {
						want = append(want, id)
					}
				}
				if diff := cmp.Diff(want, console.stored); diff != "" || len(want) != tt.stored {
					t.Errorf("stored (-want +got):\n%s", diff)
				}
				if len(console.sizes) > tt.most || !strings.Contains(log.String(), tt.dropped) {
					t.Errorf("%d requests of %d audits; %s", len(console.sizes), console.sizes, log.String())
				}
				if o.length() != 0 || o.bytes != 0 {
					t.Errorf("%d audits of %d bytes are left", o.length(), o.bytes)
				}
				time.Sleep(time.Hour)
			})
		})
	}
}

// TestOutboxIsBoundedInBytes: long audits wait in smaller numbers, and one that is longer than the bound isn't lost.
func TestOutboxIsBoundedInBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		console := &strictConsole{}
		o := newOutbox(console.post, slog.New(slog.DiscardHandler), time.Now)
		o.add(audit(0), 2*outboxBytes)
		o.add(audit(1), 1)
		o.flush(t.Context(), false)
		for n := range 100 {
			o.add(audit(n), outboxBytes/10)
		}
		if o.length() != 10 {
			t.Errorf("%d audits of a tenth of the bound each", o.length())
		}
		o.flush(t.Context(), false)
		if len(console.stored) != 11 {
			t.Errorf("%d are stored", len(console.stored))
		}
		time.Sleep(time.Hour)
	})
}

func (o *outbox[A]) length() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.queue)
}
