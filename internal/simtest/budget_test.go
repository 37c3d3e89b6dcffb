package simtest

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/fleet"
	"github.com/autodefend/autodefend/internal/lambdasim"
)

// The figures of these tests are counts and virtual durations: they are the
// same on every machine.

const (
	// fullRate uses up AWS's shared quota, in calls a second.
	fullRate = 15
	// roundTrip is how long every call takes.
	roundTrip = 50 * time.Millisecond
)

// timed returns the options of a world with AWS's quotas and its delays.
func timed() lambdasim.Options {
	return lambdasim.Options{
		Seed: 1, Quotas: lambdasim.AWSQuotas(),
		Settle:  lambdasim.SettleTimes{Min: time.Second, Max: 3 * time.Second},
		Latency: func(lambdasim.Call) time.Duration { return roundTrip },
	}
}

// sharedCalls counts the calls that drew from the shared quota.
func sharedCalls(s lambdasim.Stats) int {
	n := 0
	for k, c := range s.Calls {
		if k.Service == "lambda" && k.Operation != "GetFunction" && k.Operation != "GetPolicy" {
			n += c.Total
		}
	}
	return n
}

// quotaBound is the shortest time in which these calls can be made at a rate of
// shared calls a second and the same share of GetFunction's quota.
func quotaBound(s lambdasim.Stats, rate float64) time.Duration {
	q := lambdasim.AWSQuotas()
	getFunction := q.GetFunctionPerSecond * rate / q.SharedPerSecond
	seconds := max(float64(sharedCalls(s))/rate, float64(s.Operation("GetFunction"))/getFunction)
	return time.Duration(seconds * float64(time.Second))
}

// figures prints one line that docs/performance.md can quote, and returns the
// ratio of the time taken to the quota-bound one.
func figures(t *testing.T, what string, rate float64, wall time.Duration, s lambdasim.Stats) float64 {
	t.Helper()
	least := quotaBound(s, rate)
	ratio := float64(wall) / float64(least)
	t.Logf("figure: %s at rate %g: %.1f s, quota-bound minimum %.1f s, ratio %.3f; %d shared calls, %d GetFunction, %d throttled",
		what, rate, wall.Seconds(), least.Seconds(), ratio, sharedCalls(s), s.Operation("GetFunction"), s.Throttled())
	return ratio
}

// budgetFleet makes a fleet at a rate, with the log thrown away.
func budgetFleet(t *testing.T, w *lambdasim.World, rate float64, details bool) *fleet.Fleet {
	t.Helper()
	return newFleet(t.Context(), t, w.Client(), rate, runID(1), func(c *fleet.Config) { c.Details = details })
}

// mustPlan plans and demands that everything could be read.
func mustPlan(t *testing.T, f *fleet.Fleet) *autodefend.Plan {
	t.Helper()
	p, err := f.Plan(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Errors) > 0 {
		t.Fatalf("plan: %+v", p.Errors)
	}
	return p
}

// TestPlanBudget: a plan over 10,000 functions takes at most 1.1 times what
// AWS's quotas demand.
func TestPlanBudget(t *testing.T) {
	n := 10_000
	if raced {
		n = 2000
	}
	for _, test := range []struct {
		name    string
		mix     lambdasim.FleetMix
		protect int
	}{
		{"mostly unfit", lambdasim.FleetUnfit, n / 10},
		{"all candidates", lambdasim.FleetCandidates, n},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(timed())
				lambdasim.BuildFleet(w, account, region, n, test.mix)
				f := budgetFleet(t, w, fullRate, true)
				w.Stats().Reset()
				start := time.Now()
				p := mustPlan(t, f)
				wall := time.Since(start)
				if len(p.Functions) != n || p.Summary.Protect != test.protect {
					t.Errorf("the plan has %d functions and %+v, want %d to protect", len(p.Functions), p.Summary, test.protect)
				}
				stats := w.Stats()
				if ratio := figures(t, fmt.Sprintf("plan of %d functions, %s, with details,", n, test.name), fullRate, wall, stats); ratio > 1.1 {
					t.Errorf("the ratio is %.3f, want at most 1.1", ratio)
				}
				if stats.Throttled() > 0 || stats.Mutating() > 0 {
					t.Errorf("%d calls were throttled and %d mutating, want none", stats.Throttled(), stats.Mutating())
				}
			})
		})
	}
}

// TestApplyBudget: an apply takes at most 1.15 times what AWS's quotas demand
// and 1.1 shared calls for each function, provokes no throttling, and writes
// nothing the second time.
func TestApplyBudget(t *testing.T) {
	for _, rate := range []float64{fleet.DefaultRate, fullRate} {
		t.Run(fmt.Sprintf("rate %g", rate), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { applyBudget(t, rate) })
		})
	}
}

