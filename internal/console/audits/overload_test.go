package audits

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// TestOverloadSheds: while the store is stuck, what is let in is bounded, the rest is turned away at once, and all of it
// goes on when the store does.
func TestOverloadSheds(t *testing.T) {
	b := start(t, func(c *Config) { c.Ingest = Ingest{InFlight: 1000} })
	b.memory.block = make(chan struct{})
	const requests, each = 100, 50
	var admitted, shed atomic.Int64
	var all sync.WaitGroup
	for i := range requests {
		many := make([]string, each)
		for j := range many {
			many[j] = audit(fmt.Sprintf("%d-%d", i, j))
		}
		f := orders()
		f.Function = nth("f", i)
		all.Go(func() {
			answer, err := b.post(f, many...)
			switch {
			case err != nil:
				t.Error(err)
			case answer.Status == 429 && answer.Header["Retry-After"] == "1":
				shed.Add(1)
			default:
				admitted.Add(1)
			}
		})
	}
	for shed.Load() < requests-500/each { // those that are let in wait
		runtime.Gosched()
	}
	if n := b.Counts().InFlight; n != 500 {
		t.Errorf("%d audits wait", n)
	}
	close(b.memory.block)
	all.Wait()
	if admitted.Load() != 10 || shed.Load() != 90 || len(b.memory.audits[api.StreamRuntime]) != 500 || b.Counts().InFlight != 0 {
		t.Errorf("%d requests are let in, %d are not, %d audits are stored", admitted.Load(), shed.Load(), len(b.memory.audits[api.StreamRuntime]))
	}
	f := orders()
	if answer, err := b.post(f, audit("after")); err != nil || answer.Status != 0 {
		t.Errorf("afterwards: %+v, %v", answer, err)
	}
}

func TestGateBoundsBytes(t *testing.T) {
	g := &gate{limit: 10, bytes: 1000}
	if !g.enter(100, 5000) {
		t.Error("one request must fit into an empty gate")
	}
	if g.enter(1, 1) {
		t.Error("two don't")
	}
	g.leave(100, 5000)
	if !g.enter(1, 600) || g.enter(1, 600) || !g.enter(9, 400) || g.enter(1, 0) {
		t.Error("the bounds aren't held")
	}
}

func TestGateIsFull(t *testing.T) {
	g := &gate{limit: 100, bytes: 1000}
	for _, tt := range []struct {
		waiting int64
		full    bool
	}{{0, false}, {1, false}, {50, false}, {51, true}, {100, true}} {
		if g.waiting = tt.waiting; g.full() != tt.full {
			t.Errorf("with %d waiting it's full: %t", tt.waiting, g.full())
		}
	}
	if g.waiting, g.limit = 0, 10; g.full() {
		t.Error("one batch always fits into an empty gate")
	}
}

func TestGateFollowsTheStore(t *testing.T) {
	g := newGate(Ingest{InFlight: 1600, InFlightBytes: 1 << 20, Wait: time.Second})
	now := noon()
	g.enter(800, 1)
	for range 3 {
		g.stored(2*time.Second, now)
	}
	if g.limit != 600 {
		t.Errorf("what waited together is counted as one: %d", g.limit)
	}
	for range 20 {
		now = now.Add(time.Second)
		g.stored(2*time.Second, now)
	}
	if g.limit != 100 {
		t.Errorf("the least is %d", g.limit)
	}
	g.stored(700*time.Millisecond, now)
	if g.limit != 100 {
		t.Errorf("neither fast nor slow: %d", g.limit)
	}
	for range 200 {
		g.stored(time.Millisecond, now)
	}
	if g.limit != 1600 {
		t.Errorf("the most is %d", g.limit)
	}
	g.leave(799, 0)
	g.limit = 100
	if g.stored(time.Millisecond, now); g.limit != 100 {
		t.Errorf("nobody needs more: %d", g.limit)
	}
}

// BenchmarkOverload offers five times what a slow store takes. It prints how much longer an admitted request took at the
// median than without overload, and which share was turned away.
func BenchmarkOverload(b *testing.B) {
	run := func(clients int) (time.Duration, float64) {
		s := start(b, func(c *Config) { c.Ingest = Ingest{Wait: 20 * time.Millisecond, Rate: 1e9, Burst: 1e9} })
		s.Audits = &slow{memory: s.memory, each: 20 * time.Microsecond}
		var mu sync.Mutex
		var took []time.Duration
		var shed, sent int
		var all sync.WaitGroup
		for c := range clients {
			all.Go(func() {
				f := orders()
				f.Function = nth("f", c)
				for i := range max(1, b.N/clients) {
					many := make([]string, 50)
					for j := range many {
						many[j] = audit(fmt.Sprintf("%d-%d-%d", c, i, j))
					}
					text := "[" + strings.Join(many, ",") + "]"
					began := time.Now()
					answer, err := s.ingest(b.Context(), &route.Call{Principal: defender(f), Body: []byte(text)}, api.StreamRuntime)
					mu.Lock()
					sent++
					switch {
					case err != nil:
						b.Error(err)
					case answer.Status == 429:
						shed++
					default:
						took = append(took, time.Since(began))
					}
					mu.Unlock()
					if answer.Status == 429 {
						time.Sleep(time.Millisecond)
					}
				}
			})
		}
		all.Wait()
		return median(took), float64(shed) / float64(sent)
	}
	b.ReportAllocs()
	normal, _ := run(8)
	overloaded, share := run(40)
	b.ReportMetric(float64(overloaded)/float64(max(1, normal)), "times-normal")
	b.ReportMetric(100*share, "%shed")
}

func median(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := append([]time.Duration{}, all...)
	for i := range sorted { // few
		for j := i; j > 0 && sorted[j] < sorted[j-1]; j-- {
			sorted[j], sorted[j-1] = sorted[j-1], sorted[j]
		}
	}
	return sorted[len(sorted)/2]
}

// BenchmarkIngest takes batches of 50 without a database: what the service itself costs.
func BenchmarkIngest(b *testing.B) {
	s := start(b, func(c *Config) { c.Ingest = Ingest{Rate: 1e12, Burst: 1e12} })
	s.Audits = nowhere{s.memory}
	many := make([]string, 50)
	for j := range many {
		many[j] = audit(nth("a", j), "command", strings.Repeat("x", 200), "processPath", "/usr/bin/curl", "severity", "medium")
	}
	c := &route.Call{Principal: defender(orders()), Body: []byte("[" + strings.Join(many, ",") + "]")}
	b.ReportAllocs()
	b.SetBytes(int64(len(c.Body)))
	for b.Loop() {
		if answer, err := s.ingest(b.Context(), c, api.StreamRuntime); err != nil || answer.Status != 0 {
			b.Fatal(answer, err)
		}
	}
	b.ReportMetric(50*float64(b.N)/b.Elapsed().Seconds(), "audits/s")
}
