package notify

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// format writes an alert: our own JSON is an object, OCSF an array of findings, and ASFF the request of Security Hub's
// BatchImportFindings.
func (n *Notifier) format(format api.AlertFormat, alert api.Alert) ([]byte, error) {
	switch format {
	case "", api.AlertJSON:
		return marshal(document(alert))
	case api.AlertOCSF:
		return marshal(each(alert, n.ocsf))
	case api.AlertASFF:
		return marshal(struct{ Findings []asffFinding }{each(alert, n.asff)})
	default:
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "there is no format %q", clean(string(format), 20))
	}
}

// each writes all audits of an alert.
func each[T any](alert api.Alert, write func(api.Alert, api.AlertAudit) T) []T {
	all := make([]T, 0, len(alert.Audits))
	for _, audit := range alert.Audits {
		all = append(all, write(alert, audit))
	}
	return all
}

// single writes one audit of an alert as an object.
func (n *Notifier) single(format api.AlertFormat, alert api.Alert, audit api.AlertAudit) ([]byte, error) {
	switch format {
	case api.AlertOCSF:
		return marshal(n.ocsf(alert, audit))
	case api.AlertASFF:
		return marshal(n.asff(alert, audit))
	default:
		alert.Audits = []api.AlertAudit{audit}
		return marshal(document(alert))
	}
}

// alertDocument is our own format: the first audit's fields on top, all of it in audit, the others in rest.
type alertDocument struct {
	ID          string            `json:"id"`
	Profile     string            `json:"profile"`
	Kind        api.AlertKind     `json:"kind"`
	Test        bool              `json:"test,omitempty"`
	Time        time.Time         `json:"time"`
	Title       string            `json:"title"`
	Message     string            `json:"message"`
	Blocked     bool              `json:"blocked"`
	Severity    string            `json:"severity"`
	Function    string            `json:"function"`
	FunctionID  string            `json:"functionID"`
	AccountID   string            `json:"accountID"`
	Region      string            `json:"region"`
	Runtime     string            `json:"runtime"`
	RuleName    string            `json:"ruleName"`
	Type        string            `json:"type"`
	AttackType  string            `json:"attackType"`
	Effect      string            `json:"effect"`
	RequestID   string            `json:"requestID"`
	Techniques  []string          `json:"attackTechniques"`
	AuditID     string            `json:"auditID"`
	Audit       json.RawMessage   `json:"audit"`
	Rest        []json.RawMessage `json:"rest"`
	AuditsCount int               `json:"auditsCount"`
}

func document(alert api.Alert) alertDocument {
	a := alert.First()
	d := alertDocument{
		ID: alert.ID, Profile: alert.Profile, Kind: alert.Kind, Test: alert.Test, Time: stamp(a.Time), Title: subject(alert),
		Message: a.Msg, Blocked: a.Blocked(), Severity: severityOf(a), Function: a.Function, FunctionID: a.FunctionID,
		AccountID: a.Account, Region: a.Region, Runtime: a.Runtime, RuleName: a.Rule, Type: a.Type, AttackType: a.AttackType,
		Effect: a.Effect, RequestID: a.RequestID, Techniques: append([]string{}, a.Techniques...), AuditID: a.ID,
		Audit: whole(a), Rest: []json.RawMessage{}, AuditsCount: len(alert.Audits),
	}
	for _, other := range alert.Rest() {
		d.Rest = append(d.Rest, whole(other))
	}
	return d
}

// whole is the audit as the API returns it.
func whole(a api.AlertAudit) json.RawMessage {
	if len(a.Body) == 0 || !json.Valid(a.Body) {
		return json.RawMessage(`{}`)
	}
	return a.Body
}

// stamp is a time as the API writes it.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// details are the members of both kinds of audits that the formats have places for.
type details struct {
	Command, Filepath, ProcessPath, Domain, IP string
	PID, Port                                  int
	Method, RequestHost, URLPath, Subnet       string
	UserAgentHeader                            string
	Rule                                       string // the firewall's
	Version                                    string // the Defender's
}

// detailsOf reads what an audit says of what happened. What doesn't fit is left out.
func detailsOf(a api.AlertAudit) details {
	var d details
	if json.Unmarshal(a.Body, &d) != nil {
		return details{}
	}
	return d
}

// marshal returns JSON without the escapes that only HTML needs.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, autodefend.Errorf(autodefend.CodeInternal, "write alert: %v", err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}
