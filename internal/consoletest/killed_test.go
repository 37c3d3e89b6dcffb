package consoletest

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/store/pgtest"
)

// TestConsoleKills kills the program under load, again and again, and asks each time over the API whether all that was
// acknowledged is there.
func TestConsoleKills(t *testing.T) {
	for name, address := range map[string]func(t testing.TB) string{
		"SQLite":     func(t testing.TB) string { return filepath.Join(t.TempDir(), "console.db") },
		"PostgreSQL": pgtest.Start,
	} {
		t.Run(name, func(t *testing.T) {
			k := &killing{T: t, dir: filepath.Join(t.TempDir(), "data"), database: address(t), there: map[string]bool{}}
			kills := times(4, 200)
			for range kills {
				k.round()
			}
			k.check(startConsole(t, k.dir, k.database))
			t.Logf("figure: %s: %d kills of the Console: %d audits, %d policies and %d collections were acknowledged over HTTP and are there",
				name, kills, k.acknowledged(), k.policy.acknowledged, k.collections[0].acknowledged+k.collections[1].acknowledged)
		})
	}
}

// killing is a Console that is killed again and again, and who calls it.
type killing struct {
	*testing.T
	dir, database string
	token         string
	reporters     []*reporter
	policy        *series
	collections   [keepers]*series
	// there are the ids that were listed. What the last round may have stored was made since from, and is listed next.
	there map[string]bool
	from  time.Time
}

// round starts the Console, checks it, and kills it at a random moment: while it starts, or under load.
func (k *killing) round() {
	k.Helper()
	p := launch(k.T, k.dir, k.database)
	if k.token != "" && rand.IntN(5) == 0 {
		time.AfterFunc(time.Duration(rand.IntN(400))*time.Millisecond, p.kill)
		<-p.ended
		k.settle()
		return
	}
	if !p.listen() {
		<-p.ended
		k.Fatalf("the Console ended: %v\n%s", p.err, p.log)
	}
	if k.token == "" {
		k.prepare(p)
	}
	k.check(p)
	k.from = time.Now()
	for _, r := range k.reporters {
		if len(r.pending) > 0 && r.at.Before(k.from) {
			k.from = r.at
		}
	}
	var first sync.Once
	load(k.T, p, k.clients(), func() {
		first.Do(func() { time.AfterFunc(time.Duration(rand.IntN(400))*time.Millisecond, p.kill) })
	})
	p.kill() // if nobody was answered
	if strings.Contains(p.log.String(), "DATA RACE") {
		k.Fatalf("the Console's log:\n%s", p.log)
	}
	k.settle()
}

// prepare makes the clients.
func (k *killing) prepare(p *process) {
	k.Helper()
	k.token = p.administrator(k.T)
	for i := range reporters {
		k.reporters = append(k.reporters, &reporter{
			token: p.defender(k.T, k.token, fmt.Sprintf("orders-%d", i)), acknowledged: map[string]bool{}, sent: map[string]bool{},
		})
	}
	k.policy = &series{token: k.token, method: "PUT", path: "/policies/runtime/serverless", body: policyBody}
	for i := range k.collections {
		name := fmt.Sprintf("c%d", i)
		p.must(k.T, "POST", "/collections", k.token, collectionBody(name)(1))
		k.collections[i] = &series{token: k.token, method: "PUT", path: "/collections/" + name, body: collectionBody(name), acknowledged: 1}
	}
	k.from = time.Now()
}

func (k *killing) clients() []client {
	all := []client{k.policy}
	for _, r := range k.reporters {
		all = append(all, r)
	}
	for _, c := range k.collections {
		all = append(all, c)
	}
	return all
}

func (k *killing) acknowledged() int {
	n := 0
	for _, r := range k.reporters {
		n += len(r.acknowledged)
	}
	return n
}

