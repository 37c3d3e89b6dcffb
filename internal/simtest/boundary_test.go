package simtest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/cloud"
	"github.com/autodefend/autodefend/internal/fleet"
	"github.com/autodefend/autodefend/internal/lambdasim"
)

// unpaced is the rate of tests that have no quotas.
const unpaced = -1

// layerARN is the ARN of the first version of a layer of the account.
func layerARN(name string) string {
	return "arn:aws:lambda:" + region + ":" + account + ":layer:" + name + ":1"
}

// plain is a function that can be protected.
func plain(name string) lambdasim.FunctionSpec {
	return lambdasim.FunctionSpec{
		Name: name, Runtime: "python3.13", Handler: "app.handler", Memory: 512, Timeout: 30,
		Role: "arn:aws:iam::" + account + ":role/worker", CodeSize: 1 << 20, UnzippedSize: 3 << 20,
		Env: map[string]string{"SETTING": "kept"}, Tags: map[string]string{"team": "blue"},
	}
}

// village is a small estate in which every sort of change has to be made.
func village(injector lambdasim.Injector) *lambdasim.World {
	w := newWorld(lambdasim.Options{Seed: 7, Faults: injector, Settle: lambdasim.SettleTimes{Min: time.Second, Max: time.Second}})
	for _, name := range []string{"owners-a", "owners-b"} {
		w.PutLayerVersion(account, region, lambdasim.LayerSpec{Name: name, CodeSize: 1 << 20, UnzippedSize: 2 << 20})
	}
	ours := layerARN("autodefend-defender-x86_64")
	marker := "autodefend/20250101T000000-0000"
	put := func(name string, change func(f *lambdasim.FunctionSpec)) {
		f := plain(name)
		change(&f)
		w.PutFunction(account, region, f)
	}
	put("bare", func(f *lambdasim.FunctionSpec) { f.Env, f.Tags = nil, nil })
	put("foreign-wrapper", func(f *lambdasim.FunctionSpec) { f.Env[wrapperVariable] = "/opt/bootstrap" })
	put("half-attached", func(f *lambdasim.FunctionSpec) {
		f.Layers, f.Env[markerVariable] = []string{layerARN("owners-a"), ours}, marker
	})
	put("layers", func(f *lambdasim.FunctionSpec) {
		f.Layers, f.Runtime = []string{layerARN("owners-b"), layerARN("owners-a")}, "nodejs22.x"
	})
	put("owners-tag", func(f *lambdasim.FunctionSpec) { f.Tags[tagKey] = tagValue })
	put("tag-only", func(f *lambdasim.FunctionSpec) {
		f.Layers, f.Env[wrapperVariable], f.Env[markerVariable] = []string{ours}, ourWrapper, marker
	})
	return w
}

// program is a fleet's work with the calls of its planning taken out of the
// count.
type program func(ctx context.Context, t *testing.T, client cloud.HTTPClient, run int) *autodefend.Run

