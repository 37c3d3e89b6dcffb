package settings

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/policy"
)

// record stores audits.
func (w *world) record(all ...api.AuditRecord) {
	w.t.Helper()
	if _, err := w.store.AppendAudits(w.t.Context(), all); err != nil {
		w.t.Fatal(err)
	}
}

// runtimeAudit makes a stored audit as a Defender writes it.
func runtimeAudit(t *testing.T, id, function string, at time.Time, e policy.Event) api.AuditRecord {
	t.Helper()
	all := policy.Rule{
		Name:       "old",
		Processes:  policy.Processes{Effect: autodefend.Alert, Deny: []string{"wget"}, Miners: true},
		Network:    policy.Network{Effect: autodefend.Alert, DenyIPs: []string{"203.0.113.0/24"}, DenyPorts: []policy.PortRange{{Start: 25, End: 25}}, DenyListen: []policy.PortRange{{Start: 1, End: 65535}}},
		DNS:        policy.DNS{Effect: autodefend.Alert, Deny: []string{"evil.example"}},
		Filesystem: policy.Filesystem{Effect: autodefend.Alert, Deny: []string{"/etc/shadow"}},
		Own:        policy.Extension{Fileless: autodefend.Alert, TmpExecutables: autodefend.Alert},
	}
	compiled, err := policy.Compile(&all)
	if err != nil {
		t.Fatal(err)
	}
	d := compiled.Decide(e)
	if !d.Audit {
		t.Fatalf("%s: no audit of %+v", id, e)
	}
	a := autodefend.Audit{
		ID: id, AccountID: account, Region: region, Function: function, Effect: d.Effect, AttackType: d.Attack, Type: d.Type, Msg: d.Message,
		RuleName: d.Rule, Time: at, Count: 2, ProcessPath: e.Process.Path, Command: e.Process.Command, Tier: autodefend.TierKernel,
	}
	switch e.Kind {
	case policy.Exec:
		a.ProcessPath, a.Command = e.Program.Path, strings.Join(e.Program.Args, " ")
	case policy.Connect, policy.Listen:
		a.Port = int(e.Address.Port())
		if e.Kind == policy.Connect {
			a.IP = e.Address.Addr().String()
		}
	case policy.Resolve:
		a.Domain = e.Domain
	case policy.Open:
		a.Filepath = e.File
	case policy.Tamper:
		a.Err = e.Detail
	}
	body, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	return api.AuditRecord{
		ID: id, Stream: api.StreamRuntime, Time: at, Received: at, Account: account, Region: region, Function: function, Type: string(a.Type),
		AttackType: string(a.AttackType), Effect: string(a.Effect), Rule: a.RuleName, Msg: a.Msg, Count: a.Count, Body: body,
	}
}

// acts is one act of each kind that audits are made of.
func acts() map[string]policy.Event {
	p := policy.Process{PID: 7, Path: "/usr/bin/python3", Command: "python3 app.py"}
	at := netip.MustParseAddrPort
	return map[string]policy.Event{
		"exec":     {Kind: policy.Exec, Program: policy.Program{Path: "/usr/bin/wget", Args: []string{"wget", "http://x"}}},
		"memfd":    {Kind: policy.Exec, Program: policy.Program{Path: "memfd:x", Args: []string{"x"}, Fileless: true}},
		"tmp":      {Kind: policy.Exec, Program: policy.Program{Path: "/tmp/x", Args: []string{"x"}, Writable: true}},
		"miner":    {Kind: policy.Exec, Program: policy.Program{Path: "/opt/xmrig", Args: []string{"xmrig"}}},
		"pool":     {Kind: policy.Resolve, Process: p, Domain: "pool.minexmr.com"},
		"ip":       {Kind: policy.Connect, Process: p, Address: at("203.0.113.9:443"), Protocol: "tcp"},
		"port":     {Kind: policy.Connect, Process: p, Address: at("198.51.100.1:25"), Protocol: "tcp"},
		"listen":   {Kind: policy.Listen, Process: p, Address: at("0.0.0.0:8080"), Protocol: "tcp"},
		"dns":      {Kind: policy.Resolve, Process: p, Domain: "evil.example"},
		"file":     {Kind: policy.Open, Process: p, File: "/etc/shadow", Access: policy.Read},
		"tampered": {Kind: policy.Tamper, Process: p, Detail: "kill"},
	}
}

