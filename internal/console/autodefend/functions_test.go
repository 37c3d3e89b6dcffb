package autodefend

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// estate is a bench with functions of several sorts, looked at.
func estate(t *testing.T) *bench {
	b := newBench(t, nil)
	b.world.accounts["aws"] = []string{account, "222222222222"}
	b.world.add("orders-1", "orders-2", "big-orders")
	b.world.put(account, region, "java", "java21", map[string]string{"team": "=cmd()"})
	b.world.put("222222222222", "us-east-1", "far", "nodejs22.x", nil).Architecture = autodefend.ArchARM
	b.rules(rule("o", "orders", ""), rule("all", "All", `"autodefend":{"dryRun":true}`))
	b.settled()
	return b
}

func TestFunctionFilters(t *testing.T) {
	b := estate(t)
	arn := "arn:aws:lambda:eu-west-1:111111111111:function:"
	for query, want := range map[string][]string{
		"":                           {"big-orders", "far", "java", "orders-1", "orders-2"},
		"id=" + arn + "java":         {"java"},
		"id=" + arn + "x":            nil,
		"runtime=java21":             {"java"},
		"runtime=java21,nodejs22.x":  {"far", "java"},
		"runtime=java21&runtime=go":  {"java"},
		"region=us-east-1":           {"far"},
		"accountIDs=222222222222":    {"far"},
		"version=$LATEST":            {"big-orders", "far", "java", "orders-1", "orders-2"},
		"version=3":                  nil,
		"functionLayers=" + layerARN: {"orders-1", "orders-2"},
		"functionLayers=autodefend-defender-x86_64": {"orders-1", "orders-2"},
		"functionLayers=none":                       nil,
		"defended=true":                             {"orders-1", "orders-2"},
		"defended=false":                            {"big-orders", "far", "java"},
		"complianceIDs=434":                         nil,
		"complianceRuleName=x":                      nil,
		"normalizedSeverity=high":                   nil,
		"issueType=x":                               nil,
		"cloudControllerAddresses=x":                nil,
		"platform=Linux":                            {"big-orders", "far", "java", "orders-1", "orders-2"},
		"platform=windows":                          nil,
		"check=code-size":                           {"big-orders"},
		"decision=protect":                          {"far"},
		"rule=all":                                  {"big-orders", "far"},
		"search=orders":                             {"big-orders", "orders-1", "orders-2"},
		"project=ignored":                           {"big-orders", "far", "java", "orders-1", "orders-2"},
	} {
		t.Run(query, func(t *testing.T) {
			answer := b.must("GET", "/serverless?"+query, "")
			var names []string
			for _, f := range get[[]api.FunctionInfo](b, "/serverless?"+query) {
				names = append(names, f.Name)
			}
			slices.Sort(names)
			if diff := cmp.Diff(want, names); diff != "" {
				t.Error(diff)
			}
			if answer.Header["Total-Count"] != fmt.Sprint(len(want)) {
				t.Errorf("Total-Count %s, want %d", answer.Header["Total-Count"], len(want))
			}
			if text, _ := json.Marshal(answer.JSON); want == nil && string(text) != "[]" {
				t.Errorf("an empty list is %s", text)
			}
		})
	}
	for _, bad := range []string{"defended=perhaps", "limit=x", "offset=-1", "reverse=2"} {
		if _, err := b.call("GET", "/serverless?"+bad, ""); autodefend.ErrorCode(err) != autodefend.CodeInvalid {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// TestCollectionsOfFunctions: every list says which collections hold a function, and those are the collections that find it.
func TestCollectionsOfFunctions(t *testing.T) {
	b := estate(t)
	changed := time.Date(2026, 2, 3, 4, 5, 6, 789e6, time.UTC)
	f := b.world.put(account, region, "tagged", "python3.13", map[string]string{"env": "prod"})
	f.Description, f.LastModified = "what it's for", changed
	b.lookAgain()
	b.settled()
	want := map[string][]string{
		"big-orders": {"All", "ireland", "hosts"}, "far": {"All", "hosts"}, "java": {"All", "ireland", "hosts"},
		"orders-1": {"All", "orders", "ireland", "hosts"}, "orders-2": {"All", "orders", "ireland", "hosts"}, "tagged": {"All", "ireland", "prod", "hosts"},
	}
	got := map[string][]string{}
	for _, f := range get[[]api.FunctionInfo](b, "/serverless") {
		got[f.Name] = f.Collections
		if f.Name == "tagged" && (f.Description != "what it's for" || !f.LastModified.Equal(changed)) {
			t.Errorf("described as %q, changed %s", f.Description, f.LastModified)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("functions: %s", diff)
	}
	clear(got)
	for _, f := range get[[]api.CloudDiscoveryEntity](b, "/cloud/discovery/entities") {
		got[f.Name] = f.Collections
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("discovery: %s", diff)
	}
	clear(got)
	for _, f := range get[api.RadarData](b, "/radar/serverless").ServerlessRadar {
		got[f.Name] = f.Collections
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("radar: %s", diff)
	}
	// Who is limited to collections hears of no others.
	b.cfg.Collections = collections{{Name: "orders", Functions: []string{"orders-*"}}, {Name: "ireland", Functions: []string{"*"}}}
	answer, err := callAs(t, b.Service, route.Principal{Username: "bob", Collections: []string{"orders"}}, "GET", "/serverless?fields=collections", "")
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := json.Marshal(answer.JSON); strings.Contains(string(text), "ireland") || strings.Count(string(text), `["orders"]`) != 2 {
		t.Errorf("bob sees %s", text)
	}
}

func TestFunctionPages(t *testing.T) {
	b := estate(t)
	for i := range 70 {
		b.world.add(fmt.Sprintf("more-%02d", i))
	}
	b.lookAgain()
	b.settled()
	for query, want := range map[string]int{"": 50, "limit=1000": 50, "limit=7": 7, "offset=70": 5, "offset=500": 0, "check=excluded&limit=3": 1, "fields=name&limit=2": 2} {
		if got := get[[]map[string]any](b, "/serverless?"+query); len(got) != want {
			t.Errorf("%s: %d functions, want %d", query, len(got), want)
		}
	}
	if got := get[[]map[string]any](b, "/serverless?fields=name,runtime&limit=1")[0]; len(got) != 3 {
		t.Errorf("fields give %v", got)
	}
	names := b.must("GET", "/serverless/names?limit=2&offset=1", "")
	if got := names.JSON.([]string); !slices.Equal(got, []string{"far", "java"}) || names.Header["Total-Count"] != "75" {
		t.Errorf("names %v of %s", got, names.Header["Total-Count"])
	}
}

func TestTables(t *testing.T) {
	b := estate(t)
	for target, rows := range map[string]int{"/serverless/download": 6, "/serverless/download?defended=true": 3, "/cloud/discovery/download": 3} {
		answer := b.must("GET", target, "")
		if answer.Media != "text/csv" {
			t.Errorf("%s: the media type is %q", target, answer.Media)
		}
		all, err := csv.NewReader(strings.NewReader(string(answer.Raw))).ReadAll()
		if err != nil || len(all) != rows {
			t.Errorf("%s: %d rows, want %d (%v)", target, len(all), rows, err)
		}
	}
	if text := string(b.must("GET", "/serverless/download", "").Raw); strings.Contains(text, "hunter2") {
		t.Errorf("a value of a variable is in %s", text)
	}
}

func TestCellsAreNoFormulas(t *testing.T) {
	answer, err := newTable("=1+1", "+2", "-3", "@x", "plain", "").answer()
	if err != nil || string(answer.Raw) != "'=1+1,'+2,'-3,'@x,plain,\n" {
		t.Errorf("%q, %v", answer.Raw, err)
	}
}

func TestDiscovery(t *testing.T) {
	b := estate(t)
	want := []api.CloudDiscoveryResult{
		{AccountID: account, AccountName: account, Collections: []string{}, CredentialID: "aws", Defended: 2, DefenseCoverage: 50, Provider: "aws", Region: region, ServiceType: "aws-lambda", Total: 4, Undefended: 2},
		{AccountID: "222222222222", AccountName: "222222222222", Collections: []string{}, CredentialID: "aws", Provider: "aws", Region: "us-east-1", ServiceType: "aws-lambda", Total: 1, Undefended: 1},
	}
	if diff := cmp.Diff(want, get[[]api.CloudDiscoveryResult](b, "/cloud/discovery")); diff != "" {
		t.Error(diff)
	}
	for query, n := range map[string]int{
		"provider=aws": 2, "provider=azure": 0, "serviceType=aws-lambda": 2, "serviceType=aws-ecr": 0, "credentialID=aws": 2, "credentialID=x": 0,
		"accountName=222222222222": 1, "region=eu-west-1": 1, "agentless=true": 0, "agentless=false": 2, "registry=x": 0, "zone=x": 0, "offset=1": 1,
	} {
		if got := get[[]api.CloudDiscoveryResult](b, "/cloud/discovery?"+query); len(got) != n {
			t.Errorf("%s: %d results, want %d", query, len(got), n)
		}
	}
	for query, n := range map[string]int{
		"": 5, "defended=true": 2, "accountName=222222222222": 1, "serviceType=aws-ecr": 0, "credentialID=aws": 5, "credentialID=other": 0,
		"accountName=222222222222&accountIDs=" + account: 0, "accountName=nobody": 0, "credentialID=aws&region=us-east-1": 1,
	} {
		if got := get[[]api.CloudDiscoveryEntity](b, "/cloud/discovery/entities?"+query); len(got) != n {
			t.Errorf("entities?%s: %d, want %d", query, len(got), n)
		}
	}
	if got := b.must("GET", "/cloud/discovery/vms", ""); fmt.Sprint(got.JSON) != "[]" {
		t.Errorf("vms: %v", got.JSON)
	}
	radar := get[api.RadarData](b, "/radar/serverless").ServerlessRadar
	if len(radar) != 5 || radar[0].CredentialID != "aws" || radar[0].Triggers == nil {
		t.Errorf("radar: %+v", radar)
	}
	for _, target := range []string{"/cloud/discovery/progress", "/serverless/progress", "/radar/serverless/progress", "/deployment/serverless/progress"} {
		if got := b.must("GET", target, ""); fmt.Sprint(got.JSON) != "[]" {
			t.Errorf("%s: %v", target, got.JSON)
		}
	}
	if got := get[api.Status](b, "/statuses/serverless-radar"); got.Type != "serverlessRadar" || got.ServerlessRadar.Scanning {
		t.Errorf("radar's status: %+v", got)
	}
}

func TestCoverage(t *testing.T) {
	b := estate(t)
	whole := get[api.CoverageReport](b, "/coverage")
	if whole.Functions != 5 || whole.Defended != 2 || whole.Seen.IsZero() {
		t.Errorf("coverage: %+v", whole)
	}
	if diff := cmp.Diff([]api.CoverageCount{{Value: account, Count: 4, Defended: 2}, {Value: "222222222222", Count: 1}}, whole.Accounts); diff != "" {
		t.Error(diff)
	}
	var checks []string
	for _, c := range whole.Checks {
		checks = append(checks, fmt.Sprintf("%s %d", c.Check, c.Count))
	}
	if !slices.Equal(checks, []string{"code-size 1", "excluded 1"}) || whole.Checks[0].Hint != "make it smaller" {
		t.Errorf("checks: %+v", whole.Checks)
	}
	// What was summed up beforehand and what is counted now agree.
	counted := get[api.CoverageReport](b, "/coverage?region=eu-west-1,us-east-1&architecture=x86_64,arm64")
	counted.Seen = whole.Seen
	if diff := cmp.Diff(whole, counted); diff != "" {
		t.Error(diff)
	}
	for query, want := range map[string]int{
		"region=us-east-1": 1, "accountIDs=" + account: 4, "check=code-size": 1, "functionLayers=none": 0, "version=3": 0, "platform=linux": 5,
		"complianceIDs=434": 0, "defended=true": 2, "search=orders": 3, "rule=all": 2,
	} {
		if part := get[api.CoverageReport](b, "/coverage?"+query); part.Functions != want {
			t.Errorf("%s: coverage of %d functions, want %d", query, part.Functions, want)
		}
	}
}

func TestWhoSeesSomeFunctionsOnly(t *testing.T) {
	b := estate(t)
	b.cfg.Collections = collections{{Name: "mine", Functions: []string{"orders-*"}}, {Name: "theirs", Functions: []string{"java"}}}
	who := route.Principal{Username: "bob", Collections: []string{"mine"}}
	for target, want := range map[string]string{
		"/serverless": "2", "/serverless/names": "2", "/cloud/discovery/entities": "2", "/cloud/discovery": "1", "/serverless?collections=mine": "2",
	} {
		answer, err := callAs(t, b.Service, who, "GET", target, "")
		if err != nil || answer.Header["Total-Count"] != want {
			t.Errorf("%s: %s of %v (%v), want %s", target, answer.Header["Total-Count"], answer.JSON, err, want)
		}
	}
	if _, err := callAs(t, b.Service, who, "GET", "/serverless?collections=theirs", ""); autodefend.ErrorCode(err) != autodefend.CodeDenied {
		t.Errorf("somebody else's collection: %v", err)
	}
	b.world.mu.Lock()
	b.world.broken["222222222222/us-east-1"] = true
	b.world.mu.Unlock()
	b.scanNow()
	b.settled()
	answer, err := callAs(t, b.Service, who, "GET", "/cloud/discovery", "")
	if results := answer.JSON.([]api.CloudDiscoveryResult); err != nil || len(results) != 1 || results[0].AccountID != account {
		t.Errorf("what went wrong with somebody else's region is in %+v (%v)", results, err)
	}
	answer, err = callAs(t, b.Service, who, "GET", "/coverage", "")
	if err != nil || answer.JSON.(api.CoverageReport).Functions != 2 {
		t.Errorf("coverage: %+v (%v)", answer.JSON, err)
	}
	answer, err = callAs(t, b.Service, who, "POST", "/serverless/evaluate", `{"functions":[{"_id":"arn:aws:lambda:eu-west-1:111111111111:function:java"},{"_id":"arn:aws:lambda:eu-west-1:111111111111:function:orders-1"}]}`)
	if err != nil || len(answer.JSON.(evaluateAnswer).Functions) != 1 {
		t.Errorf("evaluate: %+v (%v)", answer.JSON, err)
	}
	if got := get[[]api.FunctionInfo](b, "/serverless?collections=theirs"); len(got) != 1 {
		t.Errorf("a filter by collection finds %d", len(got))
	}
}

func TestRoutesAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range newBench(t, nil).Routes() {
		key := r.Method + " " + r.Path
		params := map[string]bool{}
		for _, p := range r.Query {
			if params[p.Name] || p.Summary == "" || p.Type == "" {
				t.Errorf("%s: the parameter %q is there twice or says nothing", key, p.Name)
			}
			params[p.Name] = true
		}
		if seen[key] || r.Handle == nil || r.Permission == "" || !strings.HasSuffix(r.Summary, ".") {
			t.Errorf("%s is there twice or lacks something", key)
		}
		if !api.IsPermName(r.Permission) {
			t.Errorf("%s: there is no permission %q", key, r.Permission)
		}
		seen[key] = true
	}
	if len(seen) != 33 {
		t.Errorf("%d routes; count them anew when that is wanted", len(seen))
	}
}

func FuzzBodies(f *testing.F) {
	f.Add("[" + rule("a", "All", `"autodefend":{"interval":"1h","maxChanges":"5%"}`) + "]")
	f.Add(`{"rule":"a"}`)
	f.Add(`{"functions":[{"_id":"x"}]}`)
	f.Add(`null`)
	b := newBench(f, nil)
	f.Fuzz(func(t *testing.T, body string) {
		b.store.Clear(api.KindAutoDeploy, api.KindRuleStatus, api.KindRun)
		for _, target := range []string{rulesPath + "/preview", "/plans", "/serverless/evaluate", rulesPath} {
			_, err := callAs(t, b.Service, route.Principal{Username: "ann"}, "POST", target, body)
			switch autodefend.ErrorCode(err) {
			case "", autodefend.CodeInvalid, autodefend.CodeNotFound:
			default:
				t.Errorf("POST %s %q: %v", target, body, err)
			}
		}
		if _, err := b.load(t.Context()); err != nil {
			t.Errorf("what was written can't be read: %v", err)
		}
	})
}

func FuzzQueries(f *testing.F) {
	f.Add("defended=true&limit=3")
	f.Add("offset=1&functionLayers=a,b&check=x&fields=name")
	f.Add("sort=name&reverse=1&agentless=0&collections=All")
	b := newBench(f, nil)
	f.Fuzz(func(t *testing.T, query string) {
		if strings.ContainsAny(query, "#%; ") || strings.ContainsFunc(query, func(r rune) bool { return r < ' ' || r > '~' }) {
			return // net/url has its own tests
		}
		for _, target := range []string{"/serverless", "/serverless/names", "/serverless/download", "/cloud/discovery", "/cloud/discovery/entities", "/coverage", "/radar/serverless", "/runs"} {
			if _, err := callAs(t, b.Service, route.Principal{}, "GET", target+"?"+query, ""); err != nil && autodefend.ErrorCode(err) != autodefend.CodeInvalid {
				t.Errorf("%s?%s: %v", target, query, err)
			}
		}
	})
}