func applying(ctx context.Context, t *testing.T, client cloud.HTTPClient, run int) *autodefend.Run {
	t.Helper()
	f := newFleet(ctx, t, client, unpaced, runID(run), func(c *fleet.Config) { c.InFlight, c.Details = 1, false })
	p, err := f.Plan(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if k, ok := client.(*killer); ok {
		k.arm()
	}
	return f.Apply(ctx, p)
}

func rollingBack(ctx context.Context, t *testing.T, client cloud.HTTPClient, run int) *autodefend.Run {
	t.Helper()
	f := newFleet(ctx, t, client, unpaced, runID(run), func(c *fleet.Config) { c.InFlight = 1 })
	p, err := f.PlanRollback(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	if k, ok := client.(*killer); ok {
		k.arm()
	}
	return f.Rollback(ctx, p, "")
}

// killedAt runs the program until it's killed and returns how many calls it
// made.
func killedAt(t *testing.T, w *lambdasim.World, work program, at int, m moment) int {
	t.Helper()
	k := &killer{next: w.Client(), at: at, moment: m}
	done := make(chan struct{})
	go func() {
		defer close(done)
		work(context.Background(), t, k, 1)
	}()
	<-done
	return k.calls
}

// everyBoundary runs a test for a kill at each moment of each call that the
// program makes in a world that's made anew each time.
func everyBoundary(t *testing.T, work program, world func(t *testing.T) *lambdasim.World, then func(t *testing.T, w *lambdasim.World, o *owners)) {
	t.Helper()
	calls := 0
	synctest.Test(t, func(t *testing.T) { calls = killedAt(t, world(t), work, 1<<30, beforeSend) })
	if calls < 10 {
		t.Fatalf("the program made %d calls, so that killing it tests nothing", calls)
	}
	kills := 0
	for at := 1; at <= calls; at++ {
		for m := range moments {
			if raced && (at+int(m))%int(moments) != 0 {
				continue // one of the three moments of each call
			}
			kills++
			synctest.Test(t, func(t *testing.T) {
				w := world(t)
				o := newOwners(w)
				killedAt(t, w, work, at, m)
				then(t, w, o)
				if t.Failed() {
					t.Logf("this was after a kill %s of call %d", m, at)
				}
			})
		}
	}
	t.Logf("figure: %d kills at %d calls: before a call is sent, after it's sent and after its reply", kills, calls)
}

// nothingLost asserts that every function is as its owner wants it.
func nothingLost(t *testing.T, w *lambdasim.World, o *owners) {
	t.Helper()
	for _, f := range estate(w) {
		if d := o.diff(f); d != "" {
			t.Errorf("the owner of %s lost something (-want +have):\n%s", f.Name, d)
		}
	}
}

// allProtected asserts that every function is protected and tagged.
func allProtected(t *testing.T, w *lambdasim.World) {
	t.Helper()
	for _, f := range estate(w) {
		if !protected(f) || f.Tags[tagKey] != tagValue || (f.Tags[ownershipTag] == "") != (f.Name == "owners-tag") {
			t.Errorf("%s isn't protected and tagged: layers %v, variables %v, tags %v", f.Name, f.Layers, f.Env, f.Tags)
		}
	}
}

// TestKilledApply: wherever an apply is killed, its owner lost nothing, the next
// one ends it, and the one after writes nothing.
func TestKilledApply(t *testing.T) {
	world := func(*testing.T) *lambdasim.World { return village(nil) }
	everyBoundary(t, applying, world, func(t *testing.T, w *lambdasim.World, o *owners) {
		nothingLost(t, w, o)
		applying(t.Context(), t, w.Client(), 2)
		nothingLost(t, w, o)
		allProtected(t, w)
		w.Stats().Reset()
		run := applying(t.Context(), t, w.Client(), 3)
		if n := w.Stats().Mutating(); n != 0 || run.Incomplete() {
			t.Errorf("another apply made %d mutating calls: %v %s", n, run.Summary, run.Stopped)
		}
	})
}

// TestKilledRollback: wherever a roll-back is killed, the next one ends it, and
// the functions are as they were before anything was attached.
func TestKilledRollback(t *testing.T) {
	before := village(nil)
	world := func(t *testing.T) *lambdasim.World {
		w := village(nil)
		applying(t.Context(), t, w.Client(), 1)
		return w
	}
	everyBoundary(t, rollingBack, world, func(t *testing.T, w *lambdasim.World, o *owners) {
		nothingLost(t, w, o)
		if run := rollingBack(t.Context(), t, w.Client(), 3); run.Incomplete() {
			t.Errorf("the second roll-back is incomplete: %+v", run)
		}
		nothingLost(t, w, o)
		for _, f := range estate(w) {
			if !clean(f) {
				t.Errorf("something of ours is left on %s: %v %v %v", f.Name, f.Layers, f.Env, f.Tags)
			}
			if f.Name == "half-attached" || f.Name == "tag-only" {
				continue // they had something of ours to begin with
			}
			was, _ := before.Function(account, region, f.Name)
			if d := cmp.Diff(was, f, exactly()...); d != "" {
				t.Errorf("%s isn't as it was (-want +have):\n%s", f.Name, d)
			}
		}
		w.Stats().Reset()
		rollingBack(t.Context(), t, w.Client(), 4)
		if n := w.Stats().Mutating(); n != 0 {
			t.Errorf("another roll-back made %d mutating calls", n)
		}
	})
}

// exactly compares functions but for what every change moves.
func exactly() cmp.Options {
	return cmp.Options{
		cmpopts.EquateEmpty(),
		cmpopts.IgnoreFields(lambdasim.FunctionState{}, "RevisionID"),
		cmpopts.IgnoreFields(lambdasim.FunctionSpec{}, "LastModified"),
	}
}

// injector is an injector that's a function.
type injector func(c lambdasim.Call) lambdasim.Fault

func (i injector) Inject(c lambdasim.Call) lambdasim.Fault { return i(c) }

// TestPartialReading: what can't be read is told, and never leads to the removal
// or the change of anything that wasn't read.
func TestPartialReading(t *testing.T) {
	for _, operation := range []string{
		"ListFunctions", "GetResources", "ListLayerVersions", "GetLayerVersionByArn", "ListCodeSigningConfigs", "SimulatePrincipalPolicy",
	} {
		for _, how := range []string{"throttled", "failing", "dropped", "denied"} {
			t.Run(operation+"/"+how, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { partialReading(t, operation, how) })
			})
		}
	}
}

