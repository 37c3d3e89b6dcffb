package notify

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// object reads JSON as whoever gets it does.
func object(t *testing.T, body []byte) map[string]any {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal(body, &all); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return all
}

func TestOCSF(t *testing.T) {
	n := newNotifier(t, Config{})
	body, err := n.single(api.AlertOCSF, runtimeAlert("a1"), runtimeAudit("a1"))
	if err != nil {
		t.Fatal(err)
	}
	got := object(t, body)
	raw, _ := got["raw_data"].(string)
	if object(t, []byte(raw))["_id"] != "a1" {
		t.Errorf("raw_data %s", raw)
	}
	delete(got, "raw_data")
	technique := []any{map[string]any{"technique": map[string]any{"name": "nativeBinaryExecution"}}}
	title := "Serverless Runtime stopped in orders (eu-west-1): explicitlyDeniedProcess"
	want := map[string]any{
		"activity_id": 1.0, "activity_name": "Create", "category_uid": 2.0, "category_name": "Findings", "class_uid": 2004.0, "class_name": "Detection Finding",
		"type_uid": 200401.0, "time": 1795348800123.0, "message": "/usr/bin/curl launched and denied", "severity_id": 4.0, "severity": "High",
		"status_id": 1.0, "status": "New", "count": 1.0, "action_id": 2.0, "disposition_id": 2.0,
		"metadata": map[string]any{
			"version": "1.3.0", "profiles": []any{"cloud", "security_control"}, "uid": "a1", "correlation_uid": "r-1", "logged_time": 1795348801123.0,
			"product": map[string]any{"name": "Autodefend", "vendor_name": "Autodefend", "version": "1.2.3"},
		},
		"finding_info": map[string]any{
			"uid": "a1", "title": title, "desc": "/usr/bin/curl launched and denied", "created_time": 1795348800123.0,
			"types": []any{"processes", "explicitlyDeniedProcess"}, "analytic": map[string]any{"name": "strict", "type_id": 1.0}, "attacks": technique,
		},
		"cloud":     map[string]any{"provider": "AWS", "region": "eu-west-1", "account": map[string]any{"uid": "123456789012", "type_id": 10.0}},
		"resources": []any{map[string]any{"uid": functionARN, "name": "orders", "type": "AWS::Lambda::Function", "region": "eu-west-1"}},
		"evidences": []any{map[string]any{"process": map[string]any{
			"cmd_line": "curl -s evil.example", "pid": 42.0, "file": map[string]any{"name": "curl", "path": "/usr/bin/curl", "type_id": 1.0},
		}}},
		"attacks": technique,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestOCSFDisposition(t *testing.T) {
	tests := []struct {
		effect, coverage    string
		action, disposition int
	}{
		{"alert", "enforced", ocsfAllowed, ocsfLogged},
		{"prevent", "enforced", ocsfDenied, ocsfBlocked},
		{"block", "", ocsfDenied, ocsfBlocked},
		{"prevent", "detected", ocsfAllowed, ocsfLogged},
		{"ban", "", ocsfDenied, ocsfBlocked},
	}
	n := newNotifier(t, Config{})
	for _, tt := range tests {
		a := runtimeAudit("a")
		a.Effect, a.Body = tt.effect, json.RawMessage(`{"coverage":"`+tt.coverage+`"}`)
		f := n.ocsf(runtimeAlert(), a)
		if f.ActionID != tt.action || f.DispositionID != tt.disposition {
			t.Errorf("%s, %s: action %d, disposition %d", tt.effect, tt.coverage, f.ActionID, f.DispositionID)
		}
	}
}

func TestOCSFOfFirewall(t *testing.T) {
	n := newNotifier(t, Config{})
	f := n.ocsf(firewallAlert(), firewallAudit("f1"))
	if f.SeverityID != 3 || len(f.Evidences) != 1 || f.Evidences[0].SrcEndpoint.IP != "203.0.113.9" || f.Evidences[0].DstEndpoint.Hostname != "api.example.com" {
		t.Errorf("%+v", f)
	}
}

func TestASFF(t *testing.T) {
	n := newNotifier(t, Config{})
	body, err := n.format(api.AlertASFF, runtimeAlert("a1", "a2"))
	if err != nil {
		t.Fatal(err)
	}
	findings, _ := object(t, body)["Findings"].([]any)
	if len(findings) != 2 {
		t.Fatalf("%d findings", len(findings))
	}
	want := map[string]any{
		"SchemaVersion": "2018-10-08", "Id": "123456789012/autodefend/serverlessRuntime/a1",
		"ProductArn":  "arn:aws:securityhub:eu-west-1:123456789012:product/123456789012/default",
		"ProductName": "Autodefend", "CompanyName": "Autodefend", "GeneratorId": "autodefend/strict", "AwsAccountId": "123456789012",
		"Types": []any{"Unusual Behaviors/Serverless"}, "CreatedAt": "2026-11-22T12:00:00.123Z", "UpdatedAt": "2026-11-22T12:00:00.123Z",
		"Severity": map[string]any{"Label": "HIGH"}, "Title": "Serverless Runtime stopped in orders (eu-west-1): explicitlyDeniedProcess",
		"Description": "/usr/bin/curl launched and denied",
		"Resources": []any{map[string]any{
			"Type": "AwsLambdaFunction", "Id": functionARN, "Partition": "aws", "Region": "eu-west-1",
			"Details": map[string]any{"AwsLambdaFunction": map[string]any{"FunctionName": "orders", "Runtime": "python3.13"}},
		}},
		"ProductFields": map[string]any{
			"autodefend/effect": "prevent", "autodefend/rule": "strict", "autodefend/type": "processes", "autodefend/attackType": "explicitlyDeniedProcess",
			"autodefend/requestId": "r-1", "autodefend/techniques": "nativeBinaryExecution", "autodefend/runtime": "python3.13",
		},
		"Process":  map[string]any{"Name": "curl", "Path": "/usr/bin/curl", "Pid": 42.0},
		"Workflow": map[string]any{"Status": "NEW"}, "RecordState": "ACTIVE",
	}
	if diff := cmp.Diff(want, findings[0]); diff != "" {
		t.Error(diff)
	}
}

// checkASFF holds a finding against the bounds of the format.
func checkASFF(t *testing.T, f asffFinding) {
	t.Helper()
	bounds := []struct {
		name, value string
		most        int
	}{
		{"Id", f.ID, 512},
		{"GeneratorId", f.GeneratorID, 512},
		{"Title", f.Title, 256},
		{"Description", f.Description, 1024},
		{"Resources.Id", f.Resources[0].ID, 512},
	}
	for _, b := range bounds {
		if n := utf8.RuneCountInString(b.value); n == 0 || n > b.most {
			t.Errorf("%s has %d characters", b.name, n)
		}
	}
	for name, value := range f.ProductFields {
		if utf8.RuneCountInString(value) > 2048 || len(name) > 128 {
			t.Errorf("ProductFields %s has %d characters", name, utf8.RuneCountInString(value))
		}
	}
	if f.Process != nil && (utf8.RuneCountInString(f.Process.Name) > 64 || utf8.RuneCountInString(f.Process.Path) > 512) {
		t.Errorf("process %+v", f.Process)
	}
	if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT`).MatchString(f.CreatedAt) {
		t.Errorf("CreatedAt %q", f.CreatedAt)
	}
}

func TestASFFOfLittleKnown(t *testing.T) {
	n := newNotifier(t, Config{})
	checkASFF(t, n.asff(firewallAlert(), api.AlertAudit{ID: "x", Time: time.Unix(0, 0)}))
	f := n.asff(firewallAlert(), api.AlertAudit{FunctionID: "arn:aws-cn:lambda:cn-north-1:123456789012:function:f", Time: time.Unix(0, 0)})
	if f.AwsAccountID != "123456789012" || !strings.HasPrefix(f.ProductARN, "arn:aws-cn:securityhub:cn-north-1:") || f.Types[0] != "TTPs/Initial Access" {
		t.Errorf("%+v", f)
	}
}

// FuzzFormats: whatever audits say, every format is JSON within its bounds, and says it back unchanged where it's quoted.
func FuzzFormats(f *testing.F) {
	for _, text := range hostileTexts() {
		f.Add(text)
	}
	f.Add(strings.Repeat("ü", 5000))
	f.Fuzz(func(t *testing.T, text string) {
		n := newNotifier(t, Config{})
		alert := hostileAlert(text)
		for _, format := range []api.AlertFormat{"", api.AlertJSON, api.AlertOCSF, api.AlertASFF} {
			body, err := n.format(format, alert)
			if err != nil || !json.Valid(body) {
				t.Fatalf("%s: %v: %s", format, err, body)
			}
		}
		checkASFF(t, n.asff(alert, alert.First()))
		var d alertDocument
		if body, err := marshal(document(alert)); err != nil || json.Unmarshal(body, &d) != nil || d.Message != strings.ToValidUTF8(text, "\ufffd") && utf8.ValidString(text) {
			t.Fatalf("message %q of %q", d.Message, text)
		}
		m := slackOf("#c", alert)
		for _, b := range m.Blocks {
			if b.Text != nil && (utf8.RuneCountInString(b.Text.Text) > slackText || b.Text.Text == "") {
				t.Fatalf("slack: %d characters", utf8.RuneCountInString(b.Text.Text))
			}
		}
		if strings.ContainsAny(m.Text, "<>\n") {
			t.Fatalf("slack text %q", m.Text)
		}
		if s := snsSubject(alert); len(s) > maxSNSSubject || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("SNS subject %q", s)
		}
		if s := clean(text, 10); utf8.RuneCountInString(s) > 10 || strings.ContainsAny(s, "\r\n\x00\u2028") {
			t.Fatalf("clean %q", s)
		}
	})
}

// cloud keeps what is published.
type cloud struct {
	subject, message string
	attributes       map[string]string
	events           [][]Event
	err              error
}

func (c *cloud) PublishSNS(_ context.Context, _ api.AlertSNS, subject, message string, attributes map[string]string) error {
	c.subject, c.message, c.attributes = subject, message, attributes
	return c.err
}

func (c *cloud) PutEvents(_ context.Context, _ api.AlertEventBridge, events []Event) error {
	c.events = append(c.events, events)
	return c.err
}

func TestSNS(t *testing.T) {
	c := &cloud{}
	n := newNotifier(t, Config{AWS: c})
	if err := n.Send(t.Context(), api.AlertTarget{SNS: &api.AlertSNS{}}, runtimeAlert("a1")); err != nil {
		t.Fatal(err)
	}
	if c.subject != "Autodefend: Serverless Runtime stopped in orders (eu-west-1): explicitlyDeniedProcess" || object(t, []byte(c.message))["auditID"] != "a1" {
		t.Errorf("%q %s", c.subject, c.message)
	}
	want := map[string]string{"kind": "serverlessRuntime", "effect": "prevent", "severity": "high", "region": "eu-west-1", "function": "orders"}
	if diff := cmp.Diff(want, c.attributes); diff != "" {
		t.Error(diff)
	}
	c.err = autodefend.Errorf(autodefend.CodeThrottled, "slow")
	if err := n.Send(t.Context(), api.AlertTarget{SNS: &api.AlertSNS{}}, runtimeAlert("a1")); autodefend.ErrorCode(err) != autodefend.CodeThrottled {
		t.Errorf("%v", err)
	}
	huge := runtimeAlert("a1")
	huge.Audits[0].Body = json.RawMessage(`{"x":"` + strings.Repeat("x", 300<<10) + `"}`)
	for _, to := range []api.AlertTarget{{SNS: &api.AlertSNS{}}, {EventBridge: &api.AlertEventBridge{}}} {
		if err := n.Send(t.Context(), to, huge); autodefend.ErrorCode(err) != autodefend.CodeInvalid {
			t.Errorf("too large: %v", err)
		}
	}
}

func TestEventBridge(t *testing.T) {
	c := &cloud{}
	n := newNotifier(t, Config{AWS: c})
	var ids []string
	for i := range 23 {
		ids = append(ids, string(rune('a'+i)))
	}
	if err := n.Send(t.Context(), api.AlertTarget{EventBridge: &api.AlertEventBridge{}, Format: api.AlertOCSF}, runtimeAlert(ids...)); err != nil {
		t.Fatal(err)
	}
	if len(c.events) != 3 || len(c.events[0]) != 10 || len(c.events[2]) != 3 {
		t.Fatalf("%d calls", len(c.events))
	}
	e := c.events[2][2]
	if e.Source != "autodefend" || e.DetailType != "Autodefend Serverless Runtime Alert" || e.Resources[0] != functionARN || object(t, []byte(e.Detail))["class_uid"] != 2004.0 {
		t.Errorf("%+v", e)
	}
}
