package defend

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/waas"
)

// urlEvent is what a function URL gives, with a query and two secrets in its headers.
const urlEvent = `{"version":"2.0","routeKey":"$default","rawPath":"/items","rawQueryString":"id=%27+OR+%271%27%3D%271&access_token=q7Zt0pWm",` +
	`"cookies":["theme=dark","sid=q7Zt0pWm"],"headers":{"host":"abc.lambda-url.eu-west-1.on.aws","authorization":"Bearer q7Zt0pWm123","user-agent":"test/1","x-api-key":"q7Zt0pWm"},` +
	`"requestContext":{"accountId":"anonymous","domainName":"abc.lambda-url.eu-west-1.on.aws","requestId":"u-1","stage":"$default","time":"22/Nov/2026:05:00:00 +0000",` +
	`"http":{"method":"GET","path":"/items","protocol":"HTTP/1.1","sourceIp":"192.0.2.7","userAgent":"test/1"}},"isBase64Encoded":false}`

const queueEvent = `{"Records":[{"messageId":"m-1","receiptHandle":"r","body":"hello","attributes":{},"messageAttributes":{},"eventSource":"aws:sqs",` +
	`"eventSourceARN":"arn:aws:sqs:eu-west-1:123456789012:q","awsRegion":"eu-west-1"},` +
	`{"messageId":"m-2","receiptHandle":"r","body":"' OR '1'='1","attributes":{},"messageAttributes":{},"eventSource":"aws:sqs",` +
	`"eventSourceARN":"arn:aws:sqs:eu-west-1:123456789012:q","awsRegion":"eu-west-1"}]}`

// inspecting returns a rule with one effect for all classes.
func inspecting(effect autodefend.Effect) *policy.WAASRule {
	rule := policy.NewWAASRule("web")
	for _, class := range autodefend.AttackClasses() {
		rule.Applications[0].Protection(class).Effect = effect
	}
	return &rule
}

func withFirewall(rule *policy.WAASRule) func(*policy.Envelope) {
	return func(e *policy.Envelope) { e.WAAS = rule }
}

// invocation brings an event.
func invocation(data string) Invocation {
	return Invocation{RequestID: "r-1", Event: func() ([]byte, error) { return []byte(data), nil }}
}

// firewallAudits takes the audits of the firewall.
func (w *world) firewallAudits() []autodefend.FirewallAudit {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []autodefend.FirewallAudit
	for line := range strings.Lines(w.log.String()) {
		var a autodefend.FirewallAudit
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			w.t.Errorf("not a line of JSON: %q", line)
		}
		if a.Protection != "" {
			all = append(all, a)
		}
	}
	w.log.Reset()
	return all
}

