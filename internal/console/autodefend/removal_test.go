package autodefend

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

func TestADeletedRuleIsRolledBackWhereNoOtherCovers(t *testing.T) {
	orders, all, prod := rule("orders", "orders", ""), rule("all", "All", ""), rule("prod", "prod", "")
	for name, test := range map[string]struct {
		before, after []string
		want          []string
	}{
		"the only one":              {[]string{all}, nil, nil},
		"others cover some":         {[]string{all, orders}, []string{orders}, []string{"orders-1"}},
		"others cover all":          {[]string{orders, all}, []string{all}, []string{"orders-1", "prod", "web"}},
		"one narrower than another": {[]string{all, prod}, []string{prod}, []string{"prod"}},
		"renamed":                   {[]string{all}, []string{strings.Replace(all, `"all"`, `"new"`, 1)}, []string{"orders-1", "prod", "web"}},
		"made narrower":             {[]string{all}, []string{rule("all", "orders", "")}, []string{"orders-1"}},
		"in dry run covers too":     {[]string{all, orders}, []string{rule("orders", "orders", `"autodefend":{"dryRun":true}`)}, []string{"orders-1"}},
		"excludes don't undefend":   {[]string{all}, []string{rule("all", "All", `"autodefend":{"excludes":["*"]}`)}, []string{"orders-1", "prod", "web"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			b.world.add("orders-1", "web")
			b.world.put(account, region, "prod", "python3.13", map[string]string{"env": "prod"})
			b.rules(test.before...)
			b.settled()
			// Somebody else's Defender, without our mark, stays whatever happens.
			b.world.put(account, region, "zz-manual", "python3.13", nil).Layers = []autodefend.AttachedLayer{{ARN: layerARN}}
			b.rules(test.after...)
			b.settled()
			if got := b.world.defended(); !slices.Equal(got, append(slices.Clone(test.want), "zz-manual")) {
				t.Errorf("defended %v, want %v", got, test.want)
			}
			for name, f := range b.byName() {
				if name != "zz-manual" && f.Defended != slices.Contains(test.want, name) {
					t.Errorf("the inventory says of %s: defended %v", name, f.Defended)
				}
			}
			if st, _ := b.load(t.Context()); len(st.jobs) > 0 {
				t.Errorf("jobs are left: %+v", st.jobs)
			}
		})
	}
}

// many makes a bench with a rule that defends n functions.
func many(t *testing.T, n int) *bench {
	b := newBench(t, nil)
	for i := range n {
		b.world.add(fmt.Sprintf("f-%03d", i))
	}
	b.rules(rule("all", "All", ""))
	b.settled()
	return b
}

func TestManyRemovalsNeedConfirmation(t *testing.T) {
	b := many(t, 12)
	_, err := b.call("POST", rulesPath, "[]")
	if autodefend.ErrorCode(err) != autodefend.CodeConflict || !strings.Contains(autodefend.ErrorHint(err), "?confirm=") {
		t.Fatalf("error %v, want a conflict that says how to confirm", err)
	}
	preview := b.must("POST", rulesPath+"/preview", "[]").JSON.(api.AutoDeployPreview)
	if len(preview.Undefend) != 12 || len(preview.Defend) != 0 || preview.Allowed != 10 || preview.Undefend[0].Rule != "all" {
		t.Fatalf("preview: %+v", preview)
	}
	if _, err := b.call("POST", rulesPath+"?confirm=wrong", "[]"); autodefend.ErrorCode(err) != autodefend.CodeConflict {
		t.Errorf("a wrong digest: %v", err)
	}
	if len(get[[]api.AutoDeployRule](b, rulesPath)) != 1 {
		t.Fatal("the rule is gone although it was refused")
	}
	b.must("POST", rulesPath+"?confirm="+preview.Confirm, "[]")
	b.settled()
	if got := b.world.defended(); got != nil {
		t.Errorf("%d are still defended", len(got))
	}
	runs := get[[]api.RunRecord](b, "/runs?kind=removal")
	if len(runs) != 1 || runs[0].State != api.RunDone || runs[0].Summary[autodefend.OutcomeRolledBack] != 12 || runs[0].By != "ann" {
		t.Errorf("runs: %+v", runs)
	}
}

