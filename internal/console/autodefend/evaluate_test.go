package autodefend

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// byName reads the inventory by name.
func (b *bench) byName() map[string]api.FunctionInfo {
	b.t.Helper()
	all := map[string]api.FunctionInfo{}
	for _, f := range get[[]api.FunctionInfo](b, "/serverless") {
		all[f.Name] = f
	}
	return all
}

func (b *bench) status() api.ServerlessAutoDeployStatus {
	b.t.Helper()
	return *get[api.Status](b, "/statuses/serverless-auto-deploy").ServerlessAutoDeploy
}

func TestRulesAttachTheDefenderToWhatTheyCover(t *testing.T) {
	for name, test := range map[string]struct {
		rules []string
		want  []string
	}{
		"everything of the runtimes":  {[]string{rule("r", "All", "")}, []string{"orders-1", "orders-2", "prod", "web"}},
		"a prefix, whatever the case": {[]string{rule("r", "orders", "")}, []string{"orders-1", "orders-2"}},
		"a tag":                       {[]string{rule("r", "prod", "")}, []string{"prod"}},
		"a region":                    {[]string{rule("r", "ireland", "")}, []string{"orders-1", "orders-2", "prod", "web"}},
		"hosts hold no function":      {[]string{rule("r", "hosts", "")}, nil},
		"gov has none of them":        {[]string{strings.Replace(rule("r", "All", ""), "regular", "gov", 1)}, nil},
		"another runtime":             {[]string{strings.Replace(rule("r", "All", ""), `["python","nodejs22.x"]`, `["java"]`, 1)}, []string{"java"}},
		"every runtime":               {[]string{strings.Replace(rule("r", "All", ""), `["python","nodejs22.x"]`, `[]`, 1)}, []string{"java", "orders-1", "orders-2", "prod", "web"}},
		"excludes":                    {[]string{rule("r", "All", `"autodefend":{"excludes":["orders-*","web"]}`)}, []string{"prod"}},
		"a dry run":                   {[]string{rule("r", "All", `"autodefend":{"dryRun":true}`)}, nil},
		"too many changes":            {[]string{rule("r", "All", `"autodefend":{"maxChanges":3}`)}, nil},
		"as many as allowed":          {[]string{rule("r", "All", `"autodefend":{"maxChanges":"100%"}`)}, []string{"orders-1", "orders-2", "prod", "web"}},
		"the first rule has it":       {[]string{rule("r", "orders", `"autodefend":{"dryRun":true}`), rule("s", "All", "")}, []string{"prod", "web"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			b.world.add("orders-1", "orders-2", "web", "big-one")
			b.world.put(account, region, "prod", "nodejs22.x", map[string]string{"env": "prod"})
			b.world.put(account, region, "java", "java21", nil)
			b.rules(test.rules...)
			b.settled()
			if diff := cmp.Diff(test.want, b.world.defended()); diff != "" {
				t.Error(diff)
			}
			if held := b.store.Held(); len(held) > 0 {
				t.Errorf("leases still held: %v", held)
			}
		})
	}
}

func TestVerdictsAreKeptWithReasons(t *testing.T) {
	b := newBench(t, nil)
	b.world.add("orders-1", "big-orders", "web")
	b.world.put(account, region, "java", "java21", map[string]string{"team": "x"})
	b.rules(rule("o", "orders", ""), rule("all", "All", ""))
	b.settled()
	all := b.byName()
	if f := all["orders-1"]; !f.Defended || f.Own.Rule != "o" || f.Own.Decision != autodefend.Protected || f.DefenderLayerARN != layerARN || f.Own.AttachedBy == "" {
		t.Errorf("orders-1: %+v", f)
	}
	if f := all["big-orders"]; f.Defended || f.Own.Rule != "all" || f.Own.Decision != autodefend.Skip || f.Own.Reasons[0].Check != autodefend.CheckCodeSize {
		t.Errorf("big-orders: %+v", f)
	}
	if f := all["java"]; f.Own.Rule != "" || f.Own.Decision != autodefend.Exclude || len(f.Own.Reasons) != 1 || f.FunctionTags[0].Value != "x" {
		t.Errorf("java: %+v", f)
	}
	for _, records := range b.store.functions {
		for _, r := range records {
			if strings.Contains(string(r.Body), "hunter2") {
				t.Errorf("the value of a variable was stored: %s", r.Body)
			}
		}
	}
	want := []api.ServerlessAutoDeploySpecStatus{{Name: "o", Discovered: 1, Defended: 1}, {Name: "all", Discovered: 2, Defended: 1}}
	got := b.status()
	for i := range got.Specs {
		got.Specs[i].Own = nil
	}
	if diff := cmp.Diff(want, got.Specs); diff != "" {
		t.Error(diff)
	}
	if got.Scanning || len(got.Errors) > 0 {
		t.Errorf("status: %+v", got)
	}
	runs := get[[]api.RunRecord](b, "/runs")
	if len(runs) != 2 || runs[0].Results != nil || runs[0].State != api.RunDone {
		t.Fatalf("runs: %+v", runs)
	}
	if run := get[api.RunRecord](b, "/runs/"+runs[0].ID); len(run.Results) != 1 || run.Summary[autodefend.OutcomeProtected] != 1 {
		t.Errorf("run: %+v", run)
	}
}