func TestFirewallRefuses(t *testing.T) {
	w := protect(t, quietRule(), withFirewall(inspecting(autodefend.Prevent)))
	got := w.defender.Inspect(t.Context(), invocation(urlEvent))
	if got == nil || got.Failed || got.StatusCode != 403 {
		t.Fatalf("the answer is %+v, want a response with status 403", got)
	}
	audits := w.firewallAudits()
	if len(audits) != 1 {
		t.Fatalf("%d audits, want 1: %+v", len(audits), audits)
	}
	a := audits[0]
	if strings.Contains(toJSON(t, a), "q7Zt0pWm") {
		t.Errorf("a secret is in the audit: %s", toJSON(t, a))
	}
	if !strings.Contains(string(got.Body), a.EventID) || a.EventID == "" {
		t.Errorf("the answer %s doesn't name the audit's event %q", got.Body, a.EventID)
	}
	want := autodefend.FirewallAudit{
		AttackField: autodefend.AttackField{Type: "query", Key: "id", Value: "' OR '1'='1"}, AttackTechniques: []string{"exploitPublicFacingApplication"},
		ConnectingIPs: []string{"192.0.2.7"}, Count: 1, Effect: autodefend.Prevent, FQDN: "orders", Function: "orders", Method: "GET",
		OWASPAPITop10: "injection", OWASPTop10: "injection", Protection: autodefend.ProtectionFirewall, Provider: "aws", Region: "eu-west-1",
		RequestHeaderNames: []string{"host", "authorization", "user-agent", "x-api-key", "cookie"},
		RequestHeaders: "GET /items?id=%27+OR+%271%27%3D%271&access_token=*** HTTP/1.1\r\nhost: abc.lambda-url.eu-west-1.on.aws\r\n" +
			"authorization: ***\r\nuser-agent: test/1\r\nx-api-key: ***\r\ncookie: ***\r\n",
		RequestHost: "abc.lambda-url.eu-west-1.on.aws", RequestID: "r-1", RuleName: "web", Runtime: "python3.12", StatusCode: 403,
		Subnet: "192.0.2.7", Time: start, Type: autodefend.ClassSQLi,
		URL:     "abc.lambda-url.eu-west-1.on.aws/items?id=%27+OR+%271%27%3D%271&access_token=***",
		URLPath: "/items", URLQuery: "id=%27+OR+%271%27%3D%271&access_token=***", UserAgentHeader: "test/1", Version: "v1.2.3", Trigger: "functionURL",
	}
	want.ID, want.EventID, want.AccountID, want.FunctionID = a.ID, a.EventID, a.AccountID, a.FunctionID
	want.Msg, want.Rule, want.Match, want.RawEvent = a.Msg, a.Rule, a.Match, a.RawEvent // the engine's words
	if diff := cmp.Diff(want, a); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(a.Msg, `Detected SQL Injection attack in query parameter "id", match `) || a.Rule == "" || a.Match == "" {
		t.Errorf("msg %q, rule %q, match %q", a.Msg, a.Rule, a.Match)
	}
	if !strings.Contains(a.RawEvent, `"rawPath":"/items"`) {
		t.Errorf("the raw event is %s", a.RawEvent)
	}
}

func TestFirewallLetsPass(t *testing.T) {
	tests := []struct {
		name   string
		rule   *policy.WAASRule
		event  string
		audits int
	}{
		{"off", nil, urlEvent, 0},
		{"disabled", inspecting(autodefend.Disable), urlEvent, 0},
		{"alert", inspecting(autodefend.Alert), urlEvent, 1},
		{"nothing found", inspecting(autodefend.Prevent), `{"a":"b"}`, 0},
		{"queues aren't refused unless asked", inspecting(autodefend.Prevent), queueEvent, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := protect(t, quietRule(), withFirewall(tt.rule))
			if got := w.defender.Inspect(t.Context(), invocation(tt.event)); got != nil {
				t.Errorf("it answers %s", got.Body)
			}
			audits := w.firewallAudits()
			if len(audits) != tt.audits {
				t.Errorf("%d audits, want %d", len(audits), tt.audits)
			}
			for _, a := range audits {
				if a.Effect != autodefend.Alert || a.StatusCode != 0 {
					t.Errorf("effect %s, status %d", a.Effect, a.StatusCode)
				}
			}
		})
	}
}

func TestFirewallRefusesRecords(t *testing.T) {
	rule := inspecting(autodefend.Prevent)
	rule.Own.Triggers.Set("sqs", policy.TriggerSwitch{Effect: autodefend.Prevent})
	rule.Own.OnQueue = policy.QueueFailures
	w := protect(t, quietRule(), withFirewall(rule))
	got := w.defender.Inspect(t.Context(), invocation(queueEvent))
	if got == nil || string(got.Body) != `{"batchItemFailures":[{"itemIdentifier":"m-1"},{"itemIdentifier":"m-2"}]}` {
		t.Errorf("it answers %+v", got)
	}
	if audits := w.firewallAudits(); len(audits) != 1 || audits[0].Record != "m-2" {
		t.Errorf("audits %+v, want one of the second record", audits)
	}
}

// TestUnreadEvent: an event that can't be had passes or not, as the rule says, and never without a word.
func TestUnreadEvent(t *testing.T) {
	for mode, refused := range map[autodefend.FailMode]bool{autodefend.FailOpen: false, autodefend.FailClosed: true} {
		t.Run(string(mode), func(t *testing.T) {
			rule := inspecting(autodefend.Prevent)
			rule.Own.FailMode = mode
			w := protect(t, quietRule(), withFirewall(rule))
			got := w.defender.Inspect(t.Context(), Invocation{RequestID: "r-1", Event: func() ([]byte, error) { return nil, errors.New("too large") }})
			if (got != nil) != refused {
				t.Errorf("the answer is %+v", got)
			}
			if audits := w.firewallAudits(); len(audits) != 1 || audits[0].Type != autodefend.ClassLimitExceeded {
				t.Errorf("audits %+v", audits)
			}
			if !strings.Contains(w.errors.String(), "too large") {
				t.Errorf("the log says %s", w.errors.String())
			}
		})
	}
}

