package autodefend

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// once makes a world call something before its first wave.
func once(w *world, do func()) {
	var first sync.Once
	w.before = func(string) { first.Do(do) }
}

// TestChangesEndWhatRestsOnWhatWas: who deletes a rule, puts it into dry run or narrows it doesn't wait for the end of an
// evaluation that goes by the old one.
func TestChangesEndWhatRestsOnWhatWas(t *testing.T) {
	for name, test := range map[string]struct {
		after    []string
		want     []string
		attached int
	}{
		"deleted":         {nil, nil, 2},
		"in dry run":      {[]string{rule("all", "All", `"autodefend":{"dryRun":true}`)}, []string{"a", "b"}, 2},
		"narrowed":        {[]string{rule("all", "orders", "")}, []string{"orders-1"}, 3},
		"behind another":  {[]string{rule("first", "orders", `"autodefend":{"excludes":["orders-1"]}`), rule("all", "All", "")}, []string{"a", "b", "c"}, 3},
		"as it was":       {[]string{rule("all", "All", "")}, []string{"a", "b", "c", "orders-1"}, 4},
		"before another":  {[]string{rule("all", "All", ""), rule("last", "orders", "")}, []string{"a", "b", "c", "orders-1"}, 4},
		"more often only": {[]string{rule("all", "All", `"autodefend":{"interval":"10m"}`)}, []string{"a", "b", "c", "orders-1"}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(c *Config) { c.Wave = 2 })
			b.world.add("a", "b", "c", "orders-1")
			once(b.world, func() { b.rules(test.after...) })
			b.rules(rule("all", "All", ""))
			b.settled()
			if got := b.world.defended(); !slices.Equal(got, test.want) {
				t.Errorf("defended %v, want %v", got, test.want)
			}
			attached := slices.DeleteFunc(b.world.did(), func(w string) bool { return strings.HasPrefix(w, "detach") })
			if len(attached) != test.attached {
				t.Errorf("%v, want %d attached", attached, test.attached)
			}
			st, err := b.load(t.Context())
			if err != nil || len(st.states) != len(test.after) {
				t.Errorf("states %v of %d rules: %v", st.states, len(test.after), err)
			}
		})
	}
}

// TestACollectionThatChangesEndsTheWave: what a collection holds is part of the rule.
func TestACollectionThatChangesEndsTheWave(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Wave = 2 })
	b.world.add("orders-1", "orders-2", "orders-3", "orders-4")
	once(b.world, func() { b.cfg.Collections.(collections)[1].Functions = []string{"orders-3"} })
	b.rules(rule("orders", "orders", ""))
	b.settled()
	if got := b.world.defended(); !slices.Equal(got, []string{"orders-1", "orders-2", "orders-3"}) {
		t.Errorf("defended %v, want the first wave and what the collection holds now", got)
	}
}

// TestARemovalEndsWhenItsFunctionsAreCoveredAgain: a client that renames a rule deletes it and then writes the new one.
func TestARemovalEndsWhenItsFunctionsAreCoveredAgain(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Wave = 2 })
	b.world.add("a", "b", "c", "d")
	b.rules(rule("all", "All", ""))
	b.settled()
	once(b.world, func() { b.rules(rule("renamed", "All", "")) })
	b.rules()
	b.settled()
	detached := slices.DeleteFunc(b.world.did(), func(w string) bool { return strings.HasPrefix(w, "attach") })
	if len(detached) != 2 || len(b.world.defended()) != 4 {
		t.Errorf("%v, and %v are defended: want the removal to end after its first wave", detached, b.world.defended())
	}
}

// TestTheCapHoldsForAllAttempts: what was confirmed is so many functions, and not so many at each attempt.
func TestTheCapHoldsForAllAttempts(t *testing.T) {
	b := newBench(t, func(c *Config) { c.DetachFew = 3; c.DetachMany = 3 })
	b.world.add("a", "b", "c")
	b.rules(rule("all", "All", ""))
	b.settled()
	const second = account + "/us-east-1"
	for _, name := range []string{"d", "e"} { // marked by us, and not in the inventory
		f := b.world.put(account, "us-east-1", name, "python3.13", nil)
		f.Layers = []autodefend.AttachedLayer{{ARN: layerARN}}
		f.Environment.Variables[autodefend.MarkerVariable] = "autodefend/20250101T000000-aaaa"
	}
	b.world.mu.Lock()
	b.world.broken[second] = true
	b.world.mu.Unlock()
	b.rules()
	b.settled()
	b.world.mu.Lock()
	b.world.broken[second] = false
	b.world.mu.Unlock()
	b.due()
	b.settled()
	if got := b.world.defended(); !slices.Equal(got, []string{"d", "e"}) {
		t.Fatalf("defended %v: three were allowed to go, and the others wait for confirmation", got)
	}
	run := get[[]api.RunRecord](b, "/runs?state=blocked")[0]
	receipts := get[api.RunRecord](b, "/runs/"+run.ID).Results
	if len(receipts) != 5 {
		t.Errorf("%d receipts, want those of the first attempt and what would follow: %+v", len(receipts), receipts)
	}
	confirm := func() error {
		_, err := b.call("POST", "/runs/"+run.ID+"/confirm?confirm="+run.Confirm, "")
		return err
	}
	var other error
	b.store.Fault = func(operation string) error { // somebody else confirms between this one's reading and writing
		if operation == "Write" {
			b.store.Fault = nil
			other = confirm()
		}
		return nil
	}
	if err := confirm(); autodefend.ErrorCode(err) != autodefend.CodeConflict || other != nil {
		t.Errorf("of two who confirm, one does: %v and %v", err, other)
	}
	b.settled()
	done := get[api.RunRecord](b, "/runs/"+run.ID)
	if got := b.world.defended(); got != nil || done.State != api.RunDone || done.Summary[autodefend.OutcomeRolledBack] != 5 {
		t.Errorf("%v are still defended; %+v", got, done)
	}
}