func (w *world) simulated(path, body string) api.Simulation {
	w.t.Helper()
	var got api.Simulation
	raw := w.must("POST", path+"/simulate", body)
	if err := json.Unmarshal([]byte(raw), &got); err != nil {
		w.t.Fatal(err)
	}
	if strings.Contains(raw, "null") {
		w.t.Errorf("lists that are null: %s", raw)
	}
	return got
}

func TestSimulateRuntime(t *testing.T) {
	w := newWorld(t)
	w.must("POST", "/collections", `{"name":"orders","functions":["orders"]}`)
	for name, e := range acts() {
		w.record(runtimeAudit(t, name, functionName, w.now().Add(-time.Hour), e))
	}
	w.record(runtimeAudit(t, "elsewhere", "payments", w.now().Add(-time.Hour), acts()["dns"]))
	w.record(runtimeAudit(t, "long ago", functionName, w.now().Add(-48*time.Hour), acts()["dns"]))
	before, audits := w.must("GET", runtimePath, ""), len(w.mgmt())

	strict := `{"policy":{"rules":[{"name":"strict","collections":["orders"],
		"processes":{"effect":"prevent","blacklist":["wget"],"checkCryptoMiners":true},"autodefend":{"fileless":"prevent","tmpExecutables":"prevent"},
		"network":{"effect":"prevent","blacklistIPs":["203.0.113.9"],"blacklistOutboundPorts":[{"start":25,"end":25}],"blacklistListeningPorts":[{"start":8080,"end":8080}]},
		"dns":{"effect":"block","blacklist":["*.example"]},"filesystem":{"effect":"prevent","blacklist":["/etc"]}}]}}`
	got := w.simulated(runtimePath, strict)
	news := make(map[string]string)
	for _, x := range got.Samples {
		news[x.ID] = x.New
		if x.Old == x.New || x.Function == "" || x.Why == "" || x.OldRule != "old" || x.New != "none" && x.NewRule != "strict" {
			t.Errorf("sample %+v", x)
		}
	}
	want := map[string]string{
		"exec": "prevent", "memfd": "prevent", "tmp": "prevent", "miner": "prevent", "pool": "prevent", "ip": "prevent", "port": "prevent",
		"listen": "prevent", "dns": "block", "file": "prevent", "elsewhere": "none",
	}
	if d := cmp.Diff(want, news); d != "" {
		t.Error(d)
	}
	if got.Audits != 12 || got.Events != 24 || got.Truncated || got.Unknown != 0 || !got.To.Equal(w.now()) || !got.From.Equal(w.now().Add(-24*time.Hour)) {
		t.Errorf("%+v", got)
	}
	// Tampering is prevented by both.
	outcomes := []api.SimulationOutcome{
		{Old: "alert", New: "prevent", Audits: 9, Events: 18},
		{Old: "alert", New: "block", Audits: 1, Events: 2},
		{Old: "alert", New: "none", Audits: 1, Events: 2},
		{Old: "prevent", New: "prevent", Audits: 1, Events: 2},
	}
	if d := cmp.Diff(outcomes, got.Outcomes); d != "" {
		t.Error(d)
	}

	// The policy in force is none.
	if got := w.simulated(runtimePath, `{"from":"2026-11-01T00:00:00Z"}`); got.Audits != 13 || len(got.Outcomes) != 2 || got.Outcomes[0].New != "none" {
		t.Errorf("nothing in force: %+v", got)
	}
	if got := w.simulated(runtimePath, `{"limit":5}`); got.Audits != 5 || !got.Truncated {
		t.Errorf("limited: %+v", got)
	}
	if got := w.simulated(runtimePath, `{"limit":12}`); got.Audits != 12 || got.Truncated {
		t.Errorf("exactly limited: %+v", got)
	}
	if got := w.simulated(runtimePath, `{"policy":{"name":"r","collections":["All"],"dns":{"effect":"disable","blacklist":["x"]}}}`); len(got.Remarks) == 0 {
		t.Error("no remarks")
	}
	if after := w.must("GET", runtimePath, ""); after != before || len(w.mgmt()) != audits {
		t.Error("trying a policy changed something")
	}
}

