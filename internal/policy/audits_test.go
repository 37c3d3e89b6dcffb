package policy

import (
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/autodefend/autodefend"
)

var update = flag.Bool("update", false, "rewrite testdata/audits.json")

// golden is what an audit takes from a decision.
type golden struct {
	Name       string                `json:"name"`
	Message    string                `json:"msg"`
	Type       autodefend.AuditType  `json:"type"`
	Attack     autodefend.AttackType `json:"attackType"`
	Effect     autodefend.Effect     `json:"effect"`
	Severity   autodefend.Severity   `json:"severity"`
	Techniques []string              `json:"attackTechniques"`
	Rule       string                `json:"ruleName"`
	Section    string                `json:"section"`
	Entry      string                `json:"entry"`
	Why        string                `json:"why"`
}

// auditRule denies one thing of each kind.
const auditRule = `{"name": "strict",
	"processes": {"effect": "prevent", "blacklist": ["wget"], "checkCryptoMiners": true, "blockAllBinaries": true},
	"network": {"effect": "alert", "blacklistIPs": ["198.51.100.0/24"],
		"blacklistOutboundPorts": [{"start": 25, "end": 25}], "blacklistListeningPorts": [{"start": 4000, "end": 4100}]},
	"dns": {"effect": "prevent", "blacklist": ["yahoo.com"]},
	"filesystem": {"effect": "block", "blacklist": ["/etc/shadow"]},
	"autodefend": {"tmpExecutables": "block", "readOnly": ["/var/task"]}}`

// auditEvents has an event for each detection.
func auditEvents() map[string]Event {
	asked := ask("yahoo.com")
	asked.Process = Process{PID: 9, Path: "/usr/bin/wget"}
	mined := start("/usr/local/bin/xmrig", "xmrig", "-o", "stratum+tcp://pool.example:3333", "--password", "hunter2")
	mined.Process.Path = "/usr/bin/bash"
	inMemory := start("memfd:stage2", "stage2")
	inMemory.Program.Fileless = true
	below := start("/tmp/tool", "/tmp/tool", "-v")
	below.Program.Writable = true
	opaque := start("/opt/bin/static")
	opaque.Tier, opaque.Program.Opaque = autodefend.TierPreload, true
	return map[string]Event{
		"01 denied process":     start("/usr/bin/wget", "wget", "https://example.com/x\x1b[2J"),
		"02 not the main one":   start("/usr/bin/dash", "sh", "-c", "id"),
		"03 crypto miner":       mined,
		"04 pool's name":        ask("pool.supportxmr.com"),
		"05 pool's port":        connect("203.0.113.9:14444"),
		"06 without a file":     inMemory,
		"07 from /tmp":          below,
		"08 opaque":             opaque,
		"09 tampering":          {Kind: Tamper, Detail: "kill of the supervisor"},
		"10 denied IP":          connect("198.51.100.7:443"),
		"11 denied port":        connect("[2001:db8::1]:25"),
		"12 denied listening":   listenOn("0.0.0.0:4040"),
		"13 denied DNS":         asked,
		"14 denied file":        use("/etc/shadow", Read),
		"15 read-only file":     use("/var/task/app.py", Write),
		"16 unknown process":    {Kind: Open, File: "/etc/shadow", Access: Read},
		"17 mapped address":     connect("[::ffff:198.51.100.8]:443"),
		"18 secret in the args": start("/usr/bin/curl", "curl", "--token", "hunter2", "--api-key=hunter2", "x"),
	}
}

// TestAuditWords holds every audit's words and fields to a file that is checked in.
func TestAuditWords(t *testing.T) {
	c := mustCompile(t, auditRule)
	opaqueOnly := mustCompile(t, `{"name": "net", "network": {"effect": "prevent"}}`)
	var got []golden
	events := auditEvents()
	for _, name := range sortedKeys(events) {
		by := c
		if name == "08 opaque" {
			by = opaqueOnly
		}
		d := by.Decide(events[name])
		if !d.Audit {
			t.Errorf("%s: no audit: %s", name, d.Why)
		}
		got = append(got, golden{name, d.Message, d.Type, d.Attack, d.Effect, d.Severity, d.Techniques, d.Rule, d.Section, d.Entry, d.Why})
	}
	text, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	const file = "testdata/audits.json"
	if *update {
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != string(text) {
		t.Errorf("audits differ from %s; after a deliberate change run go test -update\n%s", file, text)
	}
}
