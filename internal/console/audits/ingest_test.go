package audits

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console"
	"github.com/autodefend/autodefend/internal/console/route"
)

func TestIngestBindsToTheToken(t *testing.T) {
	b := start(t, nil)
	b.mustPost(orders(), audit("1"))
	var all []api.RuntimeAudit
	if total := b.get("/audits/runtime/serverless", &all); total != "1" || len(all) != 1 {
		t.Fatalf("%s of %v", total, all)
	}
	a := all[0]
	if a.AccountID != "123456789012" || a.Region != "eu-west-1" || a.Function != "orders" || a.FQDN != "orders" || a.Provider != "aws" ||
		a.FunctionID != "arn:aws:lambda:eu-west-1:123456789012:function:orders" || strings.Join(a.Collections, ",") != "All,ireland" {
		t.Errorf("stored %+v", a)
	}
}

func TestIngestRefusesOtherFunctions(t *testing.T) {
	const arn = "arn:aws:lambda:eu-west-1:123456789012:function:"
	for _, x := range []struct{ member, value, want string }{
		{"accountID", "999999999999", "audits[1].accountID"},
		{"region", "us-east-1", "audits[1].region"},
		{"function", "payments", "audits[1].function"},
		{"functionID", arn + "payments", "audits[1].functionID"},
		{"functionID", "arn:aws:lambda:us-east-1:123456789012:function:orders", "audits[1].functionID"},
		{"functionID", "payments", "audits[1].functionID"},
		{"functionID", "arn:aws:s3:::orders", "audits[1].functionID"},
		{"functionID", arn + "orders:live", ""},
		{"functionID", "orders", ""},
	} {
		b := start(t, nil)
		_, err := b.post(orders(), audit("1"), audit("2", x.member, x.value))
		if x.want == "" {
			if err != nil {
				t.Errorf("%s %s: %v", x.member, x.value, err)
			}
			continue
		}
		wantCode(t, x.value, err, autodefend.CodeInvalid)
		if err == nil || !strings.HasPrefix(err.Error(), x.want) {
			t.Errorf("%s %s: %v", x.member, x.value, err)
		}
		if n := len(b.memory.audits[api.StreamRuntime]); n != 0 {
			t.Errorf("%s %s: %d audits of a bad batch are stored", x.member, x.value, n)
		}
	}
}

func TestIngestOfATokenForAnyFunction(t *testing.T) {
	b := start(t, nil)
	b.mustPost(route.FunctionIdentity{}, audit("1", "function", "a", "functionID", "arn:aws:lambda:us-east-1:123456789012:function:a"))
	if a := b.memory.audits[api.StreamRuntime][0]; a.Account != "123456789012" || a.Region != "us-east-1" {
		t.Errorf("%+v", a)
	}
	_, err := b.post(route.FunctionIdentity{}, audit("2"))
	wantCode(t, "no function", err, autodefend.CodeInvalid)
}

func TestIngestOnce(t *testing.T) {
	b := start(t, nil)
	b.mustPost(orders(), audit("1"), audit("2"))
	b.mustPost(orders(), audit("2"), audit("3"))
	b.mustPost(orders())
	if n := len(b.memory.audits[api.StreamRuntime]); n != 3 {
		t.Errorf("%d audits", n)
	}
	if c := b.Counts(); c.Stored != 3 || c.Repeated != 1 || c.InFlight != 0 {
		t.Errorf("%+v", c)
	}
}