// spoiler lets an operation fail from its n-th call on.
type spoiler struct {
	operation, how string
	from           int
	world          *lambdasim.World

	mu sync.Mutex
	// active and seen are guarded by mu.
	active bool
	seen   int
}

func (s *spoiler) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active, s.seen = true, 0
}

func (s *spoiler) Inject(c lambdasim.Call) lambdasim.Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.active || c.Operation != s.operation {
		return lambdasim.Fault{}
	}
	if s.seen++; s.seen < s.from {
		return lambdasim.Fault{}
	}
	switch s.how {
	case "throttled":
		return lambdasim.Fault{Kind: lambdasim.Throttle}
	case "failing":
		return lambdasim.Fault{Kind: lambdasim.ServerError}
	case "dropped":
		return lambdasim.Fault{Kind: lambdasim.DropBefore}
	}
	actions := map[string]string{
		"ListFunctions": "lambda:ListFunctions", "GetResources": "tag:GetResources", "ListLayerVersions": "lambda:ListLayerVersions",
		"GetLayerVersionByArn": "lambda:GetLayerVersion", "ListCodeSigningConfigs": "lambda:ListCodeSigningConfigs",
		"SimulatePrincipalPolicy": "iam:SimulatePrincipalPolicy",
	}
	s.world.Deny(account, actions[s.operation], "no identity-based policy allows it")
	return lambdasim.Fault{}
}

// partialReading spoils the reading of an estate of three pages, half of which
// is protected, with the second page or call.
func partialReading(t *testing.T, operation, how string) {
	s := &spoiler{operation: operation, how: how, from: 1}
	if operation == "ListFunctions" {
		s.from = 2
	}
	w := newWorld(lambdasim.Options{Seed: 3, Faults: s})
	s.world = w
	w.PutLayerVersion(account, region, lambdasim.LayerSpec{Name: "owners-a", CodeSize: 1 << 20, UnzippedSize: 2 << 20})
	const n = 120
	for i := range n {
		f := plain(fmt.Sprintf("function-%03d", i))
		f.Layers = []string{layerARN("owners-a")}
		w.PutFunction(account, region, f)
	}
	o := newOwners(w)
	some := newFleet(t.Context(), t, w.Client(), unpaced, runID(1), func(c *fleet.Config) { c.Selection.Functions = []string{"function-??[02468]"} })
	some.Apply(t.Context(), mustPlan(t, some))
	was := map[string]lambdasim.FunctionState{}
	for _, f := range estate(w) {
		was[f.Name] = f
	}

	s.start()
	f := newFleet(t.Context(), t, w.Client(), unpaced, runID(2), nil)
	p, err := f.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	told(t, p, operation, how)
	run := f.Apply(t.Context(), p)
	planned := map[string]bool{}
	for _, v := range p.Functions {
		planned[v.Name] = v.Changes()
	}
	for _, f := range estate(w) {
		if protected(was[f.Name]) && !protected(f) {
			t.Errorf("the Defender was detached from %s", f.Name)
		}
		if !planned[f.Name] && cmp.Diff(was[f.Name], f) != "" {
			t.Errorf("%s wasn't planned and was touched", f.Name)
		}
	}
	nothingLost(t, w, o)
	if len(p.Errors) > 0 && !run.Incomplete() {
		t.Error("the run hides that not everything could be read")
	}
	partialRollback(t, w, s, o)
}

