package settings

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console"
	"github.com/autodefend/autodefend/internal/policy"
)

const (
	runtimePath  = "/policies/runtime/serverless"
	firewallPath = "/policies/firewall/app/serverless"
)

// value reads JSON for a comparison.
func value(t *testing.T, raw string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(raw), &v); err != nil {
		t.Fatalf("%s: %s", err, raw)
	}
	return v
}

func same(t *testing.T, what, want, got string) {
	t.Helper()
	if d := cmp.Diff(value(t, want), value(t, got)); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func TestEmptyPolicies(t *testing.T) {
	w := newWorld(t)
	same(t, "runtime", `{"_id":"serverlessRuntime","learningDisabled":false,"rules":[]}`, w.must("GET", runtimePath, ""))
	same(t, "firewall", `{"_id":"serverlessAppFirewall","minPort":0,"maxPort":0,"rules":[]}`, w.must("GET", firewallPath, ""))
	for _, body := range []string{`{}`, `{"rules":null}`, `{"_id":"serverlessRuntime","rules":[],"learningDisabled":true}`} {
		w.must("PUT", runtimePath, body)
		got := w.must("GET", runtimePath, "")
		if !strings.Contains(got, `"_id":"serverlessRuntime"`) || !strings.Contains(got, `"rules":[]`) {
			t.Errorf("%s is read as %s", body, got)
		}
	}
}

func TestPolicyIsKeptAsWritten(t *testing.T) {
	for _, path := range []string{runtimePath, firewallPath} {
		for _, file := range samples(t, path) {
			t.Run(filepath.Base(file), func(t *testing.T) {
				raw, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				w := newWorld(t)
				w.must("POST", "/collections", `{"name":"prod apis","functions":["prod-*"],"labels":["region:eu-west-1"]}`)
				w.must("PUT", path, string(raw))
				first := w.must("GET", path, "")
				want := strip(t, string(raw))
				same(t, "what was written", want, strip(t, first))

				// It is the same whenever it's read, and after it is written again.
				w.pass(time.Hour)
				if again := w.must("GET", path, ""); again != first {
					t.Errorf("reading changed it:\n%s\n%s", first, again)
				}
				w.must("PUT", path, first)
				if again := w.must("GET", path, ""); again != first {
					t.Errorf("writing what was read changed it:\n%s\n%s", first, again)
				}

				// And in another Console, but for who wrote the collection there, and when.
				other := newWorld(t)
				other.must("POST", "/collections", w.collection("prod apis"))
				other.pass(24 * time.Hour)
				other.must("PUT", path, first)
				if moved := other.must("GET", path, ""); moved != first {
					t.Errorf("moving changed it:\n%s\n%s", first, moved)
				}
			})
		}
	}
}

// samples are policies of one kind.
func samples(t *testing.T, path string) []string {
	t.Helper()
	pattern := "testdata/runtime-*.json"
	if path == firewallPath {
		pattern = "testdata/firewall-*.json"
	}
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples %s: %v", pattern, err)
	}
	return files
}

// collection reads a collection as it's listed.
func (w *world) collection(name string) string {
	w.t.Helper()
	var all []json.RawMessage
	if err := json.Unmarshal([]byte(w.must("GET", "/collections", "")), &all); err != nil {
		w.t.Fatal(err)
	}
	for _, raw := range all {
		if o, _ := readObject(raw); o.text("name") == name {
			return string(raw)
		}
	}
	w.t.Fatalf("no collection %q", name)
	return ""
}

// strip takes out what the Console fills in: times, owners and collections.
func strip(t *testing.T, raw string) string {
	t.Helper()
	doc, _, ok := readRules([]byte(raw))
	if !ok {
		t.Fatalf("no policy: %s", raw)
	}
	for i := range doc.rules {
		doc.rules[i].remove("modified")
		doc.rules[i].remove("owner")
		doc.rules[i].remove("previousName")
		nameOnly(&doc.rules[i])
	}
	doc.top.remove("_id")
	return string(doc.raw())
}