func TestIngestSetsTimesRight(t *testing.T) {
	b := start(t, nil)
	for id, x := range map[string]struct{ reported, want time.Time }{
		"past":    {noon().Add(-time.Hour), noon().Add(-time.Hour)},
		"future":  {noon().Add(time.Second), noon()},
		"far":     {noon().AddDate(100, 0, 0), noon()},
		"ancient": {noon().AddDate(0, 0, -8), noon()},
		"1970":    {time.Unix(0, 0), noon()},
		"zero":    {time.Time{}, noon()},
	} {
		b.mustPost(orders(), audit(id, "time", x.reported.UTC().Format(time.RFC3339Nano)))
		var all []api.RuntimeAudit
		b.get("/audits/runtime/serverless", &all)
		record := b.memory.audits[api.StreamRuntime][len(b.memory.audits[api.StreamRuntime])-1]
		at := slices.IndexFunc(all, func(a api.RuntimeAudit) bool { return a.ID == id })
		if at < 0 || !all[at].Time.Equal(x.want) || !record.Time.Equal(x.want) || record.Time.After(record.Received) {
			t.Errorf("%s: %+v, stored under %v", id, all, record.Time)
		}
	}
}

func TestIngestFirewall(t *testing.T) {
	b := start(t, nil)
	sample := `[{"_id":"f","type":"sqli","effect":"prevent","protection":"firewall","msg":"x","time":"2026-11-22T11:00:00Z","owaspTop10":"injection","connectingIPs":["192.0.2.1"]}]`
	if _, err := b.call(defender(orders()), "POST /defender/audits/firewall", sample, nil); err != nil {
		t.Fatal(err)
	}
	var all []api.FirewallAudit
	b.get("/audits/firewall/app/serverless?type=sqli", &all)
	if len(all) != 1 || all[0].OWASPTop10 != "injection" || all[0].Function != "orders" {
		t.Errorf("%+v", all)
	}
	var none []api.RuntimeAudit
	if b.get("/audits/runtime/serverless", &none); len(none) != 0 {
		t.Errorf("in the other stream: %+v", none)
	}
}

func TestIngestWhenTheStoreFails(t *testing.T) {
	b := start(t, nil)
	b.memory.fail = autodefend.Errorf(autodefend.CodeUnavailable, "disk full")
	_, err := b.post(orders(), audit("1"))
	wantCode(t, "disk full", err, autodefend.CodeUnavailable)
	b.memory.fail = nil
	b.mustPost(orders(), audit("1"))
}

func TestIngestRate(t *testing.T) {
	b := start(t, func(c *Config) { c.Ingest = Ingest{Rate: 10, Burst: 100} })
	many := make([]string, 100)
	for i := range many {
		many[i] = audit(nth("a", i))
	}
	b.mustPost(orders(), many...)
	answer, err := b.post(orders(), audit("1"), audit("2"), audit("3"))
	if err != nil || answer.Status != 429 || answer.Header["Retry-After"] != "1" {
		t.Errorf("%+v, %v", answer, err)
	}
	other := orders()
	other.Function = "payments"
	b.mustPost(other, audit("other"))
	b.clock.add(300 * time.Millisecond)
	b.mustPost(orders(), audit("1"), audit("2"), audit("3"))
	for range 2 { // being turned away costs nothing
		answer, _ = b.post(orders(), many[:20]...)
		if answer.Header["Retry-After"] != "2" {
			t.Errorf("%+v", answer)
		}
	}
	if c := b.Counts(); c.Limited != 3 || c.Stored != 104 {
		t.Errorf("%+v", c)
	}
}

// TestIngestChargesAllOfABatch: what an audit's id is called doesn't make a batch cheaper.
func TestIngestChargesAllOfABatch(t *testing.T) {
	for _, name := range []string{"_ID", "_Id", `\u005fid`} {
		b := start(t, nil)
		many := make([]string, 100)
		for i := range many {
			many[i] = strings.Replace(audit(nth("a", i)), `"_id"`, `"`+name+`"`, 1)
		}
		_, err := b.post(orders(), many...)
		wantCode(t, name, err, autodefend.CodeInvalid)
		if err == nil || !strings.Contains(err.Error(), `"_id"`) {
			t.Errorf("%s: %v", name, err)
		}
		if n := len(b.memory.audits[api.StreamRuntime]); n != 0 || b.Counts().Refused != 1 {
			t.Errorf("%s: %d audits are stored, %+v", name, n, b.Counts())
		}
	}
}

