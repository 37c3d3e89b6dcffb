package api

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
)

// Alert is what one channel of a profile is told at once: an audit, and those that came in its buffer period.
type Alert struct {
	// ID is the same when the alert is sent again.
	ID      string    `json:"id"`
	Profile string    `json:"profile"`
	Kind    AlertKind `json:"kind"`
	// Test marks a sample that an operator asked for.
	Test   bool         `json:"test,omitempty"`
	Audits []AlertAudit `json:"audits"`
}

// AlertAudit is an audit as alerts tell it.
type AlertAudit struct {
	ID         string          `json:"id"`
	Time       time.Time       `json:"time"`
	Received   time.Time       `json:"received"`
	Account    string          `json:"accountID,omitempty"`
	Region     string          `json:"region,omitempty"`
	Function   string          `json:"function,omitempty"`
	FunctionID string          `json:"functionID,omitempty"`
	Runtime    string          `json:"runtime,omitempty"`
	Provider   string          `json:"provider,omitempty"`
	Type       string          `json:"type,omitempty"`
	AttackType string          `json:"attackType,omitempty"`
	Effect     string          `json:"effect,omitempty"`
	Rule       string          `json:"ruleName,omitempty"`
	RequestID  string          `json:"requestID,omitempty"`
	Severity   string          `json:"severity,omitempty"`
	Msg        string          `json:"msg,omitempty"`
	Count      int             `json:"count,omitempty"`
	Techniques []string        `json:"attackTechniques,omitempty"`
	Body       json.RawMessage `json:"audit,omitempty"`
}

// AlertAuditOf returns a stored audit as alerts tell it.
func AlertAuditOf(r AuditRecord) AlertAudit {
	a := AlertAudit{
		ID: r.ID, Time: r.Time, Received: r.Received, Account: r.Account, Region: r.Region, Function: r.Function,
		FunctionID: r.FunctionID, Runtime: r.Runtime, Provider: r.Provider, Type: r.Type, AttackType: r.AttackType,
		Effect: r.Effect, Rule: r.Rule, RequestID: r.RequestID, Severity: r.Severity, Msg: r.Msg, Count: r.Count,
	}
	if techniques := strings.Trim(r.Techniques, ","); techniques != "" {
		a.Techniques = strings.Split(techniques, ",")
	}
	if json.Valid(r.Body) {
		a.Body = json.RawMessage(r.Body)
	}
	return a
}

// Blocked reports whether the act was stopped before it could do anything.
func (a AlertAudit) Blocked() bool {
	var body struct{ Coverage autodefend.Coverage }
	if json.Unmarshal(a.Body, &body) != nil {
		body.Coverage = ""
	}
	stops := autodefend.Effect(a.Effect).Stops() || autodefend.Effect(a.Effect) == autodefend.Ban
	return stops && (body.Coverage == "" || body.Coverage == autodefend.Enforced)
}

// Title is the kind in words.
func (k AlertKind) Title() string {
	if k == AlertServerlessAppFirewall {
		return "Serverless WAAS"
	}
	return "Serverless Runtime"
}

// First returns the alert's first audit, or none of an empty alert.
func (a Alert) First() AlertAudit {
	if len(a.Audits) == 0 {
		return AlertAudit{}
	}
	return a.Audits[0]
}

// Rest returns the audits after the first.
func (a Alert) Rest() []AlertAudit {
	if len(a.Audits) < 2 {
		return []AlertAudit{}
	}
	return a.Audits[1:]
}

// Macro returns the value of one of Prisma's macros, or of ours, as JSON. Macros that mean nothing for a function are
// "" or [].
func (a Alert) Macro(name string) (json.RawMessage, bool) {
	first := a.First()
	if text, ok := first.macroText(name); ok {
		return alertJSON(text), true
	}
	switch name {
	case "type":
		return alertJSON(strings.ReplaceAll(a.Kind.Title(), " ", "")), true
	case "aggregated":
		return first.whole(), true
	case "rest":
		return restOf(a.Rest()), true
	case "profile":
		return alertJSON(a.Profile), true
	case "id":
		return alertJSON(a.ID), true
	case "count":
		return alertJSON(len(a.Audits)), true
	case "attackTechniques":
		return alertJSON(append([]string{}, first.Techniques...)), true
	case "labels", "collections", "tags", "complianceIssues", "vulnerabilities", "namespaces":
		return json.RawMessage(`[]`), true
	case "container", "image", "imageID", "host", "osRelease", "osDistro", "cluster", "clusterType", "forensic", "user", "interactive":
		return json.RawMessage(`""`), true
	default:
		return nil, false
	}
}

// macroText returns the value of a macro that is a text of the audit.
func (a AlertAudit) macroText(name string) (string, bool) {
	texts := map[string]string{
		"time": a.Time.UTC().Format(timeFormat), "fqdn": a.Function, "function": a.Function, "region": a.Region,
		"runtime": a.Runtime, "appID": a.Function, "rule": a.Rule, "message": a.Msg, "accountID": a.Account,
		"provider": a.Provider, "category": a.Type, "attackType": a.AttackType, "effect": a.Effect, "severity": a.Severity,
		"requestID": a.RequestID, "functionID": a.FunctionID, "auditID": a.ID,
	}
	text, ok := texts[name]
	return text, ok
}

// timeFormat is RFC 3339 with milliseconds.
const timeFormat = "2006-01-02T15:04:05.000Z07:00"

// whole returns the audit as the API returns it.
func (a AlertAudit) whole() json.RawMessage {
	if object := bytes.TrimSpace(a.Body); len(object) > 0 && object[0] == '{' && json.Valid(object) {
		return object
	}
	return json.RawMessage(`{}`) // templates rely on it being an object
}

func restOf(audits []AlertAudit) json.RawMessage {
	all := make([]json.RawMessage, len(audits))
	for i, audit := range audits {
		all[i] = audit.whole()
	}
	return alertJSON(all)
}

// alertJSON returns v as JSON without the escapes that only HTML needs. It's for values that can't fail.
func alertJSON(v any) json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return json.RawMessage(`null`)
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// AlertTarget is one way of one profile, with what it needs to be used. Exactly one of its pointers is set.
type AlertTarget struct {
	// Channel names the way within the profile, such as "webhook" or "slack:#security".
	Channel string
	Format  AlertFormat

	Webhook     *WebhookTarget
	Slack       *SlackTarget
	Email       *EmailTarget
	Syslog      *AlertSyslog
	SNS         *AlertSNS
	EventBridge *AlertEventBridge
}

// WebhookTarget is a webhook with its secrets.
type WebhookTarget struct {
	URL, CACert string
	// Template is the body's; nil means the target's format.
	Template *AlertTemplate
	// Secret is the signature's key; "" means none.
	Secret string
	Login  Login
}

// SlackTarget is an incoming webhook of Slack and, with Channel, who of its workspace is told.
type SlackTarget struct {
	URL     string
	Channel string
}

// EmailTarget is a mail server with its secrets.
type EmailTarget struct {
	Settings AlertEmail
	Login    Login
}

// Login is what a basic or apiToken credential holds. The zero value is none.
type Login struct {
	User, Password string
	// Token goes alone, as a bearer's.
	Token string
}