func TestMinimalRule(t *testing.T) {
	w := newWorld(t)
	w.must("PUT", runtimePath, `{"rules":[{"name":"my-rule","collections":[{"name":"All"}],"processes":{"effect":"alert"},"network":{"effect":"alert"},"dns":{"effect":"alert"}}]}`)
	got := w.must("GET", runtimePath, "")
	want := `{"rules":[{"name":"my-rule","collections":[` + w.collection("All") + `],"processes":{"effect":"alert"},"network":{"effect":"alert"},
		"dns":{"effect":"alert"},"modified":"2026-11-22T12:00:00.000Z","owner":"ann"}],"_id":"serverlessRuntime"}`
	same(t, "minimal", want, got)
	if _, err := policy.Parse([]byte(got)); err != nil {
		t.Error(err)
	}
	// A name alone, and one that isn't in a list, are collections too.
	w.must("PUT", runtimePath, `{"rules":[{"name":"my-rule","collections":["All"]}]}`)
	w.must("PUT", runtimePath, `{"rules":[{"name":"my-rule","collections":"All"}]}`)
	w.must("PUT", runtimePath, `{"rules":[{"name":"my-rule","collections":{"name":"All"}}]}`)
}

func TestWhoChangedARule(t *testing.T) {
	w := newWorld(t)
	w.must("PUT", runtimePath, `{"rules":[
		{"name":"a","collections":[{"name":"All"}],"modified":"0001-01-01T00:00:00Z","owner":""},
		{"name":"b","collections":[{"name":"All"}],"modified":"2025-01-02T03:04:05.678Z","owner":"carl"}]}`)
	stamps := func() []string {
		doc, _, _ := readRules([]byte(w.must("GET", runtimePath, "")))
		var all []string
		for i := range doc.rules {
			all = append(all, doc.rules[i].text("name")+" "+doc.rules[i].text("owner")+" "+doc.rules[i].text("modified"))
		}
		return all
	}
	want := []string{"a ann 2026-11-22T12:00:00.000Z", "b carl 2025-01-02T03:04:05.678Z"}
	if d := cmp.Diff(want, stamps()); d != "" {
		t.Error(d)
	}
	w.pass(time.Hour)
	bob := administrator()
	bob.Username = "bob"
	// b changes; a is only spelt differently.
	if _, err := w.callAs(bob, "PUT", runtimePath, `{"rules":[
		{"collections":["All"],"name":"a","modified":"0001-01-01T00:00:00Z","owner":""},
		{"name":"b","collections":[{"name":"All"}],"disabled":true,"modified":"2025-01-02T03:04:05.678Z","owner":"carl"}]}`, nil); err != nil {
		t.Fatal(err)
	}
	want = []string{"a ann 2026-11-22T12:00:00.000Z", "b bob 2026-11-22T13:00:00.000Z"}
	if d := cmp.Diff(want, stamps()); d != "" {
		t.Error(d)
	}
	audits := w.mgmt()
	if len(audits) != 2 || audits[0].Username != "bob" || audits[0].API != "PUT "+runtimePath || audits[0].SourceIP != "192.0.2.1" ||
		!strings.Contains(audits[0].Diff, `rules["b"].disabled`) || strings.Contains(audits[0].Diff, `rules["a"]`) {
		t.Errorf("management audits: %+v", audits)
	}
}

func TestPostRules(t *testing.T) {
	w := newWorld(t)
	names := func() string {
		doc, _, _ := readRules([]byte(w.must("GET", runtimePath, "")))
		var all []string
		for i := range doc.rules {
			name := doc.rules[i].text("name")
			if doc.rules[i].has("previousName") {
				t.Error("previousName was stored")
			}
			if notes := doc.rules[i].text("notes"); notes != "" {
				name += "=" + notes
			}
			all = append(all, name)
		}
		return strings.Join(all, " ")
	}
	steps := []struct{ body, want string }{
		{`{"name":"a","collections":[{"name":"All"}]}`, "a"},
		{`{"name":"b","collections":[{"name":"All"}]}`, "b a"},
		{`{"name":"a","notes":"2","collections":[{"name":"All"}]}`, "b a=2"},
		{`{"name":"c","previousName":"b","collections":[{"name":"All"}]}`, "c a=2"},
		{`{"name":"c","previousName":"b","notes":"again","collections":[{"name":"All"}]}`, "c=again a=2"},
		{`{"_id":"serverlessRuntime","rules":[{"name":"d","collections":[{"name":"All"}]},{"name":"a","collections":[{"name":"All"}]}]}`, "d c=again a"},
		{`[{"name":"e","previousName":"","collections":[{"name":"All"}]}]`, "e d c=again a"},
	}
	for _, step := range steps {
		w.must("POST", runtimePath, step.body)
		if got := names(); got != step.want {
			t.Fatalf("after %s: %s, want %s", step.body, got, step.want)
		}
	}
	w.refused("POST", runtimePath, `{"name":"a","previousName":"c","collections":[{"name":"All"}]}`, autodefend.CodeInvalid, "rules[0].name", `"a"`)
	w.refused("POST", runtimePath, `{"name":"z","previousName":"y","collections":[{"name":"All"}]}`, autodefend.CodeInvalid, "rules[0].previousName", `"y"`)
	if got := names(); got != steps[len(steps)-1].want {
		t.Errorf("refused writes changed the policy: %s", got)
	}
}

