package simtest

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"syscall"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/cloud"
	"github.com/autodefend/autodefend/internal/fleet"
	"github.com/autodefend/autodefend/internal/lambdasim"
	"github.com/autodefend/autodefend/internal/plan"
)

// The benchmarks run in real time, in one process with the simulator and
// without quotas: they measure what the program itself takes, and with it what
// the simulator takes to answer.

// benchFleet opens a world without pacing.
func benchFleet(b *testing.B, w *lambdasim.World, details bool) *fleet.Fleet {
	b.Helper()
	regions, problems, err := cloud.Open(b.Context(), cloud.Config{Regions: []string{region}, HTTPClient: w.Client()})
	if err != nil || len(problems) > 0 {
		b.Fatal(err, problems)
	}
	recipe, err := plan.BuiltinRecipe("autodefend")
	if err != nil {
		b.Fatal(err)
	}
	catalog, err := plan.DefaultCatalog()
	if err != nil {
		b.Fatal(err)
	}
	r := regions[0]
	return fleet.New(fleet.Config{
		Recipe: recipe, Runtimes: catalog, Tag: autodefend.Tag{Key: tagKey, Value: tagValue}, Run: runID(1),
		AsOf: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), Details: details, InFlight: 256,
		Logger: slog.New(slog.DiscardHandler),
	}, []fleet.Region{{Account: r.Account, Partition: r.Partition, Name: r.Name, Estate: r, Layers: r, Writer: r, Insight: r}})
}

// benchWorld is a world with a fleet, attached to when it shall be protected.
func benchWorld(b *testing.B, n int, mix lambdasim.FleetMix, attached bool) *lambdasim.World {
	b.Helper()
	w := newWorld(lambdasim.Options{Seed: 1})
	lambdasim.BuildFleet(w, account, region, n, mix)
	if !attached {
		return w
	}
	f := benchFleet(b, w, false)
	p, err := f.Plan(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	if run := f.Apply(b.Context(), p); run.Incomplete() {
		b.Fatalf("the fleet can't be attached to: %v", run.Summary)
	}
	return w
}

// BenchmarkPlan measures functions judged in a second.
func BenchmarkPlan(b *testing.B) {
	for _, test := range []struct {
		name              string
		n                 int
		mix               lambdasim.FleetMix
		attached, details bool
	}{
		{"mostly-unfit", 10_000, lambdasim.FleetUnfit, false, false},
		{"mostly-unfit-details", 10_000, lambdasim.FleetUnfit, false, true},
		{"steady", 5000, lambdasim.FleetCandidates, true, true},
		{"candidates", 10_000, lambdasim.FleetCandidates, false, false},
		{"candidates-details", 10_000, lambdasim.FleetCandidates, false, true},
	} {
		b.Run(test.name, func(b *testing.B) {
			w := benchWorld(b, test.n, test.mix, test.attached)
			before := processorTime()
			for b.Loop() {
				p, err := benchFleet(b, w, test.details).Plan(context.Background())
				if err != nil || len(p.Functions) != test.n || len(p.Errors) > 0 {
					b.Fatal(err, p)
				}
			}
			perFunction(b, test.n, before)
		})
	}
}

// BenchmarkListing measures the listing alone: the simulator's answer and the
// SDK's reading of it, below which no plan can be.
func BenchmarkListing(b *testing.B) {
	const n = 10_000
	w := benchWorld(b, n, lambdasim.FleetUnfit, false)
	regions, _, err := cloud.Open(b.Context(), cloud.Config{Regions: []string{region}, HTTPClient: w.Client()})
	if err != nil {
		b.Fatal(err)
	}
	before := processorTime()
	for b.Loop() {
		for marker := ""; ; {
			_, next, err := regions[0].ListFunctions(b.Context(), marker)
			if err != nil {
				b.Fatal(err)
			}
			if marker = next; next == "" {
				break
			}
		}
	}
	perFunction(b, n, before)
}

// BenchmarkMemory measures the most live memory while a plan is made, over that
// of the world itself, and what of it the finished plan holds.
func BenchmarkMemory(b *testing.B) {
	for _, n := range []int{10_000, 20_000, 40_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := benchWorld(b, n, lambdasim.FleetUnfit, false)
			defer debug.SetGCPercent(debug.SetGCPercent(20)) // live memory is known only after collections
			for b.Loop() {
				runtime.GC()
				base := liveBytes()
				peak := watchMemory()
				p, err := benchFleet(b, w, false).Plan(context.Background())
				most := peak() - base
				if err != nil || len(p.Functions) != n {
					b.Fatal(err)
				}
				runtime.GC()
				held := liveBytes() - base
				b.ReportMetric(float64(most)/(1<<20), "peak-MB")
				b.ReportMetric(float64(most)/float64(n), "peak-B/function")
				b.ReportMetric(float64(held)/float64(n), "plan-B/function")
				runtime.KeepAlive(p)
			}
		})
	}
}

// liveBytes returns the memory that the last collection found in use.
func liveBytes() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}

// watchMemory watches the live memory until the function it returns is called,
// which gives the most that was seen.
func watchMemory() func() int64 {
	end, most := make(chan struct{}), make(chan int64)
	go func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		peak := int64(0)
		for {
			select {
			case <-tick.C:
				peak = max(peak, liveBytes())
			case <-end:
				most <- peak
				return
			}
		}
	}()
	return func() int64 {
		close(end)
		return <-most
	}
}

// processorTime returns what the process used of all processors so far. Unlike
// the time on the wall it doesn't depend on what else the machine does.
func processorTime() time.Duration {
	var use syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &use) != nil {
		return 0
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// perFunction reports what a function took of the clock and of the processors.
func perFunction(b *testing.B, n int, before time.Duration) {
	b.Helper()
	all := float64(n) * float64(b.N)
	b.ReportMetric(all/b.Elapsed().Seconds(), "functions/s")
	b.ReportMetric(float64((processorTime()-before).Microseconds())/all, "cpu-us/function")
}
