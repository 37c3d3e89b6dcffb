package policy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
)

// TestDecisions runs the vectors in testdata/decisions. A file has a rule as JSON, an empty line, and a line for each
// event: the verdict, the entry that decided or "-", and the event.
func TestDecisions(t *testing.T) {
	files, err := filepath.Glob("testdata/decisions/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no vectors", err)
	}
	total := 0
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			rule, vectors, _ := strings.Cut(withoutComments(string(text)), "\n\n")
			c := mustCompile(t, rule)
			// What was carried to the function must decide alike.
			value, err := Encode(Envelope{Rule: mustRule(t, rule), Target: Target{Function: "f"}}, testKey(1), 0)
			if err != nil {
				t.Fatal(err)
			}
			e, err := Decode(value, nil)
			if err != nil {
				t.Fatal(err)
			}
			carried, err := Compile(e.Rule)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(vectors) {
				if line = strings.TrimSpace(line); line == "" {
					continue
				}
				total++
				checkVector(t, c, line)
				checkVector(t, carried, line)
			}
		})
	}
	t.Logf("figure: %d decisions in %d rules", total, len(files))
}

func withoutComments(text string) string {
	var kept []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// checkVector decides one line.
func checkVector(t *testing.T, c *Compiled, line string) {
	t.Helper()
	verdict, rest, _ := strings.Cut(line, " ")
	entry, event, _ := strings.Cut(strings.TrimSpace(rest), " ")
	if entry == "-" {
		entry = ""
	}
	e, err := ParseEvent([]byte(event))
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	d := c.Decide(e)
	if got := verdictOf(d); got != verdict || d.Entry != entry {
		t.Errorf("%s\n\tgot %s %s: %s", line, got, d.Entry, d.Why)
	}
	if d.Audit && d.Message == "" || !d.Audit && d.Message != "" {
		t.Errorf("%s\n\tmessage %q", line, d.Message)
	}
}

// verdictOf is a decision in a word.
func verdictOf(d Decision) string {
	switch {
	case d.End && d.Deny && d.Audit:
		return "end"
	case d.Deny && d.Audit:
		return "deny"
	case d.Audit && !d.End:
		return "audit"
	case !d.Deny && !d.End:
		return "allow"
	default:
		return fmt.Sprintf("impossible: %+v", d)
	}
}

func TestDecideUnknownKind(t *testing.T) {
	c := mustCompile(t, auditRule)
	if d := c.Decide(Event{Kind: "dance"}); verdictOf(d) != "allow" || d.Why == "" {
		t.Errorf("decision %+v", d)
	}
}

func TestZeroCompiledAllows(t *testing.T) {
	nobody, err := Compile(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*Compiled{{}, nobody} {
		for _, name := range sortedKeys(auditEvents()) {
			if d := c.Decide(auditEvents()[name]); verdictOf(d) != "allow" {
				t.Errorf("%s: %+v", name, d)
			}
		}
		if c.RuleName() != "" || !c.Sections().Off() || c.FailMode() != autodefend.FailOpen || len(c.Notices()) != 0 {
			t.Errorf("a policy without a rule isn't off: %+v", c.Sections())
		}
	}
}

// TestAllowedActsDontAllocate: they are the many.
func TestAllowedActsDontAllocate(t *testing.T) {
	c := mustCompile(t, `{"name": "r", "advancedProtection": true,
		"processes": {"effect": "prevent", "blacklist": ["wget"], "whitelist": ["git"], "checkCryptoMiners": true},
		"network": {"effect": "prevent", "blacklistIPs": ["192.0.2.0/24"], "whitelistIPs": ["203.0.113.0/24"]},
		"dns": {"effect": "prevent", "whitelist": ["*.example"]},
		"filesystem": {"effect": "prevent", "blacklist": ["/etc/shadow"]}}`)
	for name, e := range map[string]Event{
		"exec": start("/usr/bin/git", "git", "status"), "connect": connect("203.0.113.9:443"), "loopback": connect("127.0.0.1:9001"),
		"listen": listenOn("0.0.0.0:8080"), "resolve": ask("api.example"), "open": use("/var/task/app.py", Read),
	} {
		if d := c.Decide(e); d.Deny || d.Audit {
			t.Fatalf("%s isn't allowed: %s", name, d.Why)
		}
		if n := testing.AllocsPerRun(100, func() { c.Decide(e) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