func TestRatesForget(t *testing.T) {
	r := newRates(1, 1)
	const most = 1000
	r.buckets.most = most
	for i := range 3 * most {
		r.take(route.FunctionIdentity{Function: nth("f", i)}, 1, noon())
	}
	if n := len(r.buckets.now) + len(r.buckets.old); n > 2*most {
		t.Errorf("%d functions are remembered", n)
	}
	if r.take(route.FunctionIdentity{Function: nth("f", 3*most-1)}, 1, noon()) == 0 {
		t.Error("the last one is forgotten")
	}
}

func TestIngestBoundsVariety(t *testing.T) {
	b := start(t, nil)
	for i := range 300 {
		b.mustPost(orders(), audit(nth("a", i), "ruleName", nth("made up ", i)))
	}
	rules := map[string]bool{}
	for _, a := range b.memory.audits[api.StreamRuntime] {
		rules[a.Rule] = true
	}
	if len(rules) != varietyMax+1 || !rules[otherRule] {
		t.Errorf("%d rules", len(rules))
	}
	var all []api.RuntimeAudit
	if b.get("/audits/runtime/serverless?limit=1", &all); all[0].RuleName != "made up 299" {
		t.Errorf("the audit itself says %q", all[0].RuleName)
	}
}

func TestHeartbeats(t *testing.T) {
	b := start(t, nil)
	for range 3 {
		if _, err := b.call(defender(orders()), "POST /defender/heartbeat", `{"version":"v2"}`, nil); err != nil {
			t.Fatal(err)
		}
	}
	b.mustPost(orders(), audit("1"))
	b.memory.fail = errors.New("busy")
	b.flushHeard(b.context())
	b.memory.fail = nil
	b.flushHeard(b.context())
	b.flushHeard(b.context())
	if len(b.memory.heardIn) != 1 || b.memory.heardIn[0] != 1 {
		t.Errorf("stored in batches of %v", b.memory.heardIn)
	}
	d := b.memory.defenders["arn:aws:lambda:eu-west-1:123456789012:function:orders"]
	if d.Version != "v1.2.3" || d.Runtime != "python3.12" || !d.LastSeen.Equal(noon()) {
		t.Errorf("%+v", d)
	}
	b.clock.add(59 * time.Second)
	b.mustPost(orders(), audit("2"))
	b.flushHeard(b.context())
	b.clock.add(time.Second)
	b.mustPost(orders(), audit("3"))
	b.flushHeard(b.context())
	if len(b.memory.heardIn) != 2 {
		t.Errorf("stored in batches of %v", b.memory.heardIn)
	}
	if _, err := b.call(defender(route.FunctionIdentity{}), "POST /defender/heartbeat", "", nil); err != nil || len(b.heard.pending) != 0 {
		t.Errorf("a token for any function: %v, %v", b.heard.pending, err)
	}
	for body, want := range map[string]autodefend.Code{"": "", " ": "", "{}": "", "[]": autodefend.CodeInvalid, `{"version":"` + strings.Repeat("x", 300) + `"}`: autodefend.CodeInvalid} {
		_, err := b.call(defender(orders()), "POST /defender/heartbeat", body, nil)
		wantCode(t, body, err, want)
	}
}