// told asserts that the plan tells what couldn't be read.
func told(t *testing.T, p *autodefend.Plan, operation, how string) {
	t.Helper()
	codes := map[string]autodefend.Code{
		"throttled": autodefend.CodeThrottled, "failing": autodefend.CodeUnavailable,
		"dropped": autodefend.CodeUnavailable, "denied": autodefend.CodeDenied,
	}
	switch operation {
	case "ListFunctions", "GetResources", "ListLayerVersions":
		if len(p.Errors) == 0 || p.Errors[0].Code != codes[how] || p.Errors[0].Region != region || p.Errors[0].Hint == "" {
			t.Errorf("the plan's errors are %+v, want %s with a hint", p.Errors, codes[how])
		}
	default: // a fact of the verdicts only: unknown, and AWS decides
		if len(p.Errors) > 0 {
			t.Errorf("the plan's errors are %+v, want none", p.Errors)
		}
	}
	if operation == "ListFunctions" && p.Summary.Functions != 50 {
		t.Errorf("the plan has %d functions, want those of the first page", p.Summary.Functions)
	}
}

// partialRollback asserts that a roll-back touches only what could be listed.
func partialRollback(t *testing.T, w *lambdasim.World, s *spoiler, o *owners) {
	t.Helper()
	was := map[string]lambdasim.FunctionState{}
	for _, f := range estate(w) {
		was[f.Name] = f
	}
	w.Deny(account, "lambda:ListFunctions", "") // as for the plan, the first page can be read
	s.start()
	f := newFleet(t.Context(), t, w.Client(), unpaced, runID(3), nil)
	p, err := f.PlanRollback(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	f.Rollback(t.Context(), p, "")
	listed := map[string]bool{}
	for _, v := range p.Functions {
		listed[v.Name] = true
	}
	for _, f := range estate(w) {
		if !listed[f.Name] && cmp.Diff(was[f.Name], f) != "" {
			t.Errorf("%s wasn't listed and was touched", f.Name)
		}
	}
	nothingLost(t, w, o)
}

// losingReplies loses the replies of the first updates of each function, and
// counts the updates that were carried out.
type losingReplies struct {
	next cloud.HTTPClient
	lost int

	mu sync.Mutex
	// sent and landed are guarded by mu.
	sent, landed map[string]int
}

func (l *losingReplies) Do(r *http.Request) (*http.Response, error) {
	resp, err := l.next.Do(r)
	if err != nil || r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, "/configuration") {
		return resp, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent[r.URL.Path]++
	if resp.StatusCode == http.StatusOK {
		l.landed[r.URL.Path]++
	}
	if l.sent[r.URL.Path] <= l.lost {
		return nil, syscall.ECONNRESET
	}
	return resp, nil
}

// TestLostReplies: when the replies of all first attempts are lost, each change
// is made exactly once.
func TestLostReplies(t *testing.T) {
	for _, lost := range []int{1, 3, 9} { // 9: more than one call's attempts
		t.Run(fmt.Sprint(lost), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := village(nil)
				o := newOwners(w)
				client := &losingReplies{next: w.Client(), lost: lost, sent: map[string]int{}, landed: map[string]int{}}
				run := applying(t.Context(), t, client, 1)
				if run.Incomplete() {
					t.Errorf("the run is incomplete: %+v", run)
				}
				if len(client.landed) != 5 { // all but tag-only
					t.Errorf("%d functions were updated, want 5", len(client.landed))
				}
				for path, n := range client.landed {
					if n != 1 {
						t.Errorf("%s: %d updates were carried out, want 1", path, n)
					}
				}
				nothingLost(t, w, o)
				allProtected(t, w)
			})
		})
	}
}

