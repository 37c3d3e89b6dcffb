package notify

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// loopback lets a test's own servers be connected to.
func loopback() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

func newNotifier(t *testing.T, cfg Config) *Notifier {
	t.Helper()
	if cfg.Allow == nil {
		cfg.Allow = loopback()
	}
	cfg.Version, cfg.Hostname = "1.2.3", "console.test"
	if cfg.Now == nil {
		cfg.Now = func() time.Time { return time.Date(2026, 11, 22, 12, 0, 1, 0, time.UTC) }
	}
	return New(cfg)
}

const functionARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders"

// runtimeAudit is an audit of a process that was stopped.
func runtimeAudit(id string) api.AlertAudit {
	at := time.Date(2026, 11, 22, 12, 0, 0, 123e6, time.UTC)
	audit := autodefend.Audit{
		ID: id, AccountID: "123456789012", AttackType: autodefend.AttackDeniedProcess, Command: "curl -s evil.example", Effect: autodefend.Prevent,
		Function: "orders", FunctionID: functionARN, Msg: "/usr/bin/curl launched and denied", PID: 42, ProcessPath: "/usr/bin/curl",
		Provider: "aws", Region: "eu-west-1", RequestID: "r-1", RuleName: "strict", Runtime: "python3.13", Severity: autodefend.SeverityHigh,
		Time: at, Type: autodefend.AuditProcesses, AttackTechniques: []string{"nativeBinaryExecution"}, Coverage: autodefend.Enforced,
	}
	body, err := json.Marshal(audit)
	if err != nil {
		panic(err)
	}
	return api.AlertAuditOf(api.AuditRecord{
		ID: id, Stream: api.StreamRuntime, Time: at, Received: at.Add(time.Second), Account: audit.AccountID, Region: audit.Region, Function: audit.Function,
		FunctionID: audit.FunctionID, Runtime: audit.Runtime, Provider: "aws", Type: string(audit.Type), AttackType: string(audit.AttackType),
		Effect: string(audit.Effect), Rule: audit.RuleName, RequestID: audit.RequestID, Severity: string(audit.Severity), Msg: audit.Msg,
		Techniques: ",nativeBinaryExecution,", Count: 1, Body: body,
	})
}

// firewallAudit is an attack that was only recorded.
func firewallAudit(id string) api.AlertAudit {
	a := runtimeAudit(id)
	a.Type, a.AttackType, a.Effect, a.Severity, a.Techniques = "sqli", "", "alert", "", nil
	a.Msg = "Detected SQL Injection attack in query parameter id"
	a.Body = json.RawMessage(`{"_id":"` + id + `","subnet":"203.0.113.9","requestHost":"api.example.com","method":"GET","urlPath":"/orders","type":"sqli","effect":"alert"}`)
	return a
}

func runtimeAlert(ids ...string) api.Alert {
	alert := api.Alert{ID: "alert-1", Profile: "security", Kind: api.AlertServerlessRuntime}
	for _, id := range ids {
		alert.Audits = append(alert.Audits, runtimeAudit(id))
	}
	return alert
}

func firewallAlert() api.Alert {
	return api.Alert{ID: "alert-2", Profile: "security", Kind: api.AlertServerlessAppFirewall, Audits: []api.AlertAudit{firewallAudit("f1")}}
}

// hostileTexts try to leave the place they are put into.
func hostileTexts() []string {
	return []string{
		"a\r\nBcc: victim@example.com", "a\nRCPT TO:<x@y>", "\r\n.\r\nMAIL FROM:<a@b>", `"}],"x":{"y":"`, `"]`, `\`, "<!channel> <http://evil|ok>", "#type #rest",
		"\x00\x1b[31m", "\u2028\u2029", "\xff\xfe", "a] [evil@1 x=\"y\"", "\u202egnp.exe", "=?utf-8?q?=0D=0ABcc:_x?=", "\ufeff<14>1 - - - -", "\x7f\u0085\u009b31m",
	}
}

// hostileAlert has a text in all its places.
func hostileAlert(text string) api.Alert {
	a := runtimeAudit(text)
	a.Account, a.Region, a.Function, a.FunctionID, a.Runtime, a.Type, a.AttackType = text, text, text, text, text, text, text
	a.Effect, a.Rule, a.RequestID, a.Severity, a.Msg, a.Techniques = text, text, text, text, text, []string{text}
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	a.Body = json.RawMessage(`{"msg":` + string(quoted) + `,"command":` + string(quoted) + `,"ip":` + string(quoted) + `}`)
	return api.Alert{ID: text, Profile: text, Kind: api.AlertServerlessRuntime, Audits: []api.AlertAudit{a, a}}
}
