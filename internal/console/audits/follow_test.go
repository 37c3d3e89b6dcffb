package audits

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// miner is an audit that makes an incident.
func miner(id string, members ...any) string {
	return audit(id, append([]any{"attackType", "cryptoMinerProcess"}, members...)...)
}

// readAll makes incidents of all audits.
func (b *bench) readAll() {
	b.t.Helper()
	for {
		more, err := b.readOn(b.context(), reader{"incidents", api.StreamRuntime, b.makeIncidents})
		if err != nil {
			b.t.Fatal(err)
		}
		if !more {
			return
		}
	}
}

func TestIncidents(t *testing.T) {
	b := start(t, nil)
	b.mustPost(orders(), audit("0"), miner("1"), audit("2", "attackType", "tmpfsProcess"), miner("3", "time", "2026-11-22T11:00:00Z"),
		miner("4", "time", "2026-11-22T10:59:59.999Z"))
	b.readAll()
	b.readAll()
	var all []api.Incident
	if total := b.get("/audits/incidents", &all); total != "3" || len(all) != 3 {
		t.Fatalf("%s of %+v", total, all)
	}
	first := all[2]
	if first.Category != "cryptoMiner" || len(first.Audits) != 2 || first.Audits[0].ID != "1" || !first.Time.Equal(noon().Add(-time.Hour)) ||
		first.Type != "function" || first.Function != "orders" || first.Cluster != "eu-west-1" || first.SerialNum != 1 || first.Acknowledged {
		t.Errorf("%+v", first)
	}
	if all[1].Category != "suspiciousBinary" || all[0].Audits[0].ID != "4" {
		t.Errorf("%+v", all)
	}
}

// TestIncidentsOnce: audits that are read again, as after a crash between an incident and the position, change nothing.
func TestIncidentsOnce(t *testing.T) {
	b := start(t, nil)
	b.mustPost(orders(), miner("1"), miner("2"))
	b.readAll()
	if _, err := b.call(admin(), "PATCH /audits/incidents/acknowledge/{id}", `{"acknowledged":true}`, map[string]string{"id": firstIncident(b).ID}); err != nil {
		t.Fatal(err)
	}
	before := firstIncident(b)
	if err := b.makeIncidents(t.Context(), b.memory.audits[api.StreamRuntime]); err != nil {
		t.Fatal(err)
	}
	b.mustPost(orders(), miner("2"), miner("3"))
	b.readAll()
	after := firstIncident(b)
	if len(b.memory.incidents) != 1 || len(before.Audits) != 2 || len(after.Audits) != 3 || !after.Acknowledged {
		t.Errorf("%+v, then %+v", before, after)
	}
	for i := range 3 {
		many := make([]string, 100)
		for j := range many {
			many[j] = miner(nth("m", 100*i+j))
		}
		b.mustPost(orders(), many...)
	}
	b.readAll()
	if n := len(firstIncident(b).Audits); n != incidentAudits {
		t.Errorf("%d audits", n)
	}
}

func firstIncident(b *bench) api.Incident {
	for _, i := range b.memory.incidents {
		return i
	}
	return api.Incident{}
}

func TestAcknowledge(t *testing.T) {
	b := start(t, nil)
	b.mustPost(orders(), miner("1"))
	b.readAll()
	id := firstIncident(b).ID
	mine := admin()
	mine.Collections = []string{"shop"}
	for _, x := range []struct {
		what, id, body string
		restricted     bool
		want           autodefend.Code
	}{
		{"nothing said", id, `{}`, false, autodefend.CodeInvalid},
		{"a text", id, `{"acknowledged":"yes"}`, false, autodefend.CodeInvalid},
		{"no JSON", id, `acknowledged`, false, autodefend.CodeInvalid},
		{"unknown", "nothing", `{"acknowledged":true}`, false, autodefend.CodeNotFound},
		{"of another collection", id, `{"acknowledged":true}`, true, autodefend.CodeNotFound},
		{"", id, `{"acknowledged":true}`, false, ""},
		{"back", id, `{"acknowledged":false}`, false, ""},
	} {
		p := admin()
		if x.restricted {
			p = mine
		}
		_, err := b.call(p, "PATCH /audits/incidents/acknowledge/{id}", x.body, map[string]string{"id": x.id})
		wantCode(t, x.what, err, x.want)
	}
	if len(b.memory.mgmt) != 2 || b.memory.mgmt[0].Username != "admin" || b.memory.mgmt[0].SourceIP != "192.0.2.7" {
		t.Errorf("%+v", b.memory.mgmt)
	}
	var none []api.Incident
	for _, query := range []string{"?acknowledged=true", "?hostname=h", "?accountIDs=999999999999", "?category=malware", "?collections=shop", "?collections=ireland&accountIDs=9"} {
		if b.get("/audits/incidents"+query, &none); len(none) != 0 {
			t.Errorf("%s: %+v", query, none)
		}
	}
	if b.get("/audits/incidents?accountIDs=123456789012&collections=ireland", &none); len(none) != 1 {
		t.Errorf("%+v", none)
	}
	answer, err := b.call(admin(), "GET /audits/incidents/download?fields=serialNum,category", "", nil)
	if err != nil || string(answer.Raw) != "serialNum,category\n1,cryptoMiner\n" {
		t.Errorf("%s, %v", answer.Raw, err)
	}
}