func TestPoliciesRefuse(t *testing.T) {
	w := newWorld(t)
	w.must("PUT", runtimePath, `{"rules":[{"name":"stays","collections":["All"]}]}`)
	before, audits := w.must("GET", runtimePath, ""), len(w.mgmt())
	rule := func(members string) string {
		return `{"rules":[{"name":"a","collections":[{"name":"All"}],` + members + `}]}`
	}
	tests := []struct {
		path, body string
		words      []string
	}{
		{runtimePath, ``, []string{"policy"}},
		{runtimePath, "{\n\"rules\": [,]}", []string{"line 2"}},
		{runtimePath, `"text"`, []string{"want a policy"}},
		{runtimePath, `{"rules":{}}`, []string{"rules: want a list"}},
		{runtimePath, `{"rules":[1]}`, []string{"rules[0]: want an object"}},
		{runtimePath, `{"rules":[{"name":"a"}]}`, []string{"rules[0].collections", "at least one"}},
		{runtimePath, `{"rules":[{"name":"a","collections":[]}]}`, []string{"rules[0].collections"}},
		{runtimePath, `{"rules":[{"name":"a","collections":[7]}]}`, []string{"rules[0].collections[0]"}},
		{runtimePath, `{"rules":[{"name":"a","collections":[{"name":"All"},{"name":"nope"}]}]}`, []string{"rules[0].collections[1].name", `"nope"`, "POST it"}},
		{runtimePath, `{"rules":[{"collections":[{"name":"All"}]}]}`, []string{"rules[0].name"}},
		{runtimePath, `{"rules":[{"name":"a","collections":["All"]},{"name":"a","collections":["All"]}]}`, []string{"rules[1].name", "already"}},
		{runtimePath, rule(`"dns":{"effect":"maybe"}`), []string{"rules[0].dns.effect", "disable alert prevent block"}},
		{runtimePath, rule(`"dns":{"effect":5}`), []string{"rules[0].dns.effect", "want a string"}},
		{runtimePath, rule(`"network":{"effect":"alert","blacklistIPs":["10.0.0.0/8","10.0.0.300"]}`), []string{"rules[0].network.blacklistIPs[1]", "10.0.0.300"}},
		{runtimePath, rule(`"network":{"effect":"alert","whitelistOutboundPorts":[{"start":70000,"end":70001}]}`), []string{"rules[0].network.whitelistOutboundPorts[0]"}},
		{runtimePath, rule(`"network":{"effect":"alert","whitelistOutboundPorts":[{"start":"x"}]}`), []string{"rules[0].network.whitelistOutboundPorts[0].start"}},
		{runtimePath, rule(`"autodefend":{"failmode":"opn"}`), []string{"rules[0].autodefend.fail"}},
		{runtimePath, rule(`"dns":{"effect":"maybe"},"network":{"effect":"perhaps"}`), []string{"rules[0].dns.effect", "rules[0].network.effect"}},
		{runtimePath, `{"_id":"serverlessAppFirewall","rules":[]}`, []string{"_id", "/policies/firewall/app/serverless"}},
		{runtimePath, `{"_id":"containerRuntime","rules":[]}`, []string{"_id", "serverlessRuntime"}},
		{runtimePath, rule(`"applicationsSpec":[]`), []string{"firewall"}},
		{runtimePath, `{"name":"a","collections":["All"]}`, []string{"POST the rule"}},
		{runtimePath, strings.Repeat("[", 100) + strings.Repeat("]", 100), []string{"deep"}},
		{firewallPath, rule(`"applicationsSpec":[{"sqli":{"effect":"reCAPTCHA"}}]`), []string{"rules[0].applicationsSpec[0].sqli.effect", "use prevent or alert"}},
		{firewallPath, rule(`"applicationsSpec":[{"sqli":{"effect":"alert","exceptionFields":[{"location":"query","key":"("}]}}]`), []string{"rules[0].applicationsSpec[0].sqli.exceptionFields[0].key", "RE2"}},
		{firewallPath, rule(`"applicationsSpec":[{"body":{"inspectionSizeBytes":99999999}}]`), []string{"inspectionSizeBytes"}},
		{firewallPath, rule(`"applicationsSpec":[{}],"autodefend":{"customRules":[{"name":"x","expression":"req.nope = 1"}]}`), []string{"rules[0].autodefend.customRules[0].expression"}},
		{firewallPath, rule(`"applicationsSpec":[{"certificate":{"plain":"-----BEGIN"}}]`), []string{"rules[0].applicationsSpec[0].certificate.plain", "leave it out"}},
		{firewallPath, `{"_id":"serverlessRuntime"}`, []string{"_id", "serverlessAppFirewall"}},
	}
	for _, tt := range tests {
		w.refused("PUT", tt.path, tt.body, autodefend.CodeInvalid, tt.words...)
	}
	if after := w.must("GET", runtimePath, ""); after != before || len(w.mgmt()) != audits {
		t.Errorf("refused writes left something:\n%s\n%s\n%d audits", before, after, len(w.mgmt()))
	}
}

