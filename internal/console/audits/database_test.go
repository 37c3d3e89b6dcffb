package audits

import (
	"context"
	"encoding/csv"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
	"github.com/autodefend/autodefend/internal/store"
)

// startDatabase makes a service over SQLite.
func startDatabase(t testing.TB) (*bench, *store.Store) {
	t.Helper()
	clock := &clock{now: noon()}
	db, err := store.Open(t.Context(), store.Config{Address: filepath.Join(t.TempDir(), "console.db"), Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	b := start(t, func(c *Config) {
		c.Audits, c.Retention, c.Incidents, c.MgmtAudits = db, db, db, db
		c.Documents, c.Leases, c.Defenders, c.Signals = db, db, db, db
		c.Now = clock.Now
	})
	b.clock = clock
	return b, db
}

// TestOnADatabase goes through what the fake store only claims.
func TestOnADatabase(t *testing.T) {
	b, _ := startDatabase(t)
	b.fill()
	b.mustPost(orders(), miner("m1", "time", "2026-11-22T11:30:00Z"), miner("m2"), audit("r", "requestID", "req-7", "command", "=1"))
	b.mustPost(orders(), miner("m1", "time", "2026-11-22T11:30:00Z"))
	if _, err := b.call(defender(orders()), "POST /defender/audits/firewall",
		`[{"_id":"f","type":"sqli","effect":"alert","time":"2026-11-22T11:59:30Z","method":"GET","connectingIPs":["192.0.2.1"],"attackTechniques":["webShell"]}]`, nil); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ query, want string }{
		{"?collections=shop&sort=function&reverse=true", "shop-b-2 shop-b-1 shop-a-2 shop-a-1"},
		{"?attackType=cryptoMinerProcess", "m2 m1"},
		{"?attackType=cryptoMinerProcess&sort=time", "m1 m2"},
		{"?attackType=cryptoMinerProcess&reverse=true", "m1 m2"},
		{"?requestID=req-7", "r"},
		{"?id=m1,m2,nothing&type=processes", "m2 m1"},
		{"?search=LS%20launched&function=orders&effect=block", "orders-2"},
		{"?to=2026-11-22T11:30:00Z", "m1"},
		{"?time=2026-11-22T11:30:00Z&accountIDs=123456789012", "m1"},
		{"?functionID=arn:aws:lambda:us-east-1:123456789011:function:shop-a:5", "shop-a-2 shop-a-1"},
		{"?cluster=us-east-1&type=network", "shop-b-2 shop-a-2"},
		{"?user=nobody", ""},
		{"?ruleName=%27%20OR%201=1--", ""},
	} {
		var all []api.RuntimeAudit
		b.get("/audits/runtime/serverless"+x.query, &all)
		if ids(all) != x.want {
			t.Errorf("%s: %s, want %s", x.query, ids(all), x.want)
		}
	}
	for name := range strings.FieldsSeq(api.AuditSortable) {
		for _, stream := range []string{"runtime/serverless", "firewall/app/serverless"} {
			var all []api.RuntimeAudit
			b.get("/audits/"+stream+"?sort="+name, &all)
		}
	}
	for query, want := range map[string]int{
		"method=GET&connectingIPs=192.0.2.1": 1, "method=POST": 0, "attackTechniques=webShell": 1, "attackTechniques=masquerading": 0, "type=sqli&effect=alert": 1,
	} {
		var all []api.FirewallAudit
		if b.get("/audits/firewall/app/serverless?"+query, &all); len(all) != want {
			t.Errorf("%s: %+v", query, all)
		}
	}
	var slices []api.Slice
	b.get("/audits/runtime/serverless/timeslice?from=2026-11-22T11:00:00Z&to=2026-11-22T12:00:00Z&buckets=2", &slices)
	if len(slices) != 2 || slices[0].Count+slices[1].Count != 9 {
		t.Errorf("%+v", slices)
	}
	var filters api.AuditFilters
	if b.get("/audits/runtime/serverless/filters", &filters); len(filters.Function) != 3 {
		t.Errorf("%+v", filters)
	}
	b.testFollowUp(t)
}

// testFollowUp goes through what is made of audits.
func (b *bench) testFollowUp(t *testing.T) {
	b.readAll()
	var incidents []api.Incident
	if total := b.get("/audits/incidents", &incidents); total != "1" || len(incidents[0].Audits) != 2 || incidents[0].Function != "orders" {
		t.Fatalf("%s of %+v", total, incidents)
	}
	if _, err := b.call(admin(), "PATCH /audits/incidents/acknowledge/{id}", `{"acknowledged":true}`, map[string]string{"id": incidents[0].ID}); err != nil {
		t.Fatal(err)
	}
	for name := range strings.FieldsSeq("time category type function region serialNum acknowledged") {
		if b.get("/audits/incidents?acknowledged=true&sort="+name, &incidents); len(incidents) != 1 {
			t.Errorf("by %s: %+v", name, incidents)
		}
	}
	var mgmt []api.MgmtAudit
	for name := range strings.FieldsSeq("time type username sourceIP api") {
		if total := b.get("/audits/mgmt?username=admin&type=settings&sort="+name, &mgmt); total != "1" {
			t.Errorf("by %s: %+v", name, mgmt)
		}
	}
	b.flushHeard(t.Context())
	var defenders []api.Defender
	for name := range strings.FieldsSeq("hostname fqdn lastModified version") {
		if total := b.get("/defenders?connected=true&sort="+name, &defenders); total != "4" || !defenders[0].Connected {
			t.Errorf("by %s: %s of %+v", name, total, defenders)
		}
	}
	var alerts []map[string]any
	if b.get("/xsoar-alerts", &alerts); len(alerts) != 10 {
		t.Errorf("%d alerts", len(alerts))
	}
	if b.get("/xsoar-alerts", &alerts); len(alerts) != 0 {
		t.Errorf("again: %+v", alerts)
	}
	var o api.Overview
	if b.get("/audits/overview", &o); o.Runtime.Total != 9 || o.Firewall.Total != 1 || o.Runtime.Functions[0].Value != "orders" {
		t.Errorf("%+v", o)
	}
	var days []api.DailyStats
	if b.get("/stats/daily", &days); days[29].Serverless.Processes != 6 || days[29].IncidentsCount != 1 {
		t.Errorf("%+v", days[29])
	}
	b.clock.add(31 * 24 * time.Hour)
	if err := b.Expire(t.Context()); err != nil {
		t.Fatal(err)
	}
	var none []api.RuntimeAudit
	if total := b.get("/audits/runtime/serverless", &none); total != "0" {
		t.Errorf("%s left", total)
	}
}

// TestDownloadFromADatabase: pages of a download neither overlap nor leave out, though many audits have one time, and
// conditions that the store looks at some audits for only hold for all.
func TestDownloadFromADatabase(t *testing.T) {
	b, _ := startDatabase(t)
	b.piece = 100
	const all = 300
	for i := range all / 10 {
		many := make([]string, 10)
		for j := range many {
			n := 10*i + j
			// A piece and a half at a time.
			at := noon().Add(-time.Duration(n/150+1) * time.Minute)
			many[j] = audit(nth("a", n), "time", at.Format(time.RFC3339), "msg", fmt.Sprintf("number %d.", n%7))
		}
		b.mustPost(route.FunctionIdentity{Account: "123456789012", Region: "eu-west-1", Function: nth("f", i%10)}, many...)
	}
	for query, want := range map[string]int{
		"": all, "msg=number+3.": all / 7, "function=f3": all / 10, "from=2026-11-22T11:58:59Z": 150, "from=2026-11-22T11:58:30Z&to=2026-11-22T11:59:00Z&function=f0": 20,
	} {
		answer, err := b.call(admin(), "GET /audits/runtime/serverless/download?fields=_id,function,msg&"+query, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(strings.NewReader(string(answer.Raw))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, row := range rows[1:] {
			seen[row[0]] = true
		}
		if len(seen) != len(rows)-1 || len(seen) < want || len(seen) > want+1 {
			t.Errorf("%s: %d rows, %d different, want %d", query, len(rows)-1, len(seen), want)
		}
	}
}

// TestReplicasShareWork: two replicas over one database make each incident once, though both read.
func TestReplicasShareWork(t *testing.T) {
	b, _ := startDatabase(t)
	config := b.Config
	config.Owner = "other"
	other := New(config)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { b.Run(ctx) })
	all.Go(func() { other.Run(ctx) })
	for i := range 20 {
		f := orders()
		f.Function = nth("f", i%5)
		b.mustPost(f, miner(nth("m", i)))
	}
	var incidents []api.Incident
	for range 500 {
		var err error
		incidents, _, err = b.Incidents.Incidents(t.Context(), api.IncidentQuery{})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, i := range incidents {
			n += len(i.Audits)
		}
		if n == 20 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	all.Wait()
	if len(incidents) != 5 {
		t.Fatalf("%d incidents", len(incidents))
	}
	for _, i := range incidents {
		if len(i.Audits) != 4 {
			t.Errorf("%s has %d audits", i.Function, len(i.Audits))
		}
	}
}

func TestLiveFromADatabase(t *testing.T) {
	b, _ := startDatabase(t)
	b.mustPost(orders(), audit("before"))
	s := &screen{}
	end := b.watch(s, "fields=_id", "")
	s.await(t, "retry")
	b.mustPost(orders(), audit("1"), audit("2"))
	s.await(t, `{"_id":"2"}`)
	if err := end(); err != nil || strings.Contains(s.String(), "before") || strings.Index(s.String(), `"1"`) > strings.Index(s.String(), `"2"`) {
		t.Errorf("%q, %v", s.String(), err)
	}
}

// TestLiveSearchesAll: a client that comes again far behind gets all that it searches for, also beyond what the store looks
// at for one list.
func TestLiveSearchesAll(t *testing.T) {
	b, db := startDatabase(t)
	const all = 12_000
	for from := 1; from <= all; from += 1000 {
		records := make([]api.AuditRecord, 1000)
		for i := range records {
			n := from + i
			msg := "ls launched"
			if n%5500 == 0 {
				msg = "wget launched"
			}
			records[i] = api.AuditRecord{
				Stream: api.StreamRuntime, ID: nth("a", n), Time: noon(), Received: noon(), Function: "orders", Type: "processes", Effect: "alert",
				Msg: msg, Body: fmt.Appendf(nil, `{"_id":"a%d"}`, n), Count: 1,
			}
		}
		if _, err := db.AppendAudits(t.Context(), records); err != nil {
			t.Fatal(err)
		}
	}
	query := url.Values{"msg": {"WGET"}, "after": {"1"}, "fields": {"_id"}}
	l, err := b.newLive(t.Context(), &route.Call{Principal: admin(), Query: query})
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{}
	l.out = s
	for more := true; more; {
		if more, err = l.next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"id: 5500\nevent: audit\ndata: {\"_id\":\"a5500\"}\n\n", "id: 11000\nevent: audit\ndata: {\"_id\":\"a11000\"}\n\n"} {
		if strings.Count(s.String(), want) != 1 {
			t.Errorf("%q isn't there once", want)
		}
	}
	if n := strings.Count(s.String(), "event:"); n != 2 || l.at != all {
		t.Errorf("%d events, it's at %d", n, l.at)
	}
}

// FuzzQueries: whatever is asked, the database answers or the error says what is wrong with it.
func FuzzQueries(f *testing.F) {
	for _, query := range []string{
		"type=processes&sort=function", "search=%25_'&msg=%5C&limit=1", "function=%27%3B+DROP+TABLE+audits--&collections=shop", "user=x&aggregate=true",
		"requestID=a%00b", "fields=a%22b&from=0001-01-01&to=9999-12-31",
	} {
		f.Add(query)
	}
	b, _ := startDatabase(f)
	b.fill()
	f.Fuzz(func(t *testing.T, text string) {
		query, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		for _, r := range b.Routes() {
			if r.Method != "GET" || r.Permission == route.Function || strings.HasSuffix(r.Path, "/live") {
				continue
			}
			_, err := r.Handle(t.Context(), &route.Call{Principal: admin(), Query: query, API: "GET " + r.Path})
			switch autodefend.ErrorCode(err) {
			case "", autodefend.CodeInvalid, autodefend.CodeNotFound:
			default:
				t.Errorf("%s?%s: %v", r.Path, text, err)
			}
		}
	})
}

// BenchmarkIngestDatabase takes batches of 50 into SQLite from 32 clients at once, and prints which share of the store's
// own rate that is, measured before it in the same run with records that are made already.
func BenchmarkIngestDatabase(b *testing.B) {
	const clients, each = 32, 50
	s, db := startDatabase(b)
	s.Ingest.Rate = 1e12
	s.rates = newRates(1e12, 1e12)
	rate := func(send func(client, n int) error) float64 {
		rounds := max(1, b.N/clients)
		began := time.Now()
		var all sync.WaitGroup
		for c := range clients {
			all.Go(func() {
				for n := range rounds {
					if err := send(c, n); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		return float64(clients*rounds*each) / time.Since(began).Seconds()
	}
	text := func(prefix string, c, n int) string {
		many := make([]string, each)
		for i := range many {
			many[i] = audit(fmt.Sprintf("%s-%d-%d-%d", prefix, c, n, i), "command", strings.Repeat("x", 100), "processPath", "/usr/bin/curl")
		}
		return "[" + strings.Join(many, ",") + "]"
	}
	function := func(c int) route.FunctionIdentity {
		f := orders()
		f.Function = nth("f", c)
		return f
	}
	made := make(map[[2]int][]api.AuditRecord)
	bodies := make(map[[2]int]string)
	for c := range clients {
		for n := range max(1, b.N/clients) {
			records, _, err := s.read(b.Context(), &route.Call{Principal: defender(function(c)), Body: []byte(text("raw", c, n))}, api.StreamRuntime, noon())
			if err != nil {
				b.Fatal(err)
			}
			made[[2]int{c, n}], bodies[[2]int{c, n}] = records, text("whole", c, n)
		}
	}
	b.ResetTimer()
	raw := rate(func(c, n int) error {
		_, err := db.AppendAudits(b.Context(), made[[2]int{c, n}])
		return err
	})
	whole := rate(func(c, n int) error {
		for {
			answer, err := s.ingest(b.Context(), &route.Call{Principal: defender(function(c)), Body: []byte(bodies[[2]int{c, n}])}, api.StreamRuntime)
			if answer.Status == 0 || err != nil {
				return err
			}
			time.Sleep(time.Millisecond) // a slow disk: Defenders come again, too
		}
	})
	b.ReportMetric(whole, "audits/s")
	b.ReportMetric(whole/raw, "of-the-store's-rate")
}
