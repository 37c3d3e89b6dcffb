package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
)

// MaxBatch is how many audits one request of a Defender may carry.
const MaxBatch = 100

// MaxBatchBody bounds such a request's body, in bytes.
const MaxBatchBody = 4 << 20

// RuntimeAudit is Prisma's shared.RuntimeAudit as far as it concerns functions.
type RuntimeAudit struct {
	autodefend.Audit
	// Collections are the names of those that held the function when the audit came.
	Collections []string `json:"collections,omitempty"`
}

// FirewallAudit is Prisma's shared.AppFirewallAudit as far as it concerns functions.
type FirewallAudit struct {
	autodefend.FirewallAudit
	// Collections are the names of those that held the function when the audit came.
	Collections []string `json:"collections,omitempty"`
}

// Report is an audit of either stream as a Defender sends it.
type Report interface {
	// Origin is what says which function reports, to be read and set.
	Origin() Origin
	// Record is the audit as it is stored. Errors have [autodefend.CodeInternal].
	Record(received time.Time) (AuditRecord, error)
}

// Origin points at the members of an audit that say whence it comes.
type Origin struct {
	Account, Region, Function, FunctionID, FQDN, Provider, Runtime *string

	Time        *time.Time
	Collections *[]string
	// Version is the Defender's.
	Version string
}

// Origin is what says which function reports.
func (a *RuntimeAudit) Origin() Origin {
	return Origin{
		Account: &a.AccountID, Region: &a.Region, Function: &a.Function, FunctionID: &a.FunctionID, FQDN: &a.FQDN,
		Provider: &a.Provider, Runtime: &a.Runtime, Time: &a.Time, Collections: &a.Collections, Version: a.Version,
	}
}

// Origin is what says which function reports.
func (a *FirewallAudit) Origin() Origin {
	return Origin{
		Account: &a.AccountID, Region: &a.Region, Function: &a.Function, FunctionID: &a.FunctionID, FQDN: &a.FQDN,
		Provider: &a.Provider, Runtime: &a.Runtime, Time: &a.Time, Collections: &a.Collections, Version: a.Version,
	}
}

// Record is the audit as it is stored.
func (a *RuntimeAudit) Record(received time.Time) (AuditRecord, error) {
	body, err := json.Marshal(a)
	if err != nil {
		return AuditRecord{}, &autodefend.Error{Code: autodefend.CodeInternal, Message: "write an audit as JSON", Err: err}
	}
	return AuditRecord{
		ID: a.ID, Stream: StreamRuntime, Time: a.Time, Received: received,
		Account: a.AccountID, Region: a.Region, Function: a.Function, FunctionID: Unqualified(a.FunctionID), Runtime: a.Runtime,
		Provider: a.Provider, Type: string(a.Type), AttackType: string(a.AttackType), Effect: string(a.Effect), Rule: a.RuleName,
		RequestID: a.RequestID, Severity: string(a.Severity), Msg: a.Msg, Techniques: joinTechniques(a.AttackTechniques),
		Count: a.Count, Body: body,
	}, nil
}

// Record is the audit as it is stored.
func (a *FirewallAudit) Record(received time.Time) (AuditRecord, error) {
	body, err := json.Marshal(a)
	if err != nil {
		return AuditRecord{}, &autodefend.Error{Code: autodefend.CodeInternal, Message: "write an audit as JSON", Err: err}
	}
	return AuditRecord{
		ID: a.ID, Stream: StreamFirewall, Time: a.Time, Received: received,
		Account: a.AccountID, Region: a.Region, Function: a.Function, FunctionID: Unqualified(a.FunctionID), Runtime: a.Runtime,
		Provider: a.Provider, Type: string(a.Type), Effect: string(a.Effect), Rule: a.RuleName,
		RequestID: a.RequestID, Msg: a.Msg, Techniques: joinTechniques(a.AttackTechniques), Count: a.Count, Body: body,
	}, nil
}

func joinTechniques(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "," + strings.Join(names, ",") + ","
}

// Unqualified is a function's ARN without its version or alias; other ids are returned as they are.
func Unqualified(functionID string) string {
	parts := strings.SplitN(functionID, ":", 9)
	if len(parts) == 8 && parts[0] == "arn" && parts[2] == "lambda" && parts[5] == "function" {
		return strings.Join(parts[:7], ":")
	}
	return functionID
}

// DecodeAudits reads a batch of audits of a stream and checks each. Errors have [autodefend.CodeInvalid] and name the
// audit by its index; nothing of such a batch is to be stored.
func DecodeAudits(stream Stream, body []byte) ([]Report, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	start, err := decoder.Token()
	if err != nil || start != json.Delim('[') {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "the body is no JSON array").WithHint("send [{...}, ...] with at most %d audits", MaxBatch)
	}
	var reports []Report
	for decoder.More() {
		at := fmt.Sprintf("audits[%d]", len(reports))
		if len(reports) == MaxBatch {
			return nil, autodefend.Errorf(autodefend.CodeInvalid, "more than %d audits in a batch", MaxBatch).WithHint("send the rest in another request")
		}
		report, err := decodeAudit(stream, decoder, at)
		if err != nil {
			return nil, err
		}
		reports = append(reports, report)
	}
	if _, err := decoder.Token(); err != nil {
		return nil, badJSON("audits", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "there is something after the array of audits")
	}
	return reports, nil
}

func decodeAudit(stream Stream, decoder *json.Decoder, at string) (Report, error) {
	if stream == StreamFirewall {
		a := &FirewallAudit{}
		if err := decoder.Decode(a); err != nil {
			return nil, badJSON(at, err)
		}
		return a, a.check(at)
	}
	a := &RuntimeAudit{}
	if err := decoder.Decode(a); err != nil {
		return nil, badJSON(at, err)
	}
	return a, a.check(at)
}

// badJSON is the error for JSON that can't be read, at a path.
func badJSON(at string, err error) *autodefend.Error {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		member := strings.TrimPrefix(strings.TrimPrefix(e.Field, "Audit."), "FirewallAudit.") // the embedded types
		if member != "" {
			at += "." + member
		}
		return autodefend.Errorf(autodefend.CodeInvalid, "%s: a JSON %s isn't a value for it", at, clip(e.Value))
	}
	if e, ok := errors.AsType[*time.ParseError](err); ok {
		return autodefend.Errorf(autodefend.CodeInvalid, "%s.time: %q is no time", at, clip(e.Value)).WithHint("write it as 2026-01-31T23:59:59.000Z")
	}
	return autodefend.Errorf(autodefend.CodeInvalid, "%s: malformed JSON", at)
}

// clip shortens a text for a message.
func clip(s string) string {
	const longest = 64
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "") + "..."
}