func TestLargePolicyIsRefused(t *testing.T) {
	w := newWorld(t)
	body := `{"rules":[{"name":"a","collections":["All"],"notes":"` + strings.Repeat("x", policy.MaxSize) + `"}]}`
	w.refused("PUT", runtimePath, body, autodefend.CodeInvalid, "bytes are more than")
}

func TestRenamedRuleStaysInAlertProfiles(t *testing.T) {
	w := newWorld(t)
	w.must("PUT", runtimePath, `{"rules":[{"name":"old","collections":["All"]},{"name":"x","collections":["All"]}]}`)
	w.put(api.KindAlertProfile, "p", `{"name":"p","policy":{"serverlessAppFirewall":{"rules":["old"]},"serverlessRuntime":{"enabled":true,"rules":["x","old"]}}}`)
	w.put(api.KindAlertProfile, "q", `{"name":"q","policy":null}`)
	w.must("POST", runtimePath, `{"name":"new","previousName":"old","collections":["All"]}`)
	want := `{"name":"p","policy":{"serverlessAppFirewall":{"rules":["old"]},"serverlessRuntime":{"enabled":true,"rules":["x","new"]}}}`
	if got := w.get(api.KindAlertProfile, "p"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := w.get(api.KindAlertProfile, "q"); got != `{"name":"q","policy":null}` {
		t.Error(got)
	}
}

// racer lets somebody else write just before the first write.
type racer struct {
	documents
	before func()
}

type documents interface{ console.Documents }

func (r *racer) Write(ctx context.Context, changes []api.DocumentChange, audit *api.MgmtAudit) error {
	if before := r.before; before != nil {
		r.before = nil
		before()
	}
	return r.documents.Write(ctx, changes, audit)
}

func TestCollectionDeletedMeanwhile(t *testing.T) {
	w := newWorld(t)
	w.must("POST", "/collections", `{"name":"shaky"}`)
	w.Documents = &racer{w.store, func() { w.must("DELETE", "/collections/shaky", "") }}
	w.refused("PUT", runtimePath, `{"rules":[{"name":"a","collections":["shaky"]}]}`, autodefend.CodeInvalid, "rules[0].collections[0].name")
	if got := w.must("GET", runtimePath, ""); strings.Contains(got, "shaky") {
		t.Errorf("a rule with a collection that is gone: %s", got)
	}
	// And the other way round.
	w.must("POST", "/collections", `{"name":"shaky"}`)
	w.Documents = &racer{w.store, func() { w.must("PUT", runtimePath, `{"rules":[{"name":"a","collections":["shaky"]}]}`) }}
	w.refused("DELETE", "/collections/shaky", "", autodefend.CodeConflict, `runtime rule "a"`)
}

func TestTwoWritersLoseNothing(t *testing.T) {
	w := newWorld(t)
	done := make(chan error)
	const writers = 6
	for i := range writers {
		go func() {
			_, err := w.call("POST", runtimePath, `{"name":"rule `+string(rune('a'+i))+`","collections":["All"]}`)
			done <- err
		}()
	}
	for range writers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := strings.Count(w.must("GET", runtimePath, ""), `"name":"rule `); n != writers {
		t.Errorf("%d of %d rules are there", n, writers)
	}
}