func TestNothingToDoMakesNoRun(t *testing.T) {
	b := newBench(t, nil)
	b.world.add("a")
	b.rules(rule("r", "All", ""))
	b.settled()
	b.scanNow()
	b.settled()
	if runs := get[[]api.RunRecord](b, "/runs"); len(runs) != 1 {
		t.Errorf("%d runs, want the one that changed something", len(runs))
	}
	if len(b.world.did()) != 1 || b.world.opens() != 2 {
		t.Errorf("writes %v, opened %d times", b.world.did(), b.world.opens())
	}
}

func TestWhatCantBeDoneIsShown(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(b *bench)
		want  string
	}{
		"credentials": {func(b *bench) {
			b.world.openErr = autodefend.Errorf(autodefend.CodeDenied, "bad keys").WithHint("new ones")
		}, "r: bad keys; new ones"},
		"collection":  {func(b *bench) { b.cfg.Collections = collections{} }, "r: collections that don't exist any more: orders"},
		"max changes": {func(b *bench) { b.rules(rule("r", "orders", `"autodefend":{"maxChanges":"10%"}`)) }, "2 functions would change, more than the 1 that maxChanges (10%) allows"},
		"a listing":   {func(b *bench) { b.world.crack(true) }, "111111111111 eu-west-1: ListFunctions: rate exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			b.world.add("orders-1", "orders-2")
			b.rules(rule("r", "orders", ""))
			test.spoil(b)
			b.settled()
			errs := b.status().Errors
			if len(errs) != 1 || !strings.Contains(errs[0], test.want) {
				t.Errorf("errors %q, want %q", errs, test.want)
			}
			if s := get[api.AutoDeployState](b, "/statuses/serverless-auto-deploy"); s.Finished.Before(s.Started) {
				t.Error("the evaluation didn't end")
			}
		})
	}
}

func TestAPartialListingReplacesNothing(t *testing.T) {
	b := newBench(t, nil)
	b.world.add("a", "b", "c", "d")
	b.rules(rule("r", "All", ""))
	b.settled()
	b.world.crack(true)
	b.scanNow()
	b.settled()
	if all := b.byName(); len(all) != 4 {
		t.Errorf("%d functions are known, want all four", len(all))
	}
	found := get[[]api.CloudDiscoveryResult](b, "/cloud/discovery")
	if len(found) != 1 || found[0].Total != 4 || !strings.Contains(found[0].Err, "rate exceeded") {
		t.Errorf("discovery: %+v", found)
	}
}

func TestUnknownTagsProtectNothing(t *testing.T) {
	b := newBench(t, nil)
	b.world.put(account, region, "a", "python3.13", map[string]string{"env": "prod"}).TagsKnown = false
	b.rules(rule("r", "prod", ""))
	b.settled()
	if got := b.world.defended(); got != nil {
		t.Errorf("%v were defended without knowing their tags", got)
	}
}