// TestReviewedPlan: an owner's deployment between plan and apply stops a
// reviewed change only when it makes it another one.
func TestReviewedPlan(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(f *lambdasim.FunctionSpec)
		want autodefend.Outcome
	}{
		{"nothing", nil, autodefend.OutcomeProtected},
		{"description", func(f *lambdasim.FunctionSpec) { f.Description = "new" }, autodefend.OutcomeProtected},
		{"memory", func(f *lambdasim.FunctionSpec) { f.Memory = 1024 }, autodefend.OutcomeProtected},
		{"variable", func(f *lambdasim.FunctionSpec) { f.Env = withEnv(f.Env, "NEW", "1") }, autodefend.OutcomeProtected},
		{"layer", func(f *lambdasim.FunctionSpec) { f.Layers = []string{layerARN("owners-a")} }, autodefend.OutcomeChanged},
		{"wrapper", func(f *lambdasim.FunctionSpec) { f.Env = withEnv(f.Env, wrapperVariable, "/opt/own") }, autodefend.OutcomeChanged},
		{"unfit", func(f *lambdasim.FunctionSpec) { f.Runtime = "python3.7" }, autodefend.OutcomeSkipped},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := village(nil)
				f := newFleet(t.Context(), t, w.Client(), unpaced, runID(1), func(c *fleet.Config) {
					c.Strict, c.Selection.Functions = true, []string{"bare"}
				})
				p := mustPlan(t, f)
				if test.edit != nil {
					if err := w.EditFunction(account, region, "bare", test.edit); err != nil {
						t.Fatal(err)
					}
				}
				o := newOwners(w)
				w.Stats().Reset()
				run := f.Apply(t.Context(), p)
				if run.Summary[test.want] != 1 {
					t.Errorf("the summary is %v, want 1 %s: %+v", run.Summary, test.want, run.Results)
				}
				if n := w.Stats().Mutating(); (n == 0) != (test.want != autodefend.OutcomeProtected) {
					t.Errorf("%d mutating calls were made for the outcome %s", n, test.want)
				}
				nothingLost(t, w, o)
			})
		})
	}
}

// TestUpdatesThatFail: an update that AWS ends as failed leaves the old
// configuration and no tag, and one that leaves the function unusable is rolled
// back at once.
func TestUpdatesThatFail(t *testing.T) {
	for _, test := range []struct {
		name   string
		inject func(c lambdasim.Call, updated bool) lambdasim.Fault
		want   autodefend.Outcome
	}{
		{"the old configuration stays", func(c lambdasim.Call, _ bool) lambdasim.Fault {
			if c.Operation == "UpdateFunctionConfiguration" {
				return lambdasim.Fault{Kind: lambdasim.UpdateFails}
			}
			return lambdasim.Fault{}
		}, autodefend.OutcomeFailed},
		{"the function becomes unusable", func(c lambdasim.Call, updated bool) lambdasim.Fault {
			if c.Operation == "GetFunction" && updated {
				return lambdasim.Fault{Kind: lambdasim.OwnerEdit, Edit: func(f *lambdasim.FunctionSpec) {
					if slices.Contains(f.Layers, layerARN("autodefend-defender-x86_64")) {
						f.State, f.StateReasonCode = "Failed", "InvalidRuntime"
					}
				}}
			}
			return lambdasim.Fault{}
		}, autodefend.OutcomeRolledBack},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				updated := false
				w := village(injector(func(c lambdasim.Call) lambdasim.Fault {
					fault := test.inject(c, updated)
					updated = updated || c.Operation == "UpdateFunctionConfiguration"
					return fault
				}))
				o := newOwners(w)
				was, _ := w.Function(account, region, "layers")
				f := newFleet(t.Context(), t, w.Client(), unpaced, runID(1), func(c *fleet.Config) { c.Selection.Functions = []string{"layers"} })
				run := f.Apply(t.Context(), mustPlan(t, f))
				if run.Summary[test.want] != 1 || len(run.Results[0].Reasons) == 0 {
					t.Errorf("the summary is %v, want 1 %s with its reason: %+v", run.Summary, test.want, run.Results)
				}
				now, _ := w.Function(account, region, "layers")
				now.LastUpdateStatus, now.LastUpdateStatusReason, now.LastUpdateStatusReasonCode = was.LastUpdateStatus, "", ""
				if d := cmp.Diff(was, now, exactly()...); d != "" {
					t.Errorf("the function isn't as it was (-want +have):\n%s", d)
				}
				nothingLost(t, w, o)
			})
		})
	}
}

