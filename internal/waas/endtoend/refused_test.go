//go:build linux

package endtoend

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/lambdasim/runner"
)

// refused is the answer to an event that was refused.
type refused struct {
	runner.Result

	eventID string // the audit's
}

// body is the answer.
func (r refused) body(t *testing.T) any {
	t.Helper()
	var body any
	if err := json.Unmarshal(r.Payload, &body); err != nil {
		t.Fatalf("the answer %q: %v", r.Payload, err)
	}
	return body
}

// is compares the answer.
func (r refused) is(t *testing.T, want any) {
	t.Helper()
	if diff := cmp.Diff(want, r.body(t)); diff != "" {
		t.Errorf("the answer (-want +got):\n%s", diff)
	}
	if r.FunctionError != "" {
		t.Errorf("it is an error: %s", r.ErrorType)
	}
}

// response is the response object that most HTTP triggers take.
func (r refused) response() object {
	return object{
		"statusCode": 403.0, "isBase64Encoded": false,
		"headers": object{"Content-Type": "application/json", "Cache-Control": "no-store", "X-Prisma-Event-Id": r.eventID},
		"body":    fmt.Sprintf(`{"message":"The request was refused by the application firewall","requestId":%q}`, r.RequestID),
	}
}

func forbidden(t *testing.T, r refused) { r.is(t, r.response()) }

func forbiddenByBalancer(t *testing.T, r refused) {
	want := r.response()
	want["statusDescription"] = "403 Forbidden"
	r.is(t, want)
}

func forbiddenByLists(t *testing.T, r refused) {
	want := r.response()
	lists := object{}
	for name, value := range want["headers"].(object) {
		lists[name] = []any{value}
	}
	want["statusDescription"], want["multiValueHeaders"] = "403 Forbidden", lists
	delete(want, "headers")
	r.is(t, want)
}

// denial is the policy that an authorizer gives.
func denial() object {
	return object{"principalId": "refused", "policyDocument": object{"Version": "2012-10-17", "Statement": []any{
		object{"Action": "execute-api:Invoke", "Effect": "Deny", "Resource": methodARN},
	}}}
}

func denied(t *testing.T, r refused) { r.is(t, denial()) }

func denied2(t *testing.T, r refused) {
	want := denial()
	want["isAuthorized"] = false
	r.is(t, want)
}

func allComeBack(t *testing.T, r refused) {
	r.is(t, object{"batchItemFailures": []any{object{"itemIdentifier": "m-1"}, object{"itemIdentifier": "m-2"}}})
}

// failed is the answer of triggers that have no shape for a refusal.
func failed(t *testing.T, r refused) {
	want := object{
		"errorMessage": "The request was refused by the application firewall (request " + r.RequestID + ")",
		"errorType":    "Autodefend.Forbidden", "stackTrace": []any{},
	}
	if diff := cmp.Diff(any(want), r.body(t)); diff != "" {
		t.Errorf("the answer (-want +got):\n%s", diff)
	}
	if r.FunctionError != "Unhandled" || r.ErrorType != "Autodefend.Forbidden" {
		t.Errorf("the error is %q, %q", r.FunctionError, r.ErrorType)
	}
}

// TestAttacksAreRefused sends every class of attacks through every trigger. The handler sees none of them, and between
// them all that is harmless.
func TestAttacksAreRefused(t *testing.T) {
	eachLanguage(t, func(t *testing.T, l language, profile runner.Profile) {
		f := start(t, l, profile, encoded(t, rule(autodefend.Prevent, onQueue), both))
		for _, from := range triggers() {
			for _, a := range attacks() {
				t.Run(strings.TrimSuffix(from.name+" "+from.about, " ")+"/"+string(a.class), func(t *testing.T) {
					f.refuses(t, from, a, l)
				})
			}
			if r := f.invoke(bytesOf(t, from.carry("a book of 42 tales"))); !saw(r) || r.FunctionError != "" {
				t.Errorf("%s %s: a harmless event is answered with %s\n%s", from.name, from.about, r.Payload, r.Log)
			}
		}
	})
}