// settle waits until PostgreSQL has found out that the killed Console is gone, and did or undid what it had begun.
func (k *killing) settle() {
	k.Helper()
	if !strings.HasPrefix(k.database, "postgres:") {
		return
	}
	ctx, cancel := context.WithTimeout(k.Context(), time.Minute)
	defer cancel()
	db, err := sql.Open("pgx", k.database)
	if err != nil {
		k.Fatal(err)
	}
	defer db.Close()
	for others := 1; others > 0; {
		err := db.QueryRowContext(ctx, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()").Scan(&others)
		if err != nil {
			k.Fatalf("%d connections of the killed Console: %v", others, err)
		}
	}
}

// check asks the Console for everything.
func (k *killing) check(p *process) {
	k.Helper()
	k.checkAudits(p)
	k.checkPolicy(p)
	k.checkCollections(p)
}

// checkAudits: what was acknowledged is listed once, nothing else is, and all that counts audits agrees with the list.
func (k *killing) checkAudits(p *process) {
	k.Helper()
	listed := map[string]bool{}
	for total := 1; len(listed) < total; {
		var page []struct {
			ID string `json:"_id"`
		}
		path := fmt.Sprintf("/audits/runtime/serverless?fields=_id&limit=50&offset=%d&from=%s", len(listed), k.from.UTC().Format("2006-01-02T15:04:05.000Z"))
		total = k.total(p.read(k.T, path, k.token, &page))
		for _, a := range page {
			if listed[a.ID] {
				k.Fatalf("audit %s is listed twice", a.ID)
			}
			listed[a.ID], k.there[a.ID] = true, true
		}
		if len(page) == 0 && len(listed) < total {
			k.Fatalf("%d audits are listed, and Total-Count is %d", len(listed), total)
		}
	}
	sent := map[string]bool{}
	for _, r := range k.reporters {
		for id := range r.acknowledged {
			if !k.there[id] {
				k.Fatalf("audit %s was acknowledged and is gone", id)
			}
		}
		for id := range r.sent {
			sent[id] = true
		}
	}
	for id := range listed {
		if !sent[id] {
			k.Fatalf("audit %s is there and wasn't sent", id)
		}
	}
	k.checkCounts(p)
}

// checkCounts compares what counts audits with the list.
func (k *killing) checkCounts(p *process) {
	k.Helper()
	var none []json.RawMessage
	if total := k.total(p.read(k.T, "/audits/runtime/serverless?limit=1", k.token, &none)); total != len(k.there) {
		k.Fatalf("%d audits are there, and Total-Count is %d", len(k.there), total)
	}
	now := time.Now().UTC()
	window := "from=" + now.Add(-24*time.Hour).Format(time.RFC3339) + "&to=" + now.Add(time.Hour).Format(time.RFC3339)
	var overview api.Overview
	p.read(k.T, "/audits/overview?"+window, k.token, &overview)
	if overview.Runtime.Total != len(k.there) {
		k.Fatalf("%d audits are there, and the overview counts %d", len(k.there), overview.Runtime.Total)
	}
	functions, sliced := 0, 0
	for _, tally := range overview.Runtime.Functions {
		functions += tally.Count
	}
	var slices []api.Slice
	p.read(k.T, "/audits/runtime/serverless/timeslice?buckets=24&"+window, k.token, &slices)
	for _, slice := range slices {
		sliced += slice.Count
	}
	if functions != len(k.there) || sliced != len(k.there) {
		k.Fatalf("%d audits are there; by function %d are counted, by time %d", len(k.there), functions, sliced)
	}
}

// checkPolicy: the policy is one that was written, whole, and each that was written has its management audit.
func (k *killing) checkPolicy(p *process) {
	k.Helper()
	var policy struct {
		Rules []struct{ Name string }
	}
	p.read(k.T, "/policies/runtime/serverless", k.token, &policy)
	n := 0
	if len(policy.Rules) > 0 {
		_, last, _ := strings.Cut(policy.Rules[0].Name, " of ")
		n, _ = strconv.Atoi(last)
		if len(policy.Rules) != rulesOf(n) {
			k.Fatalf("policy %d has %d rules, it was written with %d", n, len(policy.Rules), rulesOf(n))
		}
	}
	for i, rule := range policy.Rules {
		if rule.Name != fmt.Sprintf("%d of %d", i, n) {
			k.Fatalf("rule %d of policy %d is %q", i, n, rule.Name)
		}
	}
	k.advance("policy", k.policy, n)
	k.checkWrites(p, api.MgmtRule, n)
}

// checkCollections: they are there as they were written last, and each write has its management audit.
func (k *killing) checkCollections(p *process) {
	k.Helper()
	var collections []struct {
		Name, Description string
		Functions         []string
	}
	if total := k.total(p.read(k.T, "/collections", k.token, &collections)); total != len(collections) {
		k.Fatalf("%d collections are listed, and Total-Count is %d", len(collections), total)
	}
	writes := 0
	for _, c := range collections {
		var i int
		if _, err := fmt.Sscanf(c.Name, "c%d", &i); err != nil {
			continue // one that comes with the Console
		}
		n, _ := strconv.Atoi(c.Description)
		if len(c.Functions) != 1 || c.Functions[0] != fmt.Sprintf("f-%d-*", n) {
			k.Fatalf("collection %s is half %s and half %v", c.Name, c.Description, c.Functions)
		}
		k.advance(c.Name, k.collections[i], n)
		writes += n
	}
	k.checkWrites(p, api.MgmtSettings, writes)
}

// advance compares the number of what is there with the last that was acknowledged. The next one may be there instead,
// whose answer got lost.
func (k *killing) advance(what string, c *series, n int) {
	k.Helper()
	if n < c.acknowledged || n > c.acknowledged+1 {
		k.Fatalf("%s: %d was acknowledged and %d is there", what, c.acknowledged, n)
	}
	c.acknowledged = n
}

// checkWrites compares the management audits of a type with how often was written.
func (k *killing) checkWrites(p *process, of api.MgmtType, writes int) {
	k.Helper()
	var audits []api.MgmtAudit
	if total := k.total(p.read(k.T, "/audits/mgmt?limit=1&type="+string(of), k.token, &audits)); total != writes {
		k.Fatalf("%d writes have %d management audits of the type %s", writes, total, of)
	}
}

// total is what the header Total-Count says.
func (k *killing) total(r reply) int {
	k.Helper()
	n, err := strconv.Atoi(r.header.Get("Total-Count"))
	if err != nil {
		k.Fatalf("Total-Count: %v", err)
	}
	return n
}