// TestTooManyFailures: a run stops after so many failures and says how many
// functions it left alone.
func TestTooManyFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(lambdasim.Options{Seed: 5, Faults: injector(func(c lambdasim.Call) lambdasim.Fault {
			if c.Operation == "UpdateFunctionConfiguration" {
				return lambdasim.Fault{Kind: lambdasim.UpdateFails}
			}
			return lambdasim.Fault{}
		})})
		lambdasim.BuildFleet(w, account, region, 20, lambdasim.FleetCandidates)
		f := newFleet(t.Context(), t, w.Client(), unpaced, runID(1), func(c *fleet.Config) { c.MaxFailures, c.InFlight = 3, 1 })
		run := f.Apply(t.Context(), mustPlan(t, f))
		if run.Summary[autodefend.OutcomeFailed] != 3 || run.Stopped != "stopped after 3 failures with 17 functions left" || !run.Incomplete() {
			t.Errorf("the run is %v, stopped %q", run.Summary, run.Stopped)
		}
		if n := w.Stats().Operation("UpdateFunctionConfiguration"); n != 3 {
			t.Errorf("%d updates were sent, want 3", n)
		}
	})
}

// TestInterruptedApply: when the context ends, the functions in hand are
// finished and verified, the others aren't touched, and the next apply goes on.
func TestInterruptedApply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, inFlight = 20, 4
		w := newWorld(lambdasim.Options{Seed: 5, Settle: lambdasim.SettleTimes{Min: time.Second, Max: 5 * time.Second}})
		lambdasim.BuildFleet(w, account, region, n, lambdasim.FleetCandidates)
		o := newOwners(w)
		ctx, interrupt := context.WithCancel(t.Context())
		f := newFleet(ctx, t, w.Client(), unpaced, runID(1), func(c *fleet.Config) {
			c.InFlight, c.Progress = inFlight, func(autodefend.Receipt) { interrupt() }
		})
		p := mustPlan(t, f)
		run := f.Apply(ctx, p)
		done := run.Summary[autodefend.OutcomeProtected]
		if done < 1 || done > inFlight+1 || done != len(run.Results) {
			t.Errorf("the summary is %v with %d in hand", run.Summary, inFlight)
		}
		if want := fmt.Sprintf("interrupted with %d functions left; run it again to go on", n-done); run.Stopped != want {
			t.Errorf("the run says %q, want %q", run.Stopped, want)
		}
		if tagged := countTagged(w); tagged != done {
			t.Errorf("%d functions are protected and tagged, want %d", tagged, done)
		}
		if updates := w.Stats().Operation("UpdateFunctionConfiguration"); updates != done {
			t.Errorf("%d updates were sent, want %d", updates, done)
		}
		applying(t.Context(), t, w.Client(), 2)
		nothingLost(t, w, o)
		if tagged := countTagged(w); tagged != n {
			t.Errorf("after going on %d functions are protected and tagged, want %d", tagged, n)
		}
	})
}