// refuses sends one attack.
func (f *function) refuses(t *testing.T, from trigger, a attack, l language) {
	t.Helper()
	r := f.invoke(bytesOf(t, from.carry(a.text)))
	if saw(r) {
		t.Errorf("the handler saw the event")
	}
	for _, secret := range secrets() {
		if at := strings.Index(string(r.Log), secret); at >= 0 {
			t.Errorf("the secret %q is in the log:\n%s", secret, r.Log)
		}
	}
	all := audits(r.Log)
	at := slices.IndexFunc(all, func(x autodefend.FirewallAudit) bool { return x.Type == a.class })
	if at < 0 {
		t.Fatalf("no audit of an attack of this class; the answer is %s, the log\n%s", r.Payload, r.Log)
	}
	from.audited(t, all[at], r, a, l)
	from.answer(t, refused{r, all[at].EventID})
}

// audited checks an audit's fields.
func (from trigger) audited(t *testing.T, got autodefend.FirewallAudit, r runner.Result, a attack, l language) {
	t.Helper()
	want := autodefend.FirewallAudit{
		Type: a.class, Effect: autodefend.Prevent, Protection: autodefend.ProtectionFirewall, Trigger: from.name, RequestID: r.RequestID,
		RuleName: "web", Function: functionName, FQDN: functionName, Region: "us-east-1", Provider: "aws", AccountID: "000000000000",
		FunctionID: "arn:aws:lambda:us-east-1:000000000000:function:" + functionName, Runtime: l.runtime, Count: 1,
	}
	if from.http {
		want.Subnet, want.ConnectingIPs = "203.0.113.7", []string{"203.0.113.7"}
		want.UserAgentHeader = "client/1.2"
	}
	if from.name == "sqs" {
		want.Record = "m-2"
	}
	same := got
	for _, check := range []struct {
		name  string
		value string
		clear func()
	}{
		{"_id", got.ID, func() { same.ID = "" }},
		{"eventID", got.EventID, func() { same.EventID = "" }},
		{"msg", got.Msg, func() { same.Msg = "" }},
		{"rule", got.Rule, func() { same.Rule = "" }},
		{"rawEvent", got.RawEvent, func() { same.RawEvent = "" }},
		{"version", got.Version, func() { same.Version = "" }},
		{"attackField.type", got.AttackField.Type, func() { same.AttackField = autodefend.AttackField{} }},
		{"owaspTop10", got.OWASPTop10, func() { same.OWASPTop10, same.OWASPAPITop10, same.AttackTechniques = "", "", nil }},
	} {
		check.clear()
		if check.value == "" && !strings.HasPrefix(check.name, "attackField") {
			t.Errorf("the audit has no %s", check.name)
		}
	}
	if got.Time.IsZero() || !strings.HasPrefix(got.Msg, "Detected "+a.class.Title()+" attack in ") {
		t.Errorf("time %v, msg %q", got.Time, got.Msg)
	}
	if from.http {
		from.described(t, got)
	}
	same.Match = ""
	same.Time, same.StatusCode, same.RequestHeaders, same.RequestHeaderNames, same.Method = want.Time, 0, "", nil, ""
	same.RequestHost, same.URL, same.URLPath, same.URLQuery = "", "", "", ""
	if !from.http {
		same.Subnet, same.ConnectingIPs, same.UserAgentHeader = "", nil, ""
	}
	if diff := cmp.Diff(want, same); diff != "" {
		t.Errorf("the audit (-want +got):\n%s", diff)
	}
}

// described checks what an audit says of the HTTP request.
func (from trigger) described(t *testing.T, got autodefend.FirewallAudit) {
	t.Helper()
	if got.StatusCode != 403 || got.RequestHost == "" || got.Method == "" && from.name != "webSocket" {
		t.Errorf("status %d, host %q, method %q", got.StatusCode, got.RequestHost, got.Method)
	}
	if got.URLPath != "/items" && from.name != "webSocket" {
		t.Errorf("path %q", got.URLPath)
	}
	if names := strings.Join(got.RequestHeaderNames, " "); !strings.Contains(names, "authorization") {
		t.Errorf("the headers' names are %s", names)
	}
	if head := got.RequestHeaders; head != "" && (!strings.Contains(head, "authorization: ***\r\n") || !strings.Contains(head, "user-agent: client/1.2\r\n")) {
		t.Errorf("the head is %q", head)
	}
}
