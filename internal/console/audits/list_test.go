package audits

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// fill stores audits of three functions.
func (b *bench) fill() {
	b.t.Helper()
	for i, f := range []string{"orders", "shop-a", "shop-b"} {
		id := route.FunctionIdentity{Account: nth("12345678901", i), Region: []string{"eu-west-1", "us-east-1", "us-east-1"}[i], Function: f}
		b.mustPost(id, audit(f+"-1"), audit(f+"-2", "type", "network", "attackType", "explicitlyDeniedIP", "effect", "block"))
	}
}

func TestList(t *testing.T) {
	b := start(t, nil)
	b.fill()
	for _, x := range []struct{ query, want, total string }{
		{"", "shop-b-2 shop-b-1 shop-a-2 shop-a-1 orders-2 orders-1", "6"},
		{"?limit=2&offset=1", "shop-b-1 shop-a-2", "6"},
		{"?offset=9", "", "6"},
		{"?type=network&function=orders,shop-a", "shop-a-2 orders-2", "2"},
		{"?collections=shop", "shop-b-2 shop-b-1 shop-a-2 shop-a-1", "4"},
		{"?collections=shop,ireland", "shop-b-2 shop-b-1 shop-a-2 shop-a-1 orders-2 orders-1", "6"},
		{"?collections=All", "shop-b-2 shop-b-1 shop-a-2 shop-a-1 orders-2 orders-1", "6"},
		{"?accountIDs=123456789010", "orders-2 orders-1", "2"},
		{"?function=none", "", "0"},
	} {
		var all []api.RuntimeAudit
		if total := b.get("/audits/runtime/serverless"+x.query, &all); total != x.total || ids(all) != x.want {
			t.Errorf("%s: %s of %s, want %s of %s", x.query, ids(all), total, x.want, x.total)
		}
		if all == nil {
			t.Errorf("%s: null", x.query)
		}
	}
	_, err := b.call(admin(), "GET /audits/runtime/serverless?collections=unknown", "", nil)
	wantCode(t, "unknown collection", err, autodefend.CodeInvalid)
	_, err = b.call(admin(), "GET /audits/runtime/serverless?effect=ban", "", nil)
	wantCode(t, "effect of the firewall", err, autodefend.CodeInvalid)
}

func TestCallersSeeTheirCollections(t *testing.T) {
	b := start(t, nil)
	b.fill()
	mine := admin()
	mine.Collections = []string{"shop"}
	var all []api.RuntimeAudit
	if b.getAs(mine, "/audits/runtime/serverless", &all); ids(all) != "shop-b-2 shop-b-1 shop-a-2 shop-a-1" {
		t.Errorf("%s", ids(all))
	}
	var stats api.EventStats
	if b.getAs(mine, "/stats/events", &stats); stats.ServerlessRuntime != 4 {
		t.Errorf("%+v", stats)
	}
	for _, other := range []string{"ireland", "All", "shop,ireland"} {
		_, err := b.call(mine, "GET /audits/runtime/serverless?collections="+other, "", nil)
		wantCode(t, other, err, autodefend.CodeDenied)
	}
	_, err := b.call(mine, "DELETE /audits/runtime/serverless", "", nil)
	wantCode(t, "delete", err, autodefend.CodeDenied)
	mine.Collections = []string{"shop", "All"}
	if total := b.getAs(mine, "/audits/runtime/serverless?collections=ireland", &all); total != "2" {
		t.Errorf("%s", total)
	}
	scopes, err := b.scopes(b.context(), &route.Call{Principal: route.Principal{Collections: []string{"shop"}}}, nil)
	if err != nil || len(scopes) != 1 {
		t.Errorf("%v, %v", scopes, err)
	}
}

func TestFields(t *testing.T) {
	b := start(t, nil)
	b.fill()
	answer, err := b.call(admin(), "GET /audits/runtime/serverless?fields=function,_id,nothing,count&limit=1", "", nil)
	if want := `[{"function":"shop-b","_id":"shop-b-2","count":1}]`; err != nil || string(answer.Raw) != want {
		t.Errorf("%s, %v, want %s", answer.Raw, err, want)
	}
}

func TestAggregate(t *testing.T) {
	b := start(t, nil)
	b.mustPost(orders(), audit("1", "pid", 1, "count", 4), audit("2", "pid", 2), audit("3", "msg", "other"), audit("4", "pid", 9, "requestID", "r"))
	var all []api.RuntimeAudit
	total := b.get("/audits/runtime/serverless?aggregate=true", &all)
	if total != "2" || len(all) != 2 || all[0].Count+all[1].Count != 7 || all[0].ID != "4" || all[0].Count != 6 {
		t.Errorf("%s of %+v", total, all)
	}
	if b.get("/audits/runtime/serverless?aggregate=true&offset=1&limit=1&fields=count", &all); len(all) != 1 || all[0].Count != 1 || all[0].ID != "" {
		t.Errorf("%+v", all)
	}
	if b.get("/audits/runtime/serverless?aggregate=true&offset=5", &all); len(all) != 0 {
		t.Errorf("%+v", all)
	}
}

