package simtest

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/cloud"
	"github.com/autodefend/autodefend/internal/fleet"
	"github.com/autodefend/autodefend/internal/lambdasim"
)

var (
	long    = flag.Bool("long", false, "run many more seeds")
	seeds   = flag.Int("seeds", 0, "how many seeds to run; 0 means 200, 40 with the race detector, or 10,000 with -long")
	oneSeed = flag.Uint64("seed", 0, "run only this seed")
)

// totals are printed at the end, so that a run that tested nothing shows.
type totals struct {
	seeds, calls, edits, kills, protected, writes atomic.Int64
}

// TestSeeds runs each seed's estate through hostile hours and checks that no
// owner lost anything, that applying converges, and that roll-back restores.
func TestSeeds(t *testing.T) {
	n := *seeds
	switch {
	case n == 0 && *long:
		n = 10_000
	case n == 0 && raced:
		n = 40
	case n == 0:
		n = 200
	}
	first := uint64(1)
	if *oneSeed != 0 {
		first, n = *oneSeed, 1
	}
	var sum totals
	t.Run("seeds", func(t *testing.T) {
		for seed := first; seed < first+uint64(n); seed++ {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { hostileHours(t, seed, &sum) })
				if t.Failed() {
					t.Logf("replay: go test ./internal/simtest -run TestSeeds -seed %d -v", seed)
				}
			})
		}
	})
	t.Logf("figure: seeds %d to %d: %d worlds, %d API calls, %d writes, %d owners' deployments meanwhile, %d kills, %d functions protected",
		first, first+uint64(n)-1, sum.seeds.Load(), sum.calls.Load(), sum.writes.Load(), sum.edits.Load(), sum.kills.Load(), sum.protected.Load())
}

// settled is longer than any update stays in progress: a plan skips a function
// that an owner is updating.
const settled = 10 * time.Second

// hour is one seed's world.
type hour struct {
	*testing.T
	seed   uint64
	rng    *rand.Rand
	world  *lambdasim.World
	owners *owners
	storm  *storm
	runs   int
}

func hostileHours(t *testing.T, seed uint64, sum *totals) {
	rng := rand.New(rand.NewPCG(seed, 1))
	s := &storm{rates: lambdasim.FaultRates{
		Throttle: rng.Float64() * 0.05, ServerError: rng.Float64() * 0.05, ServerErrorAfter: rng.Float64() * 0.05,
		DropBefore: rng.Float64() * 0.05, DropAfter: rng.Float64() * 0.1, Slow: rng.Float64() * 0.1,
		OwnerEdit: rng.Float64() * 0.3, UpdateFails: rng.Float64() * 0.05,
	}}
	s.faults = lambdasim.SeededFaults(seed, s.rates)
	opts := lambdasim.Options{Seed: seed, Faults: s, Settle: lambdasim.SettleTimes{Min: 0, Max: time.Duration(rng.IntN(8)) * time.Second}}
	if rng.IntN(2) == 0 {
		opts.Quotas = lambdasim.AWSQuotas()
	}
	w := newWorld(opts)
	populate(w, rng, 4+rng.IntN(10))
	h := &hour{T: t, seed: seed, rng: rng, world: w, owners: newOwners(w), storm: s}
	s.owners = h.owners
	untouched := h.revisions()

	// The storm: applies that are killed, applies that aren't, all of it under
	// faults and owners' deployments.
	for range 1 + rng.IntN(2) {
		h.killed(rng.IntN(60)+1, moment(rng.IntN(int(moments))), h.apply)
		sum.kills.Add(1)
		h.nothingLost("after a kill")
	}
	h.apply(h.world.Client())
	h.nothingLost("after applying in the storm")

	// Calm: applying converges, a second apply writes nothing.
	s.calm.Store(true)
	time.Sleep(settled)
	for range 3 {
		h.apply(h.world.Client())
	}
	h.nothingLost("after applying in the calm")
	h.converged(untouched)
	sum.protected.Add(int64(h.countProtected()))

	// Roll-back, killed and stormy first, then calm.
	s.calm.Store(false)
	h.killed(rng.IntN(60)+1, moment(rng.IntN(int(moments))), h.rollback)
	h.nothingLost("after a killed roll-back")
	h.rollback(h.world.Client())
	s.calm.Store(true)
	time.Sleep(settled)
	h.rollback(h.world.Client())
	h.restored()

	stats := w.Stats()
	sum.seeds.Add(1)
	sum.calls.Add(int64(stats.Total()))
	sum.writes.Add(int64(stats.Mutating()))
	sum.edits.Add(int64(h.owners.edits))
}

func (h *hour) apply(client cloud.HTTPClient) {
	f := h.fleet(client)
	if f == nil {
		return
	}
	p, err := f.Plan(context.Background())
	if err != nil {
		h.Logf("plan: %v", err)
		return
	}
	h.tell(f.Apply(context.Background(), p))
}

func (h *hour) rollback(client cloud.HTTPClient) {
	f := h.fleet(client)
	if f == nil {
		return
	}
	p, err := f.PlanRollback(context.Background(), "")
	if err != nil {
		h.Logf("plan roll-back: %v", err)
		return
	}
	h.tell(f.Rollback(context.Background(), p, ""))
}