func TestPreviewOfANewRule(t *testing.T) {
	b := newBench(t, nil)
	b.world.add("orders-1", "web")
	b.rules(rule("none", "prod", ""))
	b.settled()
	preview := b.must("POST", rulesPath+"/preview", "["+rule("none", "prod", "")+","+rule("o", "orders", "")+"]").JSON.(api.AutoDeployPreview)
	if len(preview.Defend) != 1 || preview.Defend[0].Name != "orders-1" || preview.Defend[0].Rule != "o" || len(preview.Undefend) > 0 {
		t.Errorf("preview: %+v", preview)
	}
	if len(get[[]api.AutoDeployRule](b, rulesPath)) != 1 || len(b.world.did()) > 0 {
		t.Error("a preview changed something")
	}
}

func TestARemovalIsHeldUpWhenThereIsMoreThanWasSeen(t *testing.T) {
	b := many(t, 9)
	b.unseen(region, "unseen-0", "unseen-1", "unseen-2", "unseen-3", "unseen-4", "unseen-5")
	b.rules()
	b.settled()
	if got := b.world.defended(); len(got) != 15 {
		t.Fatalf("%d are defended, want all until somebody confirms", len(got))
	}
	run := get[[]api.RunRecord](b, "/runs?state=blocked")[0]
	if !strings.Contains(strings.Join(b.status().Errors, " "), "waits for confirmation") || run.Confirm == "" || len(run.Results) != 0 {
		t.Errorf("run: %+v", run)
	}
	if _, err := b.call("POST", "/runs/"+run.ID+"/confirm?confirm=x", ""); autodefend.ErrorCode(err) != autodefend.CodeConflict {
		t.Errorf("a wrong digest: %v", err)
	}
	b.must("POST", "/runs/"+run.ID+"/confirm?confirm="+url.QueryEscape(run.Confirm), "")
	b.settled()
	if got := b.world.defended(); got != nil {
		t.Errorf("%v are still defended", got)
	}
}

// unseen puts functions into a region that carry our mark and that the inventory doesn't know.
func (b *bench) unseen(region string, names ...string) {
	for _, name := range names {
		f := b.world.put(account, region, name, "python3.13", nil)
		f.Layers = []autodefend.AttachedLayer{{ARN: layerARN}}
		f.Environment.Variables[autodefend.MarkerVariable] = "autodefend/20250101T000000-aaaa"
	}
}

// teams makes a bench with a rule for each of n teams, in three regions, of which the inventory knows no function, and then
// gives each team two.
func teams(t *testing.T, n int) *bench {
	t.Helper()
	b := newBench(t, nil)
	known, rules := collections{}, []string{}
	regions := []string{"eu-west-1", "eu-west-2", "eu-west-3"}
	for i := range n {
		name := fmt.Sprintf("team%02d", i)
		known = append(known, policyCollection(name))
		rules = append(rules, rule(name, name, `"autodefend":{"regions":["`+regions[i%3]+`"]}`))
	}
	b.cfg.Collections = known
	for _, region := range regions {
		b.world.put(account, region, "other", "java21", nil)
	}
	b.rules(rules...)
	for range 3 {
		b.settled()
	}
	for i := range n {
		b.unseen(regions[i%3], fmt.Sprintf("team%02d-a", i), fmt.Sprintf("team%02d-b", i))
	}
	return b
}

// TestTheCapHoldsForAllRules: what goes without confirmation is so many functions of a change, and not so many of each rule
// that it removes.
func TestTheCapHoldsForAllRules(t *testing.T) { synctest.Test(t, capForAllRules) }

