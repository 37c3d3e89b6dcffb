package defend

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
)

// TestAggregate lets audits come and time pass. Each step is a moment and what is written then.
func TestAggregate(t *testing.T) {
	denied := func(n int) autodefend.Audit {
		return autodefend.Audit{ID: "x", Type: autodefend.AuditNetwork, AttackType: autodefend.AttackDeniedDNS, Count: 1, Msg: fmt.Sprintf("event %d", n)}
	}
	g := newAggregate(ofRuntime(), "orders")
	now := start
	var got []string
	note := func(audits []autodefend.Audit) {
		for _, a := range audits {
			got = append(got, fmt.Sprintf("%s %d %s", now.Sub(start), a.Count, a.Msg))
		}
	}
	for n := range 8 {
		now = now.Add(time.Second)
		note(g.add(denied(n+1), now))
	}
	other := denied(100)
	other.AttackType = autodefend.AttackDeniedIP
	note(g.add(other, now)) // another kind isn't hidden by it
	now = start.Add(10*time.Minute + 5*time.Second)
	note(g.sums(now)) // not yet: counting began with the sixth
	now = now.Add(time.Hour)
	note(g.sums(now))
	note(g.sums(now)) // once
	note(g.add(denied(9), now))
	now = now.Add(-2 * time.Hour) // the clock is set back
	for n := range 7 {
		note(g.add(denied(n+10), now))
	}
	note(g.close(now))
	want := []string{
		"1s 1 event 1", "2s 1 event 2", "3s 1 event 3", "4s 1 event 4", "5s 1 event 5",
		"6s 1 High rate of network events, reporting aggregation started; last event: event 6",
		"8s 1 event 100",
		"1h10m5s 2 In the past 10 minutes, orders had 2 events of type network; The most recent event was: event 8",
		"1h10m5s 1 event 9",
		"-49m55s 1 event 10", "-49m55s 1 event 11", "-49m55s 1 event 12", "-49m55s 1 event 13", "-49m55s 1 event 14",
		"-49m55s 1 High rate of network events, reporting aggregation started; last event: event 15",
		"-49m55s 1 In the past 10 minutes, orders had 1 events of type network; The most recent event was: event 16",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestSlowRate: five in fifteen minutes, again and again, are never summed.
func TestSlowRate(t *testing.T) {
	g := newAggregate(ofRuntime(), "orders")
	for n := range 50 {
		now := start.Add(time.Duration(n) * 3 * time.Minute)
		if got := g.add(autodefend.Audit{AttackType: autodefend.AttackDeniedIP}, now); len(got) != 1 || got[0].Msg != "" {
			t.Fatalf("event %d: %+v", n, got)
		}
	}
}