func TestFailuresAreReceipts(t *testing.T) {
	b := newBench(t, nil)
	b.world.add("a", "b")
	b.world.fail["a"] = true
	b.rules(rule("r", "All", ""))
	b.settled()
	all := b.byName()
	if f := all["a"]; f.Defended || len(f.Own.Reasons) != 1 || f.Own.Reasons[0].Message != "AWS refused" {
		t.Errorf("a: %+v", f.Own)
	}
	if s := b.status(); s.Specs[0].Defended != 1 {
		t.Errorf("status: %+v", s.Specs[0])
	}
}

func TestAnEarlierRuleOfAnotherCredential(t *testing.T) {
	b := newBench(t, nil)
	b.world.accounts["other"] = []string{account}
	b.world.add("orders-1", "web")
	first := strings.Replace(rule("first", "orders", `"autodefend":{"dryRun":true}`), `"aws"`, `"other"`, 1)
	b.rules(first)
	b.settled() // now it's known what the credential opens
	b.rules(first, rule("second", "All", ""))
	b.settled()
	if got := b.world.defended(); !slices.Equal(got, []string{"web"}) {
		t.Errorf("%v are defended; orders-1 belongs to the rule in dry run", got)
	}
}

func TestOneLookFindsTheRest(t *testing.T) {
	b := newBench(t, nil)
	b.give(api.KindCloudScanRule, "other", `{"credentialId":"other","discoveryEnabled":true}`)
	b.give(api.KindCloudScanRule, "off", `{"credentialId":"off"}`)
	b.world.accounts["other"] = []string{"222222222222"}
	b.world.put("222222222222", "us-east-1", "far", "python3.13", nil)
	b.world.add("near")
	b.rules(rule("r", "All", ""))
	b.settled()
	all := b.byName()
	if len(all) != 2 || all["far"].Defended || all["far"].Own.Decision != autodefend.Exclude || !all["near"].Defended {
		t.Fatalf("functions: %+v", all)
	}
	opened := b.world.opens()
	b.world.add("new", "big-new")
	b.lookAgain()
	b.settled()
	if b.world.opens() != opened+2 || len(b.world.did()) != 1 {
		t.Errorf("opened %d times more, writes %v", b.world.opens()-opened, b.world.did())
	}
	if f := b.byName()["big-new"]; f.Own.Decision != autodefend.Skip || f.Own.Rule != "r" {
		t.Errorf("big-new: %+v", f.Own)
	}
	if f := b.byName()["near"]; f.Own.Decision != autodefend.Protected || !f.Defended {
		t.Errorf("near: %+v", f.Own)
	}
}

func TestAPlanChangesNothing(t *testing.T) {
	b := newBench(t, nil)
	b.world.add("a", "big-b")
	b.rules(rule("r", "All", `"autodefend":{"dryRun":true}`))
	b.settled()
	answer := b.must("POST", "/plans", `{"rule":"r"}`)
	id := answer.JSON.(api.RunRecord).ID
	if queued := get[api.RunRecord](b, "/plans/"+id); queued.State != api.RunQueued || queued.By != "ann" {
		t.Errorf("queued: %+v", queued)
	}
	b.settled()
	done := get[api.RunRecord](b, "/plans/"+id)
	if done.State != api.RunDone || done.Plan == nil || done.Plan.Summary.Protect != 1 || done.Plan.Summary.Skip != 1 {
		t.Errorf("plan: %+v", done)
	}
	if len(b.world.did()) > 0 {
		t.Errorf("writes: %v", b.world.did())
	}
	for target, body := range map[string]string{"/plans": `{"rule":"none"}`, "/runs/x/rollback": "", "/runs/" + id + "/rollback": "", "/runs/" + id + "/confirm": ""} {
		if _, err := b.call("POST", target, body); err == nil {
			t.Errorf("POST %s %s: no error", target, body)
		}
	}
}

func TestOldRunsGo(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Keep = 3 })
	for i := range 5 {
		b.world.add(string(rune('a' + i)))
		if i == 0 {
			b.rules(rule("r", "All", ""))
		}

		b.scanNow()
		b.settled()
	}
	if runs := get[[]api.RunRecord](b, "/runs"); len(runs) != 3 || runs[0].Created.Before(runs[2].Created) {
		t.Errorf("%d runs are kept, want the newest three: %+v", len(runs), runs)
	}
}
