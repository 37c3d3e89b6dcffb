package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/lambdasim"
)

// TestClients runs programs that aren't ours against a Console in a process of its own, each with a Console of its own. They
// do what Prisma's documents show and what its SDK and Terraform providers send.
func TestClients(t *testing.T) {
	for script, tools := range map[string][]string{
		"curl.sh": {"bash", "curl", "jq"}, "sdk.py": {"python3"}, "terraform.py": {"python3"},
	} {
		t.Run(script, func(t *testing.T) {
			for _, tool := range tools {
				if _, err := exec.LookPath(tool); err != nil {
					t.Skipf("SKIPPED: %s isn't installed: %v", tool, err)
				}
			}
			w := newRuleWorld(t, "orders")
			programs := t.TempDir()
			if err := writePrograms(programs); err != nil {
				t.Fatal(err)
			}
			console := startReplica(t, script, filepath.Join(t.TempDir(), databaseFile), programs)
			reportAudits(t, console)
			command := exec.CommandContext(t.Context(), tools[0], filepath.Join("testdata", "clients", script))
			command.Env = append(os.Environ(), "CONSOLE="+console.url, "CONSOLE_USER="+firstAdministrator, "CONSOLE_PASSWORD="+adminPassword)
			said, err := command.CombinedOutput()
			if err != nil || !strings.HasSuffix(strings.TrimSpace(string(said)), "passed") {
				t.Errorf("%v\n%s", err, said)
			}
			if changed := w.updated(); len(changed) > 0 {
				t.Errorf("functions were changed: %v", changed)
			}
		})
	}
}

// reportAudits reports, as Defenders do, 70 runtime audits of four functions, one of them an incident, and 3 of the firewall.
func reportAudits(t *testing.T, console *replicaProcess) {
	t.Helper()
	functions := map[string]int{"orders": 30, "billing": 10, "search": 29, "mail": 1}
	now := time.Now().UTC()
	n := 0
	for name, count := range functions {
		var token api.TokenResponse
		if err := json.Unmarshal(console.must("POST", "/defender-tokens", "", `{"accountID":"`+lambdasim.DemoProduction+`","region":"us-east-1","function":"`+name+`"}`), &token); err != nil {
			t.Fatal(err)
		}
		var batch []autodefend.Audit
		for range count {
			n++
			a := autodefend.Audit{
				ID: fmt.Sprintf("9b0f7f0a-7d5c-4c36-8b7b-%012d", n), Effect: autodefend.Prevent, Type: autodefend.AuditProcesses, AttackType: autodefend.AttackDeniedProcess,
				Msg: "id launched", Function: name, Region: "us-east-1", AccountID: lambdasim.DemoProduction, RuleName: "r", FQDN: name, Time: now.Add(-time.Duration(n) * time.Second), Count: 1,
			}
			if name == "mail" {
				a.AttackType, a.Msg = autodefend.AttackCryptoMiner, "xmrig launched and is identified as a crypto miner. Full command: /tmp/xmrig"
			}
			batch = append(batch, a)
		}
		body, err := json.Marshal(batch)
		if err != nil {
			t.Fatal(err)
		}
		console.must("POST", "/defender/audits", token.Token, string(body))
		if name == "billing" {
			console.must("POST", "/defender/audits/firewall", token.Token, firewallAudits(t, name, now))
		}
	}
	eventually(t, time.Minute, "the incident is made", func() bool {
		var incidents []api.Incident
		if err := json.Unmarshal(console.must("GET", "/audits/incidents", "", ""), &incidents); err != nil {
			t.Fatal(err)
		}
		return len(incidents) == 1
	})
}

// firewallAudits are three of one function.
func firewallAudits(t *testing.T, function string, now time.Time) string {
	t.Helper()
	var batch []autodefend.FirewallAudit
	for i := range 3 {
		batch = append(batch, autodefend.FirewallAudit{
			ID: fmt.Sprintf("9b0f7f0a-7d5c-4c36-8b7c-%012d", i), Effect: autodefend.Prevent, Type: autodefend.ClassSQLi, Protection: autodefend.ProtectionFirewall, Msg: "Detected SQL Injection attack in query parameter",
			Function: function, Region: "us-east-1", AccountID: lambdasim.DemoProduction, RuleName: "r", FQDN: function, Time: now, Count: 1,
		})
	}
	body, err := json.Marshal(batch)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
