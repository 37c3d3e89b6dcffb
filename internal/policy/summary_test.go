package policy

import (
	"fmt"
	"strings"
	"testing"
)

// longRule has lists of every kind that are too long for a variable.
func longRule() string {
	ports := func(n int, deny string) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf(`{"start": %d, "end": %d, "deny": %s}`, 1000+i*37, 1000+i*37+i%5, deny))
		}
		return strings.Join(all, ",")
	}
	return `{"name": "long", "advancedProtection": true, "customRules": [{"_id": 7, "action": "audit", "effect": "alert"}],
		"processes": {"effect": "prevent", "whitelist": [` + quoted(150, "/opt/tools/bin/tool-%x") + `], "blacklist": [` + quoted(150, "bad-%d-program") + `]},
		"network": {"effect": "prevent", "whitelistIPs": [` + quoted(150, "10.7.%d.0/24") + `], "blacklistIPs": [` + quoted(150, "10.7.1.%d") + `],
			"whitelistOutboundPorts": [` + ports(60, "false") + `], "blacklistOutboundPorts": [` + ports(60, "true") + `], "blacklistListeningPorts": [` + ports(60, "true") + `]},
		"dns": {"effect": "prevent", "whitelist": [` + quoted(150, "host-%d.internal.example") + `], "blacklist": [` + quoted(150, "bad-%d.example") + `]},
		"filesystem": {"effect": "prevent", "whitelist": [` + quoted(150, "/mnt/data/%d") + `], "blacklist": ["/etc/shadow"]},
		"autodefend": {"helpers": [` + quoted(150, "helper-%d") + `], "failMode": "closed", "fileless": "prevent",
			"exceptions": [{"processes": ["git"], "domains": [` + quoted(150, "x%d.github.com") + `]}]}}`
}

// TestSummaryFits: whatever room there is, the value fits or there is an error, and it's marked.
func TestSummaryFits(t *testing.T) {
	e := testEnvelope(t, longRule())
	full, err := Encode(e, testKey(1), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("figure: TW_POLICY with 1,000 entries: %d bytes", len(full))
	sizes := map[int]bool{}
	for limit := len(full); limit > 100; limit -= max(20, limit/8) {
		value, err := Encode(e, testKey(1), limit)
		if err != nil {
			if !strings.Contains(err.Error(), "there is room for") || limit > 600 {
				t.Errorf("with %d bytes: %v", limit, err)
			}
			continue
		}
		got, err := Decode(value, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(value) > limit || got.Summary != (len(value) < len(full)) {
			t.Errorf("with %d bytes: %d, summary %t", limit, len(value), got.Summary)
		}
		sizes[len(value)] = true
		if got.Rule.Processes.Effect != "prevent" || got.FailMode != "closed" || got.Rule.Own.Fileless != "prevent" || got.Console.Address == "" || len(got.Rule.Filesystem.Deny) != 1 {
			t.Errorf("with %d bytes the summary lost something: %+v", limit, got)
		}
	}
	t.Logf("figure: summaries of %d different sizes", len(sizes))
	if len(sizes) < 6 {
		t.Errorf("only %d steps between everything and nothing", len(sizes))
	}
}

func TestSummaryNeedsAConsole(t *testing.T) {
	e := testEnvelope(t, longRule())
	e.Console = Console{}
	if _, err := Encode(e, testKey(1), 1000); err == nil || !strings.Contains(err.Error(), "there is room for 1000") {
		t.Errorf("a summary that nobody completes: %v", err)
	}
}

// TestSummariesLeaveTheRuleAlone: they are made of copies.
func TestSummariesLeaveTheRuleAlone(t *testing.T) {
	rule := mustRule(t, longRule())
	before, err := marshalWalker(rule)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for range candidates(rule, nil) {
		n++
	}
	after, err := marshalWalker(rule)
	if err != nil || string(before) != string(after) || n < 8 {
		t.Errorf("%d candidates, and the rule became %.100s, %v", n, after, err)
	}
}

func TestCandidatesOfNothing(t *testing.T) {
	n := 0
	for r := range candidates(nil, nil) {
		if n++; r != nil {
			t.Errorf("made a rule of nothing: %+v", r)
		}
	}
	if n != 1 {
		t.Errorf("%d candidates", n)
	}
}

// TestCandidatesEnd: the last one has no lists left but those that it must keep.
func TestCandidatesEnd(t *testing.T) {
	var last *Rule
	for r := range candidates(mustRule(t, longRule()), nil) {
		last = r
	}
	c, err := Compile(last)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []Event{
		start("/opt/tools/bin/tool-1"), start("/usr/bin/id"), connect("10.7.3.3:443"), connect("203.0.113.9:443"),
		ask("host-0.internal.example"), ask("logs.eu-west-1.amazonaws.com"), use("/etc/shadow", Read), use("/mnt/data/3", Read),
	} {
		if d := c.Decide(e); !d.Deny {
			t.Errorf("%s %s is allowed: %s", e.Kind, subject(&e), d.Why)
		}
	}
	for _, e := range []Event{{Kind: Exec, Program: Program{Path: "/x", Main: true}}, connect("127.0.0.1:9001"), ask("localhost"), use("/var/task/app.py", Read)} {
		if d := c.Decide(e); d.Deny {
			t.Errorf("%s %s is denied: %s", e.Kind, subject(&e), d.Why)
		}
	}
}

// TestSummaryDeniesBuiltins: what advanced protection adds stays denied when a summary loses the deny list.
func TestSummaryDeniesBuiltins(t *testing.T) {
	rule := mustRule(t, `{"name": "r", "advancedProtection": true,
		"dns": {"effect": "prevent", "whitelist": ["a.example"], "blacklist": ["sts.*.amazonaws.com"]},
		"network": {"effect": "prevent", "whitelistIPs": ["10.0.0.0/8"], "blacklistIPs": ["169.254.79.129"]}}`)
	onlyDNS := *rule
	onlyDNS.Network = Network{}
	for _, r := range []*Rule{rule, &onlyDNS} {
		for summary := range candidates(r, nil) {
			c, err := Compile(summary)
			if err != nil {
				t.Fatal(err)
			}
			if d := c.Decide(ask("sts.eu-west-1.amazonaws.com")); !d.Deny {
				t.Errorf("a denied name is allowed: %s", d.Why)
			}
			if d := c.Decide(connect("169.254.79.129:2000")); r == rule && !d.Deny {
				t.Errorf("a denied address is allowed: %s", d.Why)
			}
		}
	}
}