// tell shows in verbose runs what became of functions that weren't done.
func (h *hour) tell(run *autodefend.Run) {
	for _, r := range run.Results {
		if r.Outcome != autodefend.OutcomeSkipped && r.Outcome != autodefend.OutcomeUnchanged {
			h.Logf("run %s: %s %s: %+v warnings %+v", run.Run, r.Name, r.Outcome, r.Reasons, r.Warnings)
		}
	}
}

func (h *hour) fleet(client cloud.HTTPClient) *fleet.Fleet {
	h.runs++
	// In the storm each run may have another policy or none; in the calm there's one.
	letter := []string{"", "a", "b"}[h.rng.IntN(3)]
	if h.storm.calm.Load() {
		letter = "c"
	}
	f := newFleet(context.Background(), h.T, client, 10, runID(h.runs), func(cfg *fleet.Config) { cfg.Policy = embed(letter) })
	if k, ok := client.(*killer); ok {
		k.arm() // opening the account only reads who one is
	}
	return f
}

// killed runs what the program does until it's killed.
func (h *hour) killed(at int, m moment, program func(cloud.HTTPClient)) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		program(&killer{next: h.world.Client(), at: at, moment: m})
	}()
	<-done
}

// nothingLost asserts that every function is as its owner wants it, but for
// what is ours.
func (h *hour) nothingLost(when string) {
	h.Helper()
	for _, f := range estate(h.world) {
		if d := h.owners.diff(f); d != "" {
			h.Errorf("seed %d: %s: the owner of %s lost something (-want +have):\n%s", h.seed, when, f.Name, d)
		}
	}
}

// converged asserts that another apply would write nothing, that what was
// planned is protected and that nothing else was touched.
func (h *hour) converged(untouched map[string]string) {
	h.Helper()
	before := h.world.Stats().Mutating()
	f := h.fleet(h.world.Client())
	p, err := f.Plan(context.Background())
	if err != nil {
		h.Fatalf("seed %d: plan in the calm: %v", h.seed, err)
	}
	run := f.Apply(context.Background(), p)
	if n := h.world.Stats().Mutating() - before; n != 0 {
		h.Errorf("seed %d: applying again made %d writes: %+v", h.seed, n, run.Summary)
	}
	for _, v := range p.Functions {
		state, _ := h.world.Function(account, region, v.Name)
		switch {
		case v.Changes():
			h.Errorf("seed %d: %s is still to be changed: %s %+v", h.seed, v.Name, v.Decision, v.Reasons)
		case v.Decision == autodefend.Protected && (!protected(state) || (state.Tags[tagKey] == "")):
			h.Errorf("seed %d: %s is called protected and isn't", h.seed, v.Name)
		case state.Env[policyVariable] != "" && !clean(state) && v.Decision == autodefend.Skip:
			// Protected by a run without a policy; one with a policy can't embed it.
		case v.Decision == autodefend.Skip && h.owners.edits == 0 && state.RevisionID != untouched[v.Name]:
			h.Errorf("seed %d: %s was skipped and touched all the same", h.seed, v.Name)
		}
	}
}

// restored asserts that the calm roll-back left nothing of ours where it could
// remove it, and the owners' state everywhere.
func (h *hour) restored() {
	h.Helper()
	h.nothingLost("after the roll-back")
	f := h.fleet(h.world.Client())
	p, err := f.PlanRollback(context.Background(), "")
	if err != nil {
		h.Fatalf("seed %d: %v", h.seed, err)
	}
	refused := map[string]bool{}
	for _, v := range p.Functions {
		refused[v.Name] = v.Decision == autodefend.Skip
		if v.Decision != autodefend.Skip {
			h.Errorf("seed %d: %s is still to be rolled back", h.seed, v.Name)
		}
	}
	for _, state := range estate(h.world) {
		if !clean(state) && !refused[state.Name] {
			h.Errorf("seed %d: something of ours is left on %s: %v %v", h.seed, state.Name, state.Layers, state.Tags)
		}
	}
}

func (h *hour) revisions() map[string]string {
	out := map[string]string{}
	for _, f := range estate(h.world) {
		out[f.Name] = f.RevisionID
	}
	return out
}

func (h *hour) countProtected() int {
	n := 0
	for _, f := range estate(h.world) {
		if protected(f) {
			n++
		}
	}
	return n
}

// storm injects seeded faults and owners' deployments until it's calm.
type storm struct {
	rates  lambdasim.FaultRates
	owners *owners
	calm   atomic.Bool
	faults lambdasim.Injector
}

// Inject decides about one call.
func (s *storm) Inject(c lambdasim.Call) lambdasim.Fault {
	fault := s.faults.Inject(c)
	if s.calm.Load() {
		return lambdasim.Fault{}
	}
	if fault.Kind == lambdasim.OwnerEdit {
		arn := "arn:aws:lambda:" + c.Region + ":" + c.Account + ":function:" + c.Resource
		fault.Edit = s.owners.deploy(arn, uint64(c.Index)*2654435761)
	}
	return fault
}