func capForAllRules(t *testing.T) {
	b := teams(t, 8)
	preview := b.must("POST", rulesPath+"/preview", "[]").JSON.(api.AutoDeployPreview)
	if len(preview.Undefend) != 0 || preview.Allowed != 10 {
		t.Fatalf("preview: %+v", preview)
	}
	b.rules()
	for range 3 {
		b.settled()
	}
	if got := b.world.defended(); len(got) != 16-10 {
		t.Fatalf("%d of 16 are defended, want all but the ten that go without confirmation: %v", len(got), got)
	}
	blocked := get[[]api.RunRecord](b, "/runs?state=blocked")
	if len(blocked) != 3 || !strings.Contains(blocked[0].Message, "2 functions would lose the Defender, more than the 0 that are left of the 10") {
		t.Fatalf("%d are blocked: %+v", len(blocked), blocked)
	}
	for _, run := range blocked {
		b.must("POST", "/runs/"+run.ID+"/confirm?confirm="+run.Confirm, "")
	}
	b.settled()
	if got := b.world.defended(); got != nil {
		t.Errorf("%v are still defended after confirmation", got)
	}
	for _, d := range b.store.Stored(api.KindRuleStatus) {
		if strings.HasPrefix(d.ID, idAllowance) || strings.HasPrefix(d.ID, idJob) {
			t.Errorf("%s is left", d.ID)
		}
	}
}

// TestTwoJobsTakeFromOneAllowance: what another job took between reading and writing isn't there any more, and what a job gives
// back is.
func TestTwoJobsTakeFromOneAllowance(t *testing.T) {
	b := newBench(t, nil)
	if err := b.Service.store(t.Context(), idAllowance+"c", allowance{Allow: 10}); err != nil {
		t.Fatal(err)
	}
	job := func(id string) *jobRun {
		_, h, err := b.hold(t.Context(), leaseJob+id, "me")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { h.release(context.Background()) })
		return &jobRun{s: b.Service, main: h, job: api.AutoDeployJob{ID: id, Allow: 10, Change: "c"}}
	}
	one, two := job("one"), job("two")
	b.store.Fault = func(operation string) error {
		if operation == "Write" {
			b.store.Fault = nil
			if left, err := two.take(t.Context(), 6); left != 10 || err != nil {
				t.Errorf("the faster one may take %d: %v", left, err)
			}
		}
		return nil
	}
	if left, err := one.take(t.Context(), 6); left != 4 || err != nil {
		t.Errorf("the slower one may take %d, want 4: %v", left, err)
	}
	if left, err := one.take(t.Context(), 4); left != 4 || err != nil {
		t.Errorf("the slower one may take %d, want 4: %v", left, err)
	}
	two.record.Results = []autodefend.Receipt{{Outcome: autodefend.OutcomeRolledBack}, {Outcome: autodefend.OutcomeFailed}}
	if err := two.giveBack(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := one.take(t.Context(), 9); left != 9 || err != nil {
		t.Errorf("after the other did one it may take %d, want 9: %v", left, err)
	}
	b.store.steal(leaseJob + "two")
	two.record.Results = nil
	if err := two.giveBack(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := one.take(t.Context(), 10); left != 9 || err != nil {
		t.Errorf("who lost its job gives nothing back, and it may take %d, want 9: %v", left, err)
	}
	one.job.Change = "none"
	if left, err := one.take(t.Context(), 1); left != 0 || err != nil {
		t.Errorf("without an allowance it may take %d: %v", left, err)
	}
	one.record.Results = []autodefend.Receipt{{Outcome: autodefend.OutcomeRolledBack}}
	if err := one.giveBack(t.Context()); err != nil || len(b.store.Stored(api.KindRuleStatus)) != 1 {
		t.Errorf("an allowance was made: %v", err)
	}
}

// TestConfirmedRemovalsOfRulesThatOverlap: whichever rule's job comes first, what was confirmed is done and nothing waits.
func TestConfirmedRemovalsOfRulesThatOverlap(t *testing.T) {
	for name, rules := range map[string][]string{
		"the wide one first": {rule("all", "All", ""), rule("orders", "orders", "")},
		"the wide one last":  {rule("orders", "orders", ""), rule("all", "All", "")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, nil)
				for i := range 12 {
					b.world.add(fmt.Sprintf("orders-%02d", i), fmt.Sprintf("web-%02d", i))
				}
				b.rules(rules...)
				b.settled()
				b.world.fail["orders-03"] = true // is tried by both jobs, and counts once
				preview := b.must("POST", rulesPath+"/preview", "[]").JSON.(api.AutoDeployPreview)
				b.must("POST", rulesPath+"?confirm="+preview.Confirm, "[]")
				b.settled()
				delete(b.world.fail, "orders-03")
				b.due()
				b.settled()
				if got := b.world.defended(); len(preview.Undefend) != 24 || got != nil {
					t.Errorf("%d were confirmed, and %v are still defended: %+v", len(preview.Undefend), got, get[[]api.RunRecord](b, "/runs?state=blocked"))
				}
			})
		})
	}
}