func TestDownload(t *testing.T) {
	b := start(t, nil)
	const dde = "=cmd|' /C calc'!A0"
	b.mustPost(orders(), audit("1", "command", dde, "msg", "a,\"b\"\nc", "attackTechniques", []string{"webShell", "masquerading"}), audit("2", "command", "-x", "domain", "@x", "err", "+1"))
	answer, err := b.call(admin(), "GET /audits/runtime/serverless/download", "", nil)
	if err != nil || answer.Media != "text/csv" {
		t.Fatalf("%+v, %v", answer, err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(answer.Raw))).ReadAll()
	if err != nil || len(rows) != 3 || !cmp.Equal(rows[0], api.RuntimeAuditFields()) {
		t.Fatalf("%v, %v", rows, err)
	}
	got := map[string]string{}
	for i, name := range rows[0] {
		got[name+"1"], got[name+"2"] = rows[2][i], rows[1][i]
	}
	for name, want := range map[string]string{
		"command1": "'" + dde, "msg1": "a,\"b\"\nc", "attackTechniques1": "webShell, masquerading", "command2": "'-x", "domain2": "'@x", "err2": "'+1",
		"count1": "1", "time1": "2026-11-22T11:59:00Z", "pid1": "", "collections1": "All, ireland", "_id2": "2",
	} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
	answer, err = b.call(admin(), "GET /audits/runtime/serverless/download?fields=_id,msg&from=2027-01-01", "", nil)
	if err != nil || string(answer.Raw) != "_id,msg\n" {
		t.Errorf("%s, %v", answer.Raw, err)
	}
}

// tape is a response that is written piece by piece.
type tape struct {
	strings.Builder

	media   string
	flushes int
}

func (t *tape) Flush() error { t.flushes++; return nil }

func TestDownloadStreams(t *testing.T) {
	b := start(t, nil)
	b.piece = 100
	for i := range 25 {
		many := make([]string, 10)
		for j := range many {
			many[j] = audit(nth("a", 10*i+j))
		}
		b.mustPost(route.FunctionIdentity{Account: "123456789012", Region: "eu-west-1", Function: nth("f", i)}, many...)
	}
	out := &tape{}
	answer, err := b.handler("GET", "/audits/runtime/serverless/download")(b.context(), &route.Call{
		Principal: admin(), Stream: func(media string) (route.Stream, error) {
			out.media = media
			// What comes now isn't part of the download.
			b.mustPost(orders(), audit("late"))
			return out, nil
		},
	})
	if err != nil || answer.Raw != nil {
		t.Fatalf("%+v, %v", answer, err)
	}
	rows, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
	if err != nil || len(rows) != 251 || out.flushes < 3 || out.media != "text/csv" {
		t.Errorf("%d rows in %d pieces of %s, %v", len(rows), out.flushes, out.media, err)
	}
	seen := map[string]bool{}
	for _, row := range rows {
		seen[row[len(row)-1]] = true
	}
	if len(seen) != 251 || seen["late"] {
		t.Errorf("%d different rows", len(seen))
	}
}

func TestDeleteAll(t *testing.T) {
	b := start(t, nil)
	b.fill()
	b.clock.add(1)
	if _, err := b.call(admin(), "DELETE /audits/runtime/serverless", "", nil); err != nil {
		t.Fatal(err)
	}
	if n := len(b.memory.audits[api.StreamRuntime]); n != 0 || len(b.memory.mgmt) != 1 || b.memory.mgmt[0].Username != "admin" {
		t.Errorf("%d audits, %+v", n, b.memory.mgmt)
	}
}

func TestFilters(t *testing.T) {
	b := start(t, nil)
	b.fill()
	var f api.AuditFilters
	b.get("/audits/runtime/serverless/filters", &f)
	if strings.Join(f.Function, " ") != "orders shop-a shop-b" || strings.Join(f.Type, " ") != "network processes" || f.Severity == nil || len(f.Severity) != 0 {
		t.Errorf("%+v", f)
	}
}

func TestTimesliceNeedsAWindow(t *testing.T) {
	b := start(t, nil)
	_, err := b.call(admin(), "GET /audits/runtime/serverless/timeslice?from=2026-11-22", "", nil)
	wantCode(t, "no to", err, autodefend.CodeInvalid)
	var slices []api.Slice
	if b.get("/audits/runtime/serverless/timeslice?from=2026-11-22&to=2026-11-23&buckets=3", &slices); slices == nil {
		t.Error("null")
	}
}

func TestDefused(t *testing.T) {
	for in, want := range map[string]string{"": "", "a=b": "a=b", "=1": "'=1", "+": "'+", "-": "'-", "@a": "'@a", "\t=": "'\t=", "\r": "'\r", "'=": "'="} {
		if got := defused(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzCells(f *testing.F) {
	f.Add([]byte(`{"a":"=1","b":["-x","y"],"c":{"d":1},"e":null,"f":1.5}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		row, err := cells(body, []string{"a", "b", "c", "e", "f"})
		if err != nil {
			return
		}
		for _, cell := range row {
			if cell != "" && strings.ContainsAny(cell[:1], "=+@\t\r") {
				t.Fatalf("a formula: %q", cell)
			}
		}
		if picked, err := selected(body, []string{"a", "b", "a"}); err != nil || !strings.HasPrefix(string(picked), "{") {
			t.Fatalf("%s, %v", picked, err)
		}
	})
}