func applyBudget(t *testing.T, rate float64) {
	const n = 500
	w := newWorld(timed())
	lambdasim.BuildFleet(w, account, region, n, lambdasim.FleetCandidates)
	f := budgetFleet(t, w, rate, false)
	w.Stats().Reset()
	start := time.Now()
	run := f.Apply(context.Background(), mustPlan(t, f))
	wall := time.Since(start)
	stats := w.Stats()
	if run.Summary[autodefend.OutcomeProtected] != n || countTagged(w) != n {
		t.Errorf("the summary is %v and %d are tagged, want %d protected", run.Summary, countTagged(w), n)
	}
	ratio := figures(t, fmt.Sprintf("apply to %d functions", n), rate, wall, stats)
	perFunction := float64(sharedCalls(stats)) / n
	t.Logf("figure: apply to %d functions at rate %g: %.3f shared calls for each function; calls: %s", n, rate, perFunction, byOperation(stats))
	if ratio > 1.15 {
		t.Errorf("the ratio is %.3f, want at most 1.15", ratio)
	}
	if perFunction > 1.1 {
		t.Errorf("%.3f shared calls for each function, want at most 1.1", perFunction)
	}
	if stats.Throttled() > 0 {
		t.Errorf("%d calls were throttled, want none", stats.Throttled())
	}

	w.Stats().Reset()
	f = budgetFleet(t, w, rate, false)
	start = time.Now()
	run = f.Apply(context.Background(), mustPlan(t, f))
	figures(t, fmt.Sprintf("second apply to %d functions", n), rate, time.Since(start), w.Stats())
	if m := w.Stats().Mutating(); m != 0 || run.Summary[autodefend.OutcomeUnchanged] != n {
		t.Errorf("the second apply made %d mutating calls and gave %v, want none and all unchanged", m, run.Summary)
	}
}

func countTagged(w *lambdasim.World) int {
	n := 0
	for _, f := range estate(w) {
		if protected(f) && f.Tags[tagKey] == tagValue && f.Tags[ownershipTag] != "" {
			n++
		}
	}
	return n
}

// byOperation words the number of calls of each operation.
func byOperation(s lambdasim.Stats) string {
	text := ""
	for _, op := range []string{
		"ListFunctions", "GetFunction", "UpdateFunctionConfiguration", "ListLayerVersions", "GetLayerVersionByArn",
		"ListCodeSigningConfigs", "GetResources", "TagResources",
	} {
		text += fmt.Sprintf("%s %d, ", op, s.Operation(op))
	}
	return text[:len(text)-2]
}

// TestBusyTenant: while the account's own deployments take most of the shared
// quota, an apply slows down, gets done and is rarely throttled.
func TestBusyTenant(t *testing.T) {
	for _, rate := range []float64{fleet.DefaultRate, fullRate} {
		for name, perSecond := range map[string]func(second int) int{
			"0 to 14": func(second int) int { return second % 15 },
			"14":      func(int) int { return 14 },
		} {
			t.Run(fmt.Sprintf("rate %g beside %s", rate, name), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { busyTenant(t, rate, name, perSecond) })
			})
		}
	}
}

func busyTenant(t *testing.T, rate float64, name string, perSecond func(second int) int) {
	const n = 200
	w := newWorld(timed())
	lambdasim.BuildFleet(w, account, region, n, lambdasim.FleetCandidates)
	f := budgetFleet(t, w, rate, false)
	w.Stats().Reset()
	ctx, stop := context.WithCancel(t.Context())
	others := tenant{client: w.Client()}
	var wg sync.WaitGroup
	wg.Go(func() { others.work(ctx, perSecond) })
	start := time.Now()
	run := f.Apply(context.Background(), mustPlan(t, f))
	wall := time.Since(start)
	stop()
	wg.Wait()
	stats := w.Stats()
	ours := sharedCalls(stats) - others.calls
	throttled := stats.Throttled() - others.throttled
	share := percent(throttled, ours)
	t.Logf("figure: apply to %d functions at rate %g beside a tenant of %s calls/s: %.1f s (%.1f calls/s of ours); throttled were %d of our %d shared calls (%.1f %%) and %d of the tenant's %d (%.1f %%)",
		n, rate, name, wall.Seconds(), float64(ours)/wall.Seconds(), throttled, ours, share,
		others.throttled, others.calls, percent(others.throttled, others.calls))
	if run.Summary[autodefend.OutcomeProtected] != n {
		t.Errorf("the summary is %v, want %d protected", run.Summary, n)
	}
	if share > 15 {
		t.Errorf("%.1f %% of our calls were throttled, want at most 15", share)
	}
}

func percent(part, whole int) float64 { return 100 * float64(part) / float64(whole) }

// tenant is another user of the account's shared quota.
type tenant struct {
	client           *lambdasim.Client
	calls, throttled int
}

// work calls so many times in each second until ctx ends.
func (o *tenant) work(ctx context.Context, perSecond func(second int) int) {
	for second := 0; ctx.Err() == nil; second++ {
		n := perSecond(second)
		if n == 0 {
			sleep(ctx, time.Second)
		}
		for range n {
			o.call(ctx)
			sleep(ctx, time.Second/time.Duration(n)-roundTrip)
		}
	}
}

func (o *tenant) call(ctx context.Context) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://lambda."+region+".amazonaws.com/2015-03-31/functions/?MaxItems=1", nil)
	if err != nil {
		return
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIASIM"+account+"/20261101/"+region+"/lambda/aws4_request, SignedHeaders=host, Signature=00")
	resp, err := o.client.Do(r)
	if err != nil {
		return // the run is over
	}
	o.calls++
	if resp.StatusCode == http.StatusTooManyRequests {
		o.throttled++
	}
	_ = resp.Body.Close()
}

// sleep waits until the time has passed or ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