// TestReaders: each stored audit is read in order, by one replica, and once more only after an error.
func TestReaders(t *testing.T) {
	var seen []string
	fails := 1
	b := start(t, nil)
	r := reader{"test", api.StreamRuntime, func(_ context.Context, audits []api.AuditRecord) error {
		if fails > 0 {
			fails--
			return errors.New("busy")
		}
		for _, a := range audits {
			seen = append(seen, a.ID)
		}
		return nil
	}}
	b.mustPost(orders(), audit("1"), audit("2"))
	if _, err := b.readOn(t.Context(), r); err == nil {
		t.Error("the error is lost")
	}
	for range 2 {
		if _, err := b.readOn(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	config := b.Config
	config.Owner = "other"
	other := New(config)
	b.mustPost(orders(), audit("3"))
	if _, err := other.readOn(t.Context(), r); err != nil || len(seen) != 2 {
		t.Errorf("while another has the lease: %v, %v", seen, err)
	}
	b.clock.add(followLease + 1)
	if _, err := other.readOn(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(seen); got != "[1 2 3]" {
		t.Errorf("%s", got)
	}
}

// TestReadersKeepUp: a reader with a backlog doesn't rest between two batches.
func TestReadersKeepUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, nil)
		var records []api.AuditRecord
		for i := range 20 * followBatch {
			records = append(records, api.AuditRecord{Stream: api.StreamRuntime, ID: nth("a", i)})
		}
		if _, err := b.Audits.AppendAudits(t.Context(), records); err != nil {
			t.Fatal(err)
		}
		seen := 0
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go b.follow(ctx, reader{"test", api.StreamRuntime, func(_ context.Context, audits []api.AuditRecord) error {
			seen += len(audits)
			return nil
		}})
		time.Sleep(time.Second)
		synctest.Wait()
		if seen != 20*followBatch {
			t.Errorf("%d audits were read in a second, want all %d", seen, 20*followBatch)
		}
	})
}

// TestALostLeaseDoesNotMove: a reader that was too slow doesn't set the position back.
func TestALostLeaseDoesNotMove(t *testing.T) {
	b := start(t, nil)
	b.mustPost(orders(), audit("1"))
	slow := reader{"slow", api.StreamRuntime, func(ctx context.Context, _ []api.AuditRecord) error {
		b.clock.add(followLease + 1)
		_, _, err := b.Leases.Acquire(ctx, "audits.reader.slow.runtime", "other", followLease)
		return err
	}}
	_, err := b.readOn(t.Context(), slow)
	wantCode(t, "lost", err, autodefend.CodeConflict)
	if p, _, _ := b.position(t.Context(), "reader.slow.runtime"); p.Runtime != 0 {
		t.Errorf("moved to %+v", p)
	}
}

func TestRunEnds(t *testing.T) {
	b := start(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		b.Run(ctx)
		close(done)
	}()
	b.mustPost(orders(), miner("1"))
	for range 500 {
		if _, n, _ := b.Incidents.Incidents(ctx, api.IncidentQuery{}); n == 1 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	<-done
	if held := b.memory.Held(); len(held) > 0 {
		t.Errorf("another replica waits for %v", held)
	}
	if len(b.memory.incidents) != 1 || len(b.memory.defenders) != 1 {
		t.Errorf("%d incidents, %d Defenders", len(b.memory.incidents), len(b.memory.defenders))
	}
}

func TestXSOAR(t *testing.T) {
	b := start(t, nil)
	b.mustPost(orders(), audit("1"), audit("2", "time", "2026-11-20T12:00:00Z"))
	if _, err := b.call(defender(orders()), "POST /defender/audits/firewall", `[{"_id":"f","type":"sqli","effect":"alert","time":"2026-11-22T11:59:30Z"}]`, nil); err != nil {
		t.Fatal(err)
	}
	type alert struct{ ID, Kind, Type, Category, Time, Function string }
	read := func(query string) string {
		t.Helper()
		var all []alert
		b.get("/xsoar-alerts"+query, &all)
		text := ""
		for _, a := range all {
			if a.Kind != "audit" || a.Time == "" || a.Function != "orders" {
				t.Errorf("%+v", a)
			}
			text += a.Type + "/" + a.Category + " "
		}
		return text
	}
	// The connection is tested so.
	if got := read("?to=1970-01-01"); got != "" {
		t.Errorf("%s", got)
	}
	if got := read("?from=2026-11-20&to=2026-11-21"); got != "serverlessRuntime/explicitlyDeniedProcess " {
		t.Errorf("%s", got)
	}
	if got := read(""); got != "serverlessRuntime/explicitlyDeniedProcess serverlessAppFirewall/sqli " {
		t.Errorf("%s", got)
	}
	if got := read(""); got != "" {
		t.Errorf("again: %s", got)
	}
	b.mustPost(orders(), audit("3", "attackType", "", "type", "network"))
	if got := read(""); got != "serverlessRuntime/network " {
		t.Errorf("new: %s", got)
	}
	other := admin()
	other.Username, other.Permissions = "other", map[api.PermName]bool{api.PermMonitorRuntimeServerless: false}
	var all []alert
	if b.getAs(other, "/xsoar-alerts", &all); len(all) != 2 {
		t.Errorf("%+v", all)
	}
	_, err := b.call(admin(), "GET /xsoar-alerts?from=x", "", nil)
	wantCode(t, "from", err, autodefend.CodeInvalid)
}

func TestCategoriesAreKnown(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range categories() {
		if _, err := api.ParseIncidentFilter(map[string][]string{"category": {c.name}}); err != nil {
			t.Error(err)
		}
		for _, attack := range c.attacks {
			if _, err := api.ParseAuditFilter(api.StreamRuntime, map[string][]string{"attackType": {attack}}); err != nil || seen[attack] {
				t.Errorf("%s: %v, or it's of two categories", attack, err)
			}
			seen[attack] = true
		}
	}
}