// TestFirewallShowsNoSecrets puts the same attack into places whose values are nobody's business.
func TestFirewallShowsNoSecrets(t *testing.T) {
	const secret, sqli = "q7Zt0pWm-3xK", "' UNION SELECT a FROM b-- -"
	variable := secret + "/&%é\"x"
	direct := func(value any) string { return toJSON(t, map[string]any{"title": value}) }
	web := func(part string) string {
		return strings.Replace(urlEvent, `"theme=dark","sid=q7Zt0pWm"`, part, 1)
	}
	tests := []struct{ name, event string }{
		{"cookie", web(toJSON(t, "sid="+secret+sqli))},
		{"secret name", toJSON(t, map[string]any{"password": secret + sqli})},
		{"token in the text", direct("Bearer " + secret + " " + sqli)},
		{"parameter in the text", direct("a=1&token=" + secret + "&b=2" + sqli)},
		{"document in the text", direct(`{"password":"` + secret + `","q":"` + sqli + `"}`)},
		{"the function's own variable", direct(variable + sqli)},
		{"the same in base64", toJSON(t, map[string]any{"q": sqli, "data": base64.StdEncoding.EncodeToString([]byte("it is " + variable + " here"))})},
		{"the same, escaped", toJSON(t, map[string]any{"q": sqli, "url": "https://a.example/?v=" + url.QueryEscape(variable) + "#" + url.PathEscape(variable)})},
		{"caller of an authorizer", `{"type":"REQUEST","version":"2.0","identitySource":["` + secret + `"],` + urlEvent[len(`{"version":"2.0",`):]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := protect(t, quietRule(), withFirewall(inspecting(autodefend.Prevent)))
			w.defender.scrub = newScrubber([]string{"VARIABLE=" + variable})
			w.defender.Inspect(t.Context(), invocation(tt.event))
			audits := w.firewallAudits()
			if len(audits) == 0 {
				t.Fatal("no audit")
			}
			text := toJSON(t, audits)
			for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte("it is " + secret))[:20]} {
				if strings.Contains(text, form) {
					t.Errorf("the secret shows: %s", text)
				}
			}
		})
	}
}

type broken struct{}

func (broken) Inspect(context.Context, []byte) waas.Verdict { panic("no") }

// TestPanicIsContained: the error says so, and the next event has a new engine.
func TestPanicIsContained(t *testing.T) {
	if _, err := inspect(t.Context(), broken{}, nil); err == nil || err.Error() != "panic: no" {
		t.Errorf("got %v", err)
	}
	w := protect(t, quietRule(), withFirewall(inspecting(autodefend.Prevent)))
	before := w.defender.state.Load()
	w.defender.renewFirewall(before)
	if after := w.defender.state.Load(); after.firewall == before.firewall || after.firewall == nil {
		t.Error("the engine is the same")
	}
}

// TestFirewallFlood: what a flood repeats is counted.
func TestFirewallFlood(t *testing.T) {
	w := protect(t, quietRule(), withFirewall(inspecting(autodefend.Alert)))
	for range 150 {
		w.defender.Inspect(t.Context(), invocation(urlEvent))
	}
	if audits := w.firewallAudits(); len(audits) != 101 || !strings.HasPrefix(audits[100].Msg, "High rate of sqli events") {
		t.Errorf("%d audits", len(audits))
	}
	w.pass(time.Hour)
	w.defender.Next(t.Context())
	if audits := w.firewallAudits(); len(audits) != 1 || audits[0].Count != 49 {
		t.Errorf("audits %+v, want one sum of 49", audits)
	}
}

func toJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// quietRule is a runtime rule that is off.
func quietRule() policy.Rule { return policy.Rule{Name: "all"} }