// due makes every job due.
func (b *bench) due() {
	b.t.Helper()
	st, err := b.load(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, j := range st.jobs {
		j.Next = b.now()
		if err := b.Service.store(b.t.Context(), idJob+j.ID, j); err != nil {
			b.t.Fatal(err)
		}
	}
}

// TestAConsoleThatStopsKeepsReceipts: what was done is known, also of work that another replica goes on with.
func TestAConsoleThatStopsKeepsReceipts(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Wave = 2 })
	b.world.add("a", "b", "c", "d")
	b.rules(rule("all", "All", ""))
	b.settled()
	ctx, stop := context.WithCancel(t.Context())
	var waves int
	b.world.before = func(string) {
		if waves++; waves == 2 {
			stop()
		}
	}
	b.rules()
	b.tick(ctx)
	b.workers.Wait()
	run := get[[]api.RunRecord](b, "/runs?kind=removal")[0]
	run = get[api.RunRecord](b, "/runs/"+run.ID)
	if run.State != api.RunQueued || run.Summary[autodefend.OutcomeRolledBack] != 2 {
		t.Fatalf("%s: %+v, want the two functions of the first wave", run.State, run.Results)
	}
	b.settled()
	run = get[api.RunRecord](b, "/runs/"+run.ID)
	if run.State != api.RunDone || len(run.Results) != 4 {
		t.Errorf("%s: %+v, want all four", run.State, run.Results)
	}
}

// TestWhoLostTheLeaseWritesNoState: another replica goes on with the rule or the job and says how it stands.
func TestWhoLostTheLeaseWritesNoState(t *testing.T) {
	b := newBench(t, nil)
	b.world.add("a")
	once(b.world, func() { b.store.steal(leaseRule + "all") })
	b.rules(rule("all", "All", ""))
	b.tick(t.Context())
	b.workers.Wait()
	if st, _ := b.load(t.Context()); !st.states["all"].Finished.IsZero() {
		t.Errorf("the rule is finished for a replica that lost it: %+v", st.states["all"])
	}
	if runs := get[[]api.RunRecord](b, "/runs?kind=apply"); len(runs) != 1 {
		t.Errorf("runs %+v, want the receipt of what was done", runs)
	}
}

// TestCountsOutliveFailures: what was discovered is what is known, and not what one evaluation saw.
func TestCountsOutliveFailures(t *testing.T) {
	b := newBench(t, nil)
	b.world.add("a", "b")
	b.world.put(account, "us-east-1", "c", "python3.13", nil)
	b.rules(rule("all", "All", ""))
	b.settled()
	check := func(what string) {
		t.Helper()
		if s := b.status().Specs[0]; s.Discovered != 3 || s.Defended != 3 || s.Own.Decisions[autodefend.Protected] != 3 {
			t.Errorf("%s: discovered %d, defended %d, decisions %v, want 3 of each", what, s.Discovered, s.Defended, s.Own.Decisions)
		}
	}
	check("at first")
	b.world.crack(true)
	b.scanNow()
	b.settled()
	check("with a region that can't be listed in full")
	b.world.crack(false)
	b.world.mu.Lock()
	b.world.openErr = autodefend.Errorf(autodefend.CodeUnavailable, "STS is away")
	b.world.mu.Unlock()
	b.scanNow()
	b.settled()
	check("with an account that can't be opened")
}

// TestAccountsOutliveFailures: a rule covers what is in an account also while that can't be opened.
func TestAccountsOutliveFailures(t *testing.T) {
	const second = "222222222222"
	b := newBench(t, func(c *Config) { c.SitePatience = 1 })
	b.world.add("a")
	b.world.put(second, region, "b", "python3.13", nil)
	b.world.accounts["aws"] = []string{account, second}
	b.rules(rule("wide", "All", ""))
	b.settled()
	b.store.steal(leaseSite + second + "/" + region)
	b.scanNow()
	b.settled()
	st, err := b.load(t.Context())
	if got := st.states["wide"].Accounts; err != nil || !slices.Equal(got, []string{account, second}) {
		t.Errorf("the rule's accounts are %v (%v), want also the one that is busy", got, err)
	}
}