func TestSimulationRefuses(t *testing.T) {
	w := newWorld(t)
	for body, words := range map[string]string{
		``:                     "JSON",
		`{"limit":-1}`:         "limit: ",
		`{"limit":10001}`:      "limit: ",
		`{"from":"yesterday"}`: "2006",
		`{"from":"2026-11-22T00:00:00Z","to":"2026-11-21T00:00:00Z"}`: "to: ",
		`{"policy":{"rules":[{"name":"a","collections":["nope"]}]}}`:  "rules[0].collections[0].name",
		`{"policy":7}`: "want a policy",
	} {
		w.refused("POST", runtimePath+"/simulate", body, autodefend.CodeInvalid, words)
	}
	p := administrator()
	delete(p.Permissions, api.PermMonitorRuntimeServerless)
	if _, err := w.callAs(p, "POST", runtimePath+"/simulate", `{}`, nil); autodefend.ErrorCode(err) != autodefend.CodeDenied {
		t.Errorf("without permission: %v", err)
	}
	w.simulates.Lock()
	defer w.simulates.Unlock()
	w.refused("POST", runtimePath+"/simulate", `{}`, autodefend.CodeThrottled)
}

func TestSimulationKeepsToCollections(t *testing.T) {
	w := newWorld(t)
	w.must("POST", "/collections", `{"name":"payments","functions":["payments"]}`)
	w.record(runtimeAudit(t, "1", functionName, w.now(), acts()["dns"]), runtimeAudit(t, "2", "payments", w.now(), acts()["dns"]))
	p := administrator()
	p.Collections = []string{"payments"}
	answer, err := w.callAs(p, "POST", runtimePath+"/simulate", `{}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, ok := answer.JSON.(api.Simulation)
	if !ok || got.Audits != 1 || got.Samples[0].ID != "2" {
		t.Errorf("%+v", got)
	}
}

func firewallAudit(t *testing.T, id string, class autodefend.AttackClass, event string, at time.Time) api.AuditRecord {
	t.Helper()
	a := autodefend.FirewallAudit{ID: id, Type: class, Effect: autodefend.Alert, RawEvent: event, RuleName: "old", Function: functionName, Time: at}
	body, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	return api.AuditRecord{
		ID: id, Stream: api.StreamFirewall, Time: at, Received: at, Account: account, Region: region, Function: functionName, Type: string(class),
		Effect: "alert", Rule: "old", Count: 1, Body: body,
	}
}

// request is an event of a Function URL.
func request(query string) string {
	return fmt.Sprintf(`{"version":"2.0","rawPath":"/items","rawQueryString":%q,"headers":{"host":"h","user-agent":"Mozilla/5.0"},
		"requestContext":{"domainName":"x.lambda-url.eu-west-1.on.aws","http":{"method":"GET","path":"/items","sourceIp":"192.0.2.1"}},"isBase64Encoded":false}`, query)
}

func TestSimulateFirewall(t *testing.T) {
	w := newWorld(t)
	now := w.now()
	w.record(
		firewallAudit(t, "sqli", autodefend.ClassSQLi, request("id=1%27%20OR%20%271%27%3D%271"), now),
		firewallAudit(t, "lfi", autodefend.ClassLFI, request("file=../../../../etc/passwd"), now),
		firewallAudit(t, "lost", autodefend.ClassLFI, "", now),
	)
	got := w.simulated(firewallPath, `{"policy":{"rules":[{"name":"new","collections":["All"],"applicationsSpec":[{"sqli":{"effect":"prevent"}}]}]}}`)
	news := make(map[string]string)
	for _, x := range got.Samples {
		news[x.ID] = x.New
	}
	if d := cmp.Diff(map[string]string{"sqli": "prevent", "lfi": "none"}, news); d != "" || got.Unknown != 1 || got.Audits != 3 {
		t.Errorf("%s: %+v", d, got)
	}
	got = w.simulated(firewallPath, `{"policy":{"rules":[{"name":"new","collections":["All"],"applicationsSpec":[
		{"lfi":{"effect":"alert"},"sqli":{"effect":"prevent","exceptionFields":[{"location":"query","key":"id"}]}}]}]}}`)
	if d := cmp.Diff([]api.SimulationOutcome{{Old: "alert", New: "alert", Audits: 1, Events: 1}, {Old: "alert", New: "none", Audits: 1, Events: 1}}, got.Outcomes); d != "" {
		t.Error(d)
	}
}
