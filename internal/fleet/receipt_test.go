package fleet

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
)

// verdict is a verdict on a function of the fake region, with a change when an
// apply would touch it.
func verdict(name string, d autodefend.Decision) autodefend.Verdict {
	v := autodefend.Verdict{ARN: arnOf(name), Name: name, Account: account, Region: region, Decision: d}
	if v.Changes() {
		v.Change = &autodefend.Change{}
	}
	return v
}

func TestBookCounts(t *testing.T) {
	foreign := verdict("foreign", autodefend.Protect)
	foreign.Region = "us-east-1"
	b := newBook(Config{MaxFailures: 2, Run: "run"}, &autodefend.Plan{
		Functions: []autodefend.Verdict{
			verdict("a", autodefend.Protect), verdict("b", autodefend.Repair), verdict("c", autodefend.Protect), verdict("left", autodefend.Protect),
			verdict("done", autodefend.Protected), verdict("skip", autodefend.Skip), verdict("exclude", autodefend.Exclude), foreign,
		},
		Errors: []autodefend.ScopeError{{Region: region, Message: "partial"}},
	})
	work := b.take((&fake{}).in(region), autodefend.Verdict.Changes)
	if len(work) != 4 || len(b.take((&fake{}).in(region), autodefend.Verdict.Changes)) != 0 {
		t.Fatalf("%d functions are work, want 4, and each once", len(work))
	}
	b.add(autodefend.Receipt{ARN: arnOf("a"), Name: "a", Region: region, Account: account, Outcome: autodefend.OutcomeProtected})
	b.add(autodefend.Receipt{ARN: arnOf("b"), Name: "b", Region: region, Account: account, Outcome: autodefend.OutcomeRolledBack})
	if b.tripped() {
		t.Error("a roll-back that was asked for counts as a failure")
	}
	b.add(autodefend.Receipt{ARN: arnOf("c"), Name: "c", Region: region, Account: account, Outcome: autodefend.OutcomeRolledBack, Reasons: []autodefend.Reason{{}}})
	if b.tripped() {
		t.Error("stopped after one failure of two")
	}
	b.failures++
	if !b.tripped() {
		t.Error("not stopped after two failures of two")
	}
	b.settleRest()
	run := b.finish(context.Background())
	want := map[autodefend.Outcome]int{
		autodefend.OutcomeProtected: 1, autodefend.OutcomeRolledBack: 2, autodefend.OutcomeUnchanged: 1,
		autodefend.OutcomeSkipped: 2, autodefend.OutcomeFailed: 1,
	}
	if d := cmp.Diff(want, run.Summary); d != "" {
		t.Errorf("the summary (-want +have):\n%s", d)
	}
	if run.Stopped != "stopped after 2 failures with 1 function left" || run.Run != "run" || len(run.Errors) != 1 {
		t.Errorf("the run is %+v", run)
	}
	for _, r := range run.Results {
		if r.Name == "foreign" && (len(r.Reasons) != 1 || r.Reasons[0].Hint == "") {
			t.Errorf("the function outside the scope has the reasons %+v", r.Reasons)
		}
	}
}

// TestBookTellsProgress: every function that was worked on is told, and no
// other.
func TestBookTellsProgress(t *testing.T) {
	var told []string
	f := &fake{
		functions: []autodefend.Function{function("app"), function("image")},
		layers:    map[string][]autodefend.LayerVersion{x86: layerVersions(x86, 1), arm: layerVersions(arm, 1)},
	}
	f.functions[1].PackageType = autodefend.PackageImage
	fl := newFleet(t, func(c *Config) {
		c.Progress = func(r autodefend.Receipt) { told = append(told, r.Name+" "+string(r.Outcome)) }
	}, f.in(region))
	p, err := fl.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	run := fl.Apply(t.Context(), p)
	if d := cmp.Diff([]string{"app protected"}, told); d != "" {
		t.Errorf("told (-want +have):\n%s\n%+v", d, run.Results)
	}
	if len(f.updates) != 1 || f.updates[0].RevisionID != "1" {
		t.Errorf("the updates are %+v, want one with the revision that was read", f.updates)
	}
}
