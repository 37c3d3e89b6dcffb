package alerting

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
)

func TestBackoff(t *testing.T) {
	total := time.Duration(0)
	for attempt := 1; attempt < defaultAttempts; attempt++ {
		shortest, longest := backoff(attempt, 0), backoff(attempt, 0.999999)
		if shortest < firstBackoff/2 || longest > maxBackoff || shortest > longest || attempt > 1 && longest < backoff(attempt-1, 0.999999) {
			t.Errorf("attempt %d: %v to %v", attempt, shortest, longest)
		}
		total += shortest
	}
	if total < time.Hour || backoff(1<<30, 1) != maxBackoff || backoff(0, 1) != firstBackoff {
		t.Errorf("given up after %v at the soonest", total)
	}
}

func TestWaitAfter(t *testing.T) {
	err := fmt.Errorf("channel webhook: %w", waiting{autodefend.Errorf(autodefend.CodeThrottled, "429")})
	if got := waitAfter(err, 1, 1); got != 20*time.Minute {
		t.Errorf("a receiver's wish: %v", got)
	}
	if got := waitAfter(err, 11, 1); got != maxBackoff {
		t.Errorf("a shorter wish than ours: %v", got)
	}
}

func TestWords(t *testing.T) {
	tests := []struct {
		err  error
		want string
	}{
		{errors.New("cause"), "internal error"},
		{autodefend.Errorf(autodefend.CodeDenied, "answered 401").WithHint("check"), "answered 401; check"},
		{&autodefend.Error{Code: autodefend.CodeInvalid, Message: "m", Err: errors.New("cause")}, "m"},
		{fmt.Errorf("channel slack: %w", autodefend.Errorf(autodefend.CodeUnavailable, "down")), "down"},
	}
	for _, tt := range tests {
		if got := words(tt.err); got != tt.want {
			t.Errorf("words(%v) = %q, want %q", tt.err, got, tt.want)
		}
	}
}

func TestPacer(t *testing.T) {
	var p pacer
	now := time.Unix(1795348800, 0)
	for i := range 6 {
		if !p.take("c", 6, now) {
			t.Fatalf("message %d of a full bucket isn't taken", i)
		}
	}
	if p.take("c", 6, now) || p.available("c", 6, now) != 0 {
		t.Error("an empty bucket gives more")
	}
	for i, want := range []time.Duration{10, 20, 30} {
		if got := p.turn("c", 6, now).Sub(now); got != want*time.Second {
			t.Errorf("turn %d in %v, want %v", i, got, want*time.Second)
		}
	}
	if !p.take("c", 6, now.Add(10*time.Second)) || p.take("c", 6, now.Add(10*time.Second)) {
		t.Error("a token comes every 10 seconds")
	}
	if got := p.available("c", 6, now.Add(time.Hour)); got != 6 {
		t.Errorf("%d after an hour", got)
	}
	if p.available("c", 6, now.Add(-time.Hour)) != 6 {
		t.Error("a clock that goes back takes nothing away")
	}
	for range 1000 {
		if p.turn("c", 6, now).After(now.Add(longestQueue)) {
			t.Fatal("put off too far")
		}
	}
	p.keep(map[string]bool{})
	if len(p.buckets) != 0 {
		t.Error("what is gone is kept")
	}
}