func TestAPartialListingDetachesNothing(t *testing.T) {
	b := many(t, 4)
	b.world.crack(true)
	b.rules()
	b.settled()
	if got := b.world.defended(); len(got) != 4 {
		t.Fatalf("%v are defended after a partial listing, want all four", got)
	}
	run := get[[]api.RunRecord](b, "/runs?kind=removal")[0]
	if run.State != api.RunQueued || !strings.Contains(run.Message, "tried again") || len(run.Errors) == 0 {
		t.Errorf("run: %+v", run)
	}
}

func TestARuleThatComesBackKeepsItsFunctions(t *testing.T) {
	b := many(t, 4)
	b.rules()
	b.rules(rule("again", "All", ""))
	b.settled()
	if got := b.world.defended(); len(got) != 4 || slices.ContainsFunc(b.world.did(), func(w string) bool { return strings.HasPrefix(w, "detach") }) {
		t.Errorf("defended %v, writes %v", got, b.world.did())
	}
}

func TestRollBackOfARun(t *testing.T) {
	b := newBench(t, nil)
	b.world.add("a")
	b.rules(rule("r", "All", `"kept":1,"autodefend":{"interval":"2h"}`))
	b.settled()
	b.world.add("b")
	b.scanNow()
	b.settled()
	runs := get[[]api.RunRecord](b, "/runs?kind=apply")
	if len(runs) != 2 {
		t.Fatalf("runs: %+v", runs)
	}
	b.must("POST", "/runs/"+runs[0].ID+"/rollback", "")
	b.settled()
	if got := b.world.defended(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("%v are defended, want what the first run did", got)
	}
	back := get[[]api.RunRecord](b, "/runs?kind=rollback")
	if len(back) != 1 || back[0].State != api.RunDone || back[0].Of != runs[0].ID || back[0].Summary[autodefend.OutcomeRolledBack] != 1 {
		t.Errorf("roll-back: %+v", back)
	}
	rules := get[[]map[string]any](b, rulesPath)
	own := rules[0]["autodefend"].(map[string]any)
	if own["dryRun"] != true || own["interval"] != "2h" || rules[0]["kept"] != 1.0 {
		t.Errorf("the rule is %v, want it in dry run and otherwise as it was", rules[0])
	}
	b.scanNow()
	b.settled()
	if got := b.world.defended(); len(got) != 1 {
		t.Errorf("the rule attached it again: %v", got)
	}
}

// TestAReplacementWithAnotherCredential: until it's known which account the new rule's credential opens, its functions may
// be those of the old one.
func TestAReplacementWithAnotherCredential(t *testing.T) {
	for account, want := range map[string]int{account: 3, "222222222222": 0} {
		synctest.Test(t, func(t *testing.T) {
			b := many(t, 3)
			b.world.accounts["other"] = []string{account}
			b.world.put("222222222222", region, "theirs", "java21", nil)
			b.rules(strings.Replace(rule("new", "All", ""), `"aws"`, `"other"`, 1))
			defer start(t, b.Service)()
			time.Sleep(5 * time.Minute)
			if got := b.world.defended(); len(got) != want {
				t.Errorf("the new credential opens %s: %v are defended, want %d", account, got, want)
			}
		})
	}
}