// TestHeardNotesWhatIsNew: audits say nothing of the policy, so they don't take the turn of who does, and neither does what
// is known already take that of what is new.
func TestHeardNotesWhatIsNew(t *testing.T) {
	b, db := startDatabase(t)
	o := &orderly{keeper: db}
	b.Defenders = o
	const id = "arn:aws:lambda:eu-west-1:123456789012:function:orders"
	hear := func(version, tag string) {
		t.Helper()
		b.Heard(api.DefenderRecord{FunctionID: id, Account: "123456789012", Region: "eu-west-1", Function: "orders", Version: version, PolicyETag: tag})
		b.flushHeard(t.Context())
	}
	for i, x := range []struct {
		after            time.Duration
		version, tag     string
		written          int
		isVersion, isTag string // what is stored then
	}{
		{0, "v1", "", 1, "v1", ""},
		{time.Second, "v1", "a", 2, "v1", "a"},
		{time.Second, "v1", "a", 2, "v1", "a"},
		{time.Second, "v1", "", 2, "v1", "a"},
		{time.Second, "v1", "b", 3, "v1", "b"},
		{time.Second, "v2", "", 4, "v2", "b"},
		{time.Second, "v2", "b", 4, "v2", "b"},
		{time.Minute, "v2", "", 5, "v2", "b"},
		// Another replica may have been told another tag meanwhile: it's noted again, though an audit came just before.
		{time.Second, "v2", "b", 6, "v2", "b"},
		{58 * time.Second, "v2", "b", 6, "v2", "b"},
		{2 * time.Second, "v2", "", 7, "v2", "b"},
	} {
		b.clock.add(x.after)
		hear(x.version, x.tag)
		all, _, err := db.Defenders(t.Context(), api.DefenderQuery{})
		if err != nil || len(all) != 1 {
			t.Fatalf("%v, %v", all, err)
		}
		if d := all[0]; d.Version != x.isVersion || d.PolicyETag != x.isTag || len(o.ids) != x.written {
			t.Errorf("%d: after %d writes %+v", i, len(o.ids), d)
		}
	}
	// What is noted while a note waits is remembered, too.
	b.clock.add(time.Hour)
	b.Heard(api.DefenderRecord{FunctionID: id, Account: "123456789012", Version: "v2"})
	hear("v3", "c")
	if hear("v3", "c"); len(o.ids) != 8 {
		t.Errorf("%d writes", len(o.ids))
	}
}

type keeper = console.Defenders // a field can't have the name of a method

// orderly tells which Defenders are stored, in their order.
type orderly struct {
	keeper

	ids []string
}

func (o *orderly) Heard(ctx context.Context, defenders []api.DefenderRecord) error {
	for _, d := range defenders {
		o.ids = append(o.ids, d.FunctionID)
	}
	return o.keeper.Heard(ctx, defenders)
}

// TestHeardIsStoredInOrder: two replicas that store the same Defenders don't wait for each other's rows.
func TestHeardIsStoredInOrder(t *testing.T) {
	b := start(t, nil)
	o := &orderly{keeper: b.memory}
	b.Defenders = o
	for i := range 2 * heardBatch {
		b.Heard(api.DefenderRecord{FunctionID: nth("f", i*7919%1000)})
	}
	b.flushHeard(t.Context())
	if len(o.ids) != 2*heardBatch || !slices.IsSorted(o.ids) {
		t.Errorf("%d are stored, the first as %v", len(o.ids), o.ids[:min(10, len(o.ids))])
	}
}

func FuzzIngest(f *testing.F) {
	f.Add(audit("1"), "")
	f.Add(audit("1", "functionID", "arn:aws:lambda:eu-west-1:123456789012:function:orders:1"), `{"version":"v1"}`)
	f.Add(`{"_id":"x","function":"payments","type":"network","effect":"block"}`, "null")
	f.Fuzz(func(t *testing.T, one, beat string) {
		b := start(t, nil)
		_, err := b.post(orders(), one)
		if c := autodefend.ErrorCode(err); c != "" && c != autodefend.CodeInvalid {
			t.Fatalf("%v", err)
		}
		for _, a := range b.memory.audits[api.StreamRuntime] {
			if a.Function != "orders" || a.Account != "123456789012" || a.Region != "eu-west-1" || a.Time.After(a.Received) {
				t.Fatalf("stored %+v", a)
			}
		}
		if _, err := b.call(defender(orders()), "POST /defender/heartbeat", beat, nil); err != nil {
			wantCode(t, "heartbeat", err, autodefend.CodeInvalid)
		}
	})
}