// TestOneDeniedRegion: a region and an account that can't be read don't stop the
// others, and are told.
func TestOneDeniedRegion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const other, north = "222222222222", "eu-north-1"
		w := newWorld(lambdasim.Options{Seed: 5, Faults: injector(func(c lambdasim.Call) lambdasim.Fault {
			if c.Account == account && c.Region == north && c.Operation == "ListFunctions" {
				return lambdasim.Fault{Kind: lambdasim.ServerError}
			}
			return lambdasim.Fault{}
		})})
		w.AddAccount(lambdasim.Account{ID: account, Regions: []string{region, north}})
		w.AddAccount(lambdasim.Account{ID: other, Regions: []string{region, north}, Roles: []lambdasim.Role{
			{Name: "deployer", TrustedAccounts: []string{account}},
		}})
		w.Deny(other, "lambda:ListFunctions", "no identity-based policy allows it")
		for _, place := range [][2]string{{account, region}, {account, north}, {other, region}, {other, north}} {
			lambdasim.BuildFleet(w, place[0], place[1], 5, lambdasim.FleetCandidates)
		}
		f := twoAccounts(t, w, "arn:aws:iam::"+other+":role/deployer", north)
		p, err := f.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		run := f.Apply(t.Context(), p)
		if run.Summary[autodefend.OutcomeProtected] != 5 || len(run.Results) != 5 || countTagged(w) != 5 {
			t.Errorf("the summary is %v, want the 5 of the region that can be read protected", run.Summary)
		}
		got := map[string]autodefend.Code{}
		for _, e := range run.Errors {
			if e.Message != "" && strings.HasPrefix(e.Message, "ListFunctions") {
				got[e.Account+" "+e.Region] = e.Code
			}
		}
		want := map[string]autodefend.Code{
			account + " " + north: autodefend.CodeUnavailable, other + " " + region: autodefend.CodeDenied, other + " " + north: autodefend.CodeDenied,
		}
		if d := cmp.Diff(want, got); d != "" || !run.Incomplete() {
			t.Errorf("the run's errors (-want +have):\n%s", d)
		}
	})
}

// twoAccounts opens the caller's account and a role's, in two regions each.
func twoAccounts(t *testing.T, w *lambdasim.World, role, north string) *fleet.Fleet {
	t.Helper()
	var list []fleet.Region
	for _, roles := range [][]cloud.AssumeRole{nil, {{ARN: role}}} {
		regions, problems, err := cloud.Open(t.Context(), cloud.Config{
			Regions: []string{region, north}, AssumeRoles: roles, HTTPClient: w.Client(), Jitter: func() float64 { return 0 },
		})
		if err != nil || len(problems) > 0 {
			t.Fatal(err, problems)
		}
		for _, r := range regions {
			list = append(list, fleet.Region{Account: r.Account, Partition: r.Partition, Name: r.Name, Estate: r, Layers: r, Writer: r, Insight: r})
		}
	}
	var cfg fleet.Config
	newFleet(t.Context(), t, w.Client(), unpaced, runID(1), func(c *fleet.Config) { cfg = *c })
	return fleet.New(cfg, list)
}

// TestMissingPermission: a missing permission is named with the statement to
// add, and nothing is changed, whether IAM can tell it beforehand or not.
func TestMissingPermission(t *testing.T) {
	const action = "lambda:UpdateFunctionConfiguration"
	for _, test := range []struct {
		name   string
		denied []string
		want   autodefend.Outcome
	}{
		{"told beforehand", []string{action}, autodefend.OutcomeSkipped},
		{"told by the refusal", []string{action, "iam:SimulatePrincipalPolicy"}, autodefend.OutcomeFailed},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(lambdasim.Options{Seed: 5})
				lambdasim.BuildFleet(w, account, region, 5, lambdasim.FleetCandidates)
				was := estate(w)
				for _, a := range test.denied {
					w.Deny(account, a, "no identity-based policy allows it")
				}
				f := newFleet(t.Context(), t, w.Client(), unpaced, runID(1), nil)
				run := f.Apply(t.Context(), mustPlan(t, f))
				if run.Summary[test.want] != 5 {
					t.Errorf("the summary is %v, want 5 %s", run.Summary, test.want)
				}
				for _, r := range run.Results {
					if r.Reasons[0].Check != autodefend.CheckPermission || !strings.Contains(r.Reasons[0].Hint, `{"Effect":"Allow","Action":["`+action+`"]`) {
						t.Errorf("the reason is %+v", r.Reasons[0])
					}
				}
				if d := cmp.Diff(was, estate(w)); d != "" {
					t.Errorf("something was changed (-want +have):\n%s", d)
				}
			})
		})
	}
}
