package audits

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend/internal/api"
)

var updateGolden = flag.Bool("update", false, "rewrite golden files")

// TestAnswers compares what clients get with files: one element of each list.
func TestAnswers(t *testing.T) {
	b := start(t, nil)
	b.mustPost(orders(), miner("a1", "command", "xmrig -o pool", "severity", "high", "attackTechniques", []string{"resourceHijacking"}, "pid", 41, "tier", "preload"))
	if _, err := b.call(defender(orders()), "POST /defender/audits/firewall", `[{"_id":"f1","type":"sqli","effect":"prevent","protection":"firewall",`+
		`"msg":"Detected SQL Injection","time":"2026-11-22T11:59:30Z","method":"GET","urlPath":"/a","attackField":{"key":"id","type":"query","value":"1 OR 1"}}]`, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.memory.AddMgmt(t.Context(), api.MgmtAudit{Type: api.MgmtRule, Username: "admin", Time: noon(), API: "PUT /policies", SourceIP: "192.0.2.7", Diff: "+ rule"}); err != nil {
		t.Fatal(err)
	}
	b.readAll()
	b.flushHeard(t.Context())
	for name, endpoint := range map[string]string{
		"runtime.json": "/audits/runtime/serverless", "firewall.json": "/audits/firewall/app/serverless", "incident.json": "/audits/incidents",
		"mgmt.json": "/audits/mgmt", "defender.json": "/defenders", "alert.json": "/xsoar-alerts",
	} {
		answer, err := b.call(admin(), "GET "+endpoint, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if err := json.Indent(&got, answer.Raw, "", "  "); err != nil {
			t.Fatal(err)
		}
		got.WriteByte('\n')
		path := filepath.Join("testdata", name)
		if *updateGolden {
			if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
