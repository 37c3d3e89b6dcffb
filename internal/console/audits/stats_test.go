package audits

import (
	"strings"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

func TestStats(t *testing.T) {
	b := start(t, nil)
	b.fill()
	b.mustPost(orders(), miner("m"), audit("old", "time", noon().AddDate(0, 0, -2).Format(time.RFC3339)))
	if _, err := b.call(defender(orders()), "POST /defender/audits/firewall", `[{"_id":"f","type":"sqli","effect":"alert","time":"2026-11-22T11:59:30Z"}]`, nil); err != nil {
		t.Fatal(err)
	}
	b.readAll()
	b.flushHeard(t.Context())
	var events api.EventStats
	if b.get("/stats/events", &events); events.ServerlessRuntime != 8 || events.ServerlessAppFirewall != 1 {
		t.Errorf("%+v", events)
	}
	if b.get("/stats/events?from=2026-11-22&collections=shop", &events); events.ServerlessRuntime != 4 || events.ServerlessAppFirewall != 0 {
		t.Errorf("%+v", events)
	}
	var days []api.DailyStats
	b.get("/stats/daily", &days)
	today, before := days[len(days)-1], days[len(days)-3]
	if len(days) != 30 || today.Serverless.Processes != 4 || today.Serverless.Network != 3 || today.AppFirewall["sqli"] != 1 || today.IncidentsCount != 1 ||
		before.Serverless.Processes != 1 || before.AppFirewall == nil || today.Time != noon().Truncate(24*time.Hour).Unix() {
		t.Errorf("%+v, %+v", today, before)
	}
	var o api.Overview
	b.get("/audits/overview", &o)
	if o.Runtime.Total != 8 || o.Runtime.Functions[0].Value != "orders" || o.Runtime.Functions[0].Count != 4 || o.Firewall.Types[0].Value != "sqli" || o.To != noon() {
		t.Errorf("%+v", o)
	}
	var trends api.Trends
	if b.get("/stats/dashboard", &trends); trends.DefendersSummary["serverless"] != 4 {
		t.Errorf("%+v", trends)
	}
	var license api.LicenseStats
	if b.get("/stats/license", &license); license.ProtectedFunctions != 4 {
		t.Errorf("%+v", license)
	}
	var apps int
	if b.get("/stats/app-firewall/count", &apps); apps != 0 {
		t.Errorf("%d", apps)
	}
	policy := `{"rules":[{"applicationsSpec":[{},{}]},{"disabled":true,"applicationsSpec":[{}]},{}]}`
	if err := b.memory.Write(t.Context(), []api.DocumentChange{{Kind: api.KindFirewallPolicy, Body: []byte(policy)}}, nil); err != nil {
		t.Fatal(err)
	}
	if b.get("/stats/app-firewall/count", &apps); apps != 2 {
		t.Errorf("%d", apps)
	}
	_, err := b.call(admin(), "GET /stats/events?to=x", "", nil)
	wantCode(t, "to", err, autodefend.CodeInvalid)
}

func TestDefenders(t *testing.T) {
	b := start(t, nil)
	b.fill()
	b.flushHeard(t.Context())
	b.clock.add(25 * time.Hour)
	b.mustPost(orders(), audit("later"))
	b.flushHeard(t.Context())
	const ordersARN = "arn:aws:lambda:eu-west-1:123456789010:function:orders"
	for _, x := range []struct{ query, want string }{
		{"", "orders orders shop-a shop-b"},
		{"?connected=true", "orders"},
		{"?connected=false&collections=shop", "shop-a shop-b"},
		{"?type=serverless,docker&category=serverless", "orders orders shop-a shop-b"},
		{"?type=docker", ""},
		{"?cluster=c", ""},
		{"?hostname=" + ordersARN, "orders"},
		{"?limit=1&offset=1", "orders"},
	} {
		var all []api.Defender
		b.get("/defenders"+x.query, &all)
		var names []string
		for _, d := range all {
			names = append(names, d.FQDN)
		}
		if got := strings.Join(names, " "); got != x.want {
			t.Errorf("%s: %s, want %s", x.query, got, x.want)
		}
	}
	var all []api.Defender
	b.get("/defenders?connected=true", &all)
	if d := all[0]; !d.Connected || d.Category != "serverless" || d.Version != "v1.2.3" || d.CloudMetadata.Region != "eu-west-1" ||
		!d.LastModified.Equal(noon().Add(25*time.Hour)) || strings.Join(d.Collections, ",") != "All,ireland" {
		t.Errorf("%+v", d)
	}
	settings := []api.DocumentChange{{Kind: api.KindSettings, ID: "defender", Body: []byte(`{"disconnectPeriodDays":7}`)}}
	if err := b.memory.Write(t.Context(), settings, nil); err != nil {
		t.Fatal(err)
	}
	var summary []api.DefenderSummary
	if b.get("/defenders/summary", &summary); summary[0] != (api.DefenderSummary{Category: "serverless", Connected: 4, Deployed: 4, Licensed: 4}) {
		t.Errorf("%+v", summary)
	}
	var names []string
	if total := b.get("/defenders/names?limit=2", &names); total != "4" || len(names) != 2 || names[0] != ordersARN {
		t.Errorf("%s of %v", total, names)
	}
	answer, err := b.call(admin(), "GET /defenders/download?fields=hostname,connected&collections=shop", "", nil)
	if err != nil || strings.Count(string(answer.Raw), "\n") != 3 || !strings.Contains(string(answer.Raw), "function:shop-b,true") {
		t.Errorf("%s, %v", answer.Raw, err)
	}
	for endpoint, want := range map[string]autodefend.Code{"GET /defenders/image-name": autodefend.CodeNotFound, "GET /defenders/install-bundle": autodefend.CodeInvalid} {
		_, err := b.call(admin(), endpoint, "", nil)
		wantCode(t, endpoint, err, want)
		if autodefend.ErrorHint(err) == "" {
			t.Errorf("%s: no hint", endpoint)
		}
	}
	for id, want := range map[string]autodefend.Code{"nothing": autodefend.CodeNotFound, ordersARN: ""} {
		_, err := b.call(admin(), "DELETE /defenders/{id}", "", map[string]string{"id": id})
		wantCode(t, id, err, want)
	}
	if len(b.memory.defenders) != 3 || len(b.memory.mgmt) != 1 {
		t.Errorf("%d Defenders, %+v", len(b.memory.defenders), b.memory.mgmt)
	}
}

func TestMgmt(t *testing.T) {
	b := start(t, nil)
	for i, name := range []string{"bob", "=alice"} {
		a := api.MgmtAudit{Username: name, Type: []api.MgmtType{api.MgmtRule, api.MgmtLogin}[i], Time: noon(), Diff: "a\nb", API: "PUT /x"}
		if err := b.memory.AddMgmt(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	var all []api.MgmtAudit
	if total := b.get("/audits/mgmt?limit=1", &all); total != "2" || len(all) != 1 || all[0].Username != "=alice" {
		t.Errorf("%s of %+v", total, all)
	}
	var filters api.MgmtFilters
	if b.get("/audits/mgmt/filters", &filters); body(filters) != `{"type":["login","rule"],"username":["=alice","bob"]}` {
		t.Errorf("%+v", filters)
	}
	answer, err := b.call(admin(), "GET /audits/mgmt/download", "", nil)
	if want := "time,type,username,sourceIP,api,status,failure,diff\n2026-11-22T12:00:00Z,login,'=alice,,PUT /x,,,\"a\nb\"\n"; err != nil || !strings.HasPrefix(string(answer.Raw), want) {
		t.Errorf("%s, %v", answer.Raw, err)
	}
	_, err = b.call(admin(), "GET /audits/mgmt?type=x", "", nil)
	wantCode(t, "type", err, autodefend.CodeInvalid)
}

func TestExpire(t *testing.T) {
	b := start(t, func(c *Config) { c.Keep = Keep{Age: 10 * 24 * time.Hour, Bytes: 3_000_000, MgmtAge: time.Hour} })
	b.mustPost(orders(), audit("old"))
	_ = b.memory.AddMgmt(t.Context(), api.MgmtAudit{Time: noon()})
	b.clock.add(10*24*time.Hour + time.Second)
	many := make([]string, 100)
	for i := range 50 {
		for j := range many {
			many[j] = audit(nth("a", 100*i+j))
		}
		b.mustPost(route.FunctionIdentity{Account: "123456789012", Region: "eu-west-1", Function: nth("f", i)}, many...)
		b.clock.add(time.Second)
	}
	config := b.Config
	config.Owner = "other"
	other := New(config)
	lease, _, _ := b.Leases.Acquire(t.Context(), "audits.retention", "other", expireLease)
	if err := b.Expire(t.Context()); err != nil || len(b.memory.audits[api.StreamRuntime]) != 5001 {
		t.Errorf("another's work was done: %v", err)
	}
	if err := other.Expire(t.Context()); err != nil {
		t.Fatal(err)
	}
	left := b.memory.audits[api.StreamRuntime]
	if len(left) > 3000 || len(left) < 1900 || left[0].ID == "old" || left[len(left)-1].ID != "a4999" || len(b.memory.mgmt) != 0 {
		t.Errorf("%d left, the oldest %s, %d management audits", len(left), left[0].ID, len(b.memory.mgmt))
	}
	b.clock.add(expireLease + time.Second)
	if _, mine, _ := b.Leases.Acquire(t.Context(), "audits.retention", "third", expireLease); !mine {
		t.Fatal("the lease doesn't end")
	}
	wantCode(t, "lost", other.held(t.Context(), &lease), autodefend.CodeConflict)
}

// TestAStoreThatKeepsItsRoom: a store that doesn't get smaller, as PostgreSQL's tables, loses what is too much once, and not
// everything little by little.
func TestAStoreThatKeepsItsRoom(t *testing.T) {
	const mebi = 1_000_000
	b := start(t, func(c *Config) { c.Keep = Keep{Age: -1, MgmtAge: -1, Bytes: 3 * mebi} })
	b.memory.keeps = true
	stored := 0
	fill := func(n int) {
		t.Helper()
		records := make([]api.AuditRecord, n)
		for i := range records {
			stored++
			records[i] = api.AuditRecord{Stream: api.StreamRuntime, ID: nth("a", stored), Type: "processes", Received: noon().Add(time.Duration(stored-1e6) * time.Millisecond)}
		}
		if _, err := b.memory.AppendAudits(t.Context(), records); err != nil {
			t.Fatal(err)
		}
	}
	left := func() int {
		t.Helper()
		for range 10 {
			if err := New(b.Config).Expire(t.Context()); err != nil { // each time as after a restart
				t.Fatal(err)
			}
		}
		return len(b.memory.audits[api.StreamRuntime])
	}
	fill(12_000)
	if n := left(); n > 3000 || n < 1000 {
		t.Fatalf("%d of 12,000 audits are left where there is room for 3,000", n)
	}
	b.memory.bloat -= 1000 * 500 // what comes next takes room that is there
	fill(500)
	was := len(b.memory.audits[api.StreamRuntime])
	if n := left(); n != was {
		t.Errorf("%d of %d are left although the store didn't grow", n, was)
	}
	fill(500)
	if n := left(); n >= was {
		t.Errorf("%d are left of a store that grew", n)
	}
}

// TestCountsOfWhoSeesSomeFunctionsOnly: Defenders of other functions aren't counted.
func TestCountsOfWhoSeesSomeFunctionsOnly(t *testing.T) {
	b := start(t, nil)
	b.mustPost(orders(), audit("1"))
	b.mustPost(route.FunctionIdentity{Account: "123456789012", Region: "eu-west-1", Function: "shop-1"}, audit("2"))
	b.flushHeard(t.Context())
	who := admin()
	for n, mine := range map[int][]string{2: nil, 1: {"shop"}} {
		who.Collections = mine
		var summary []api.DefenderSummary
		b.getAs(who, "/defenders/summary", &summary)
		var trends api.Trends
		b.getAs(who, "/stats/dashboard", &trends)
		var license api.LicenseStats
		b.getAs(who, "/stats/license", &license)
		if summary[0].Connected != n || summary[0].Deployed != n || trends.DefendersSummary["serverless"] != n || license.ProtectedFunctions != n {
			t.Errorf("collections %v: %+v, %+v, %+v, want %d", mine, summary, trends, license, n)
		}
	}
}
