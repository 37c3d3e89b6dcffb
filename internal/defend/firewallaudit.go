package defend

import (
	"cmp"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/waas"
	"github.com/autodefend/autodefend/internal/waas/answer"
	"github.com/autodefend/autodefend/internal/waas/event"
	"github.com/autodefend/autodefend/internal/waas/redact"
)

// What an audit of the firewall holds of a request, in bytes.
const (
	rawEventMax = 4 << 10
	headersMax  = 4 << 10
	urlMax      = 2 << 10
	textMax     = 1 << 10
	valueMax    = 256 // in a message
)

// requestReport is what the audits of one event have in common.
type requestReport struct {
	defender   *Defender
	state      *state
	invocation Invocation
	data       []byte
	verdict    waas.Verdict
	eventID    string
	status     int // of the answer given for the function; 0 when none was
}

// refusal is what the answer to a refused event is made of.
func (r *requestReport) refusal() answer.Refusal {
	rule := r.state.envelope.WAAS
	refusal := answer.Refusal{
		Event: r.verdict.Event, Data: r.data, RequestID: r.invocation.RequestID, EventID: r.eventID, OnQueue: rule.Own.QueueAnswer(),
	}
	if app := rule.Application(); app != nil {
		refusal.Block = app.BlockResponse
		if app.HideEventID {
			refusal.EventID = ""
		}
	}
	return refusal
}

// audit makes the audit of one detection.
func (r *requestReport) audit(x waas.Detection, now time.Time) autodefend.FirewallAudit {
	common, request := r.defender.blank(now), &r.verdict.Event.Request
	a := autodefend.FirewallAudit{
		ID: common.ID, AccountID: common.AccountID, Count: 1, Effect: x.Effect, EventID: r.eventID,
		FQDN: common.FQDN, Function: common.Function, FunctionID: common.FunctionID, Provider: common.Provider,
		Region: common.Region, Runtime: common.Runtime, Time: common.Time, Version: common.Version,
		RequestID: r.invocation.RequestID, RuleName: r.state.envelope.WAAS.Name, StatusCode: r.status,
		Type: x.Type, Protection: protectionOf(x.Type), Msg: r.message(x),
		Trigger: string(r.verdict.Event.Trigger), Rule: x.Rule, Match: redact.Cut(r.match(x), textMax),
		AttackField:     autodefend.AttackField{Type: x.Field.Place.HTTPFieldType(), Key: redact.Cut(x.Field.Name, textMax), Value: r.value(x.Field)},
		Method:          request.Method,
		RequestHost:     request.Host,
		Subnet:          request.SourceIP,
		UserAgentHeader: redact.Cut(r.shown(request.UserAgent), textMax),
		RequestHeaders:  r.headers(), RequestHeaderNames: request.HeaderNames,
		RawEvent: redact.Event(r.data, rawEventMax, r.defender.scrub.text),
	}
	known := standingOf(x.Type)
	a.AttackTechniques, a.OWASPTop10, a.OWASPAPITop10 = known.techniques, known.top10, known.apiTop10
	a.URLPath = redact.Cut(r.shown(cmp.Or(request.RawPath, request.Path)), urlMax)
	a.URLQuery = redact.Cut(r.shown(request.RawQuery), urlMax)
	if a.URL = a.RequestHost + a.URLPath; a.URLQuery != "" {
		a.URL += "?" + a.URLQuery
	}
	if request.SourceIP != "" {
		a.ConnectingIPs = []string{request.SourceIP}
	}
	if app := r.state.envelope.WAAS.Application(); app != nil {
		a.AppID, a.RuleAppID = app.AppID, app.AppID
	}
	if records := r.verdict.Event.Records; x.Field.Record >= 0 && x.Field.Record < len(records) {
		a.Record = records[x.Field.Record].ID
	}
	return a
}

// shown is what may be shown of a text: no secrets by name or form, and no values of the function's variables.
func (r *requestReport) shown(text string) string { return r.defender.scrub.text(redact.Text(text)) }

// value is what may be shown of the text in which an attack was found.
func (r *requestReport) value(f event.Field) string {
	if f.Place == event.Cookie {
		return redact.Mask
	}
	return redact.Cut(r.defender.scrub.text(redact.Value(f.Name, f.Value)), textMax)
}

// match is what may be shown of the part that a rule objects to. It may be all of the value.
func (r *requestReport) match(x waas.Detection) string {
	if x.Match == "" {
		return ""
	}
	if x.Field.Place == event.Cookie || redact.IsSecret(x.Field.Name) {
		return redact.Mask
	}
	return r.shown(x.Match)
}

// message is a detection's. What isn't shown elsewhere in the audit isn't shown there.
func (r *requestReport) message(x waas.Detection) string {
	value, match := r.value(x.Field), r.match(x)
	before, _, found := strings.Cut(x.Message, ", match "+x.Match+", value ")
	switch {
	case !found && match != x.Match: // a custom rule's
		return r.shown(strings.ReplaceAll(x.Message, x.Match, match))
	case !found:
		return r.shown(x.Message)
	case value == x.Field.Value && match == x.Match:
		return r.defender.scrub.text(x.Message)
	}
	return r.defender.scrub.text(before) + ", match " + match + ", value " + redact.Cut(value, valueMax)
}

// headers puts the head of an HTTP request together.
func (r *requestReport) headers() string {
	request := &r.verdict.Event.Request
	if request.Method == "" {
		return ""
	}
	target := cmp.Or(request.RawPath, request.Path)
	if request.RawQuery != "" {
		target += "?" + request.RawQuery
	}
	var b strings.Builder
	b.WriteString(request.Method + " " + r.shown(target))
	if request.Protocol != "" {
		b.WriteString(" " + request.Protocol)
	}
	b.WriteString("\r\n")
	for _, h := range request.Headers {
		b.WriteString(h.Name + ": " + r.value(h) + "\r\n")
		if b.Len() > headersMax {
			break
		}
	}
	return redact.Cut(b.String(), headersMax)
}

func protectionOf(class autodefend.AttackClass) autodefend.FirewallProtection {
	if class == autodefend.ClassCustomRule {
		return autodefend.ProtectionCustom
	}
	return autodefend.ProtectionFirewall
}

// standing is a class's place in MITRE's techniques, OWASP's Top 10 and OWASP's API Security Top 10, in Prisma's words.
type standing struct {
	techniques      []string
	top10, apiTop10 string
}

func standingOf(class autodefend.AttackClass) standing {
	const public = "exploitPublicFacingApplication"
	switch class {
	case autodefend.ClassSQLi, autodefend.ClassXSS:
		return standing{[]string{public}, "injection", "injection"}
	case autodefend.ClassCMDi, autodefend.ClassCodeInjection, autodefend.ClassShellshock:
		return standing{[]string{public, "applicationExploitRCE"}, "injection", "injection"}
	case autodefend.ClassLFI:
		return standing{[]string{public, "applicationExploitRCE"}, "brokenAccessControl", "securityMisconfiguration"}
	case autodefend.ClassAttackTools:
		return standing{[]string{"networkServiceScanning"}, "", ""}
	default:
		return standing{}
	}
}
