package alerting

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// written is a profile of a client that also sets what we don't use.
const written = `{
	"_id": "x", "name": "security", "previousName": "", "notes": "n",
	"slack": {"enabled": true, "webhookUrl": "https://hooks.slack.com/services/T/B/verysecret", "channels": ["#security"]},
	"webhook": {"enabled": true, "url": "https://example.com/hook", "credentialId": "hook", "json": "{\"t\":#type}", "futureMember": {"a": [1, 2.50]}},
	"pagerduty": {"enabled": false, "routingKey": {"encrypted": "", "plain": "pdsecret"}, "severity": "critical"},
	"splunk": {"authToken": "splunksecret", "url": "https://splunk.example.com"},
	"policy": {"serverlessRuntime": {"enabled": true, "allRules": true, "rules": []}, "containerRuntime": {"enabled": false, "allRules": false, "rules": null}},
	"autodefend": {"webhookSecret": {"plain": "hmacsecret"}, "format": "ocsf", "maxPerMinute": 5},
	"lastError": "mine", "sealed": {"secrets": {"slack.webhookurl": "eA=="}}, "SEALED": 1
}`

func plainSecrets() []string { return []string{"verysecret", "pdsecret", "splunksecret", "hmacsecret"} }

func TestProfileIsReadAsWritten(t *testing.T) {
	m := newMemory()
	s := newService(m, &recorder{}, "a")
	put(t, s, written)
	all := profilesOf(t, s)
	if len(all) != 1 {
		t.Fatalf("%d profiles", len(all))
	}
	p := all[0]
	if p["_id"] != "security" || p["owner"] != "ann" || p["lastError"] != "" || p["notes"] != "n" || p["sealed"] != nil || p["SEALED"] != nil {
		t.Errorf("profile %v", p)
	}
	if got := fmt.Sprint(p["webhook"]); got != `map[credentialId:hook enabled:true futureMember:map[a:[1 2.5]] json:{"t":#type} url:https://example.com/hook]` {
		t.Errorf("webhook %s", got)
	}
	if got := fmt.Sprint(p["policy"]); got != "map[containerRuntime:map[allRules:false enabled:false rules:<nil>] serverlessRuntime:map[allRules:true enabled:true rules:[]]]" {
		t.Errorf("policy %s", got)
	}
	if got := fmt.Sprint(p["slack"], p["pagerduty"], p["splunk"]); got != "map[channels:[#security] enabled:true webhookUrl:********] map[enabled:false routingKey:map[encrypted:********] severity:critical] map[authToken:******** url:https://splunk.example.com]" {
		t.Errorf("secrets %s", got)
	}
	stored := string(m.Stored(api.KindAlertProfile)["security"].Body)
	shown, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	mgmt := fmt.Sprint(m.Mgmt())
	for _, secret := range plainSecrets() {
		for place, text := range map[string]string{"database": stored, "answer": string(shown), "management audits": mgmt} {
			if strings.Contains(text, secret) {
				t.Errorf("%q is in the %s", secret, place)
			}
		}
	}
	if len(m.Mgmt()) != 1 || m.Mgmt()[0].Username != "ann" || m.Mgmt()[0].SourceIP != "203.0.113.1" {
		t.Errorf("management audits %+v", m.Mgmt())
	}
	if !strings.Contains(stored, "2.50") {
		t.Errorf("a number was rewritten: %s", stored)
	}
}

// secretsOf opens all secrets of a stored profile.
func secretsOf(t *testing.T, s *Service, m *memory, name string) map[string]string {
	t.Helper()
	p, err := readProfile(m.Stored(api.KindAlertProfile)[name])
	if err != nil {
		t.Fatal(err)
	}
	opened := make(map[string]string)
	for path := range p.sealed.Secrets {
		if opened[path], err = s.open(p, path); err != nil {
			t.Error(err)
		}
	}
	return opened
}

func TestReadProfileWrittenBackKeepsSecrets(t *testing.T) {
	m := newMemory()
	s := newService(m, &recorder{}, "a")
	put(t, s, written)
	before := secretsOf(t, s, m, "security")
	if len(before) != 4 {
		t.Fatalf("secrets %v", before)
	}
	p := profilesOf(t, s)[0]
	p["notes"] = "changed"
	body, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, string(body))
	if after := secretsOf(t, s, m, "security"); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("secrets %v, want %v", after, before)
	}
	p["name"], p["previousName"] = "renamed", "security"
	if body, err = json.Marshal(p); err != nil {
		t.Fatal(err)
	}
	put(t, s, string(body))
	if after := secretsOf(t, s, m, "renamed"); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("secrets after renaming %v, want %v", after, before)
	}
	if all := profilesOf(t, s); len(all) != 1 || all[0]["name"] != "renamed" || all[0]["previousName"] != nil {
		t.Errorf("profiles %v", all)
	}
}

func TestSecretsWhateverTheirCase(t *testing.T) {
	m := newMemory()
	s := newService(m, &recorder{}, "a")
	put(t, s, `{"Name":"p","SLACK":{"Enabled":true,"WEBHOOKURL":"https://hooks.slack.com/verysecret"},"other":[{"deep":{"PLAIN":"verysecret","Encrypted":""}}],"apiKey":"verysecret"}`)
	stored := string(m.Stored(api.KindAlertProfile)["p"].Body)
	if strings.Contains(stored, "verysecret") {
		t.Errorf("stored %s", stored)
	}
	p, err := readProfile(m.Stored(api.KindAlertProfile)["p"])
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(secretsOf(t, s, m, "p")); got != "map[apikey:verysecret other[0].deep:verysecret slack.webhookurl:https://hooks.slack.com/verysecret]" {
		t.Errorf("secrets %s", got)
	}
	to, err := s.target(t.Context(), p, "slack")
	if err != nil || to.Slack.URL != "https://hooks.slack.com/verysecret" {
		t.Errorf("target %+v, %v", to.Slack, err)
	}
}

// TestSecretsOfAnotherProfile: what is sealed for one profile opens nowhere else, whoever can write to the database.
func TestSecretsOfAnotherProfile(t *testing.T) {
	m := newMemory()
	s := newService(m, &recorder{}, "a")
	put(t, s, written)
	doc := m.Stored(api.KindAlertProfile)["security"]
	doc.ID = "thief"
	p, err := readProfile(doc)
	if err != nil {
		t.Fatal(err)
	}
	if secret, err := s.open(p, slackSecret); autodefend.ErrorCode(err) != autodefend.CodeInvalid || secret != "" {
		t.Errorf("opened %q, %v", secret, err)
	}
	if _, err := s.target(t.Context(), p, "slack:#security"); err == nil {
		t.Error("a target with another's secret")
	}
}

func TestRefusedProfiles(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{"no JSON", `{`, "alert profile"},
		{"array", `[]`, "alert profile"},
		{"no name", `{}`, "name: is missing"},
		{"name of two lines", `{"name":"a\nb"}`, "name: has control characters"},
		{"name of the wrong type", `{"name":1}`, "name: is a JSON number"},
		{"port of the wrong type", `{"name":"a","email":{"port":"25"}}`, "email.port: is a JSON string"},
		{"webhook without address", `{"name":"a","webhook":{"enabled":true}}`, "webhook.url: is missing"},
		{"webhook with a password", `{"name":"a","webhook":{"enabled":true,"url":"https://u:p@example.com"}}`, "webhook.url: has a user or password"},
		{"webhook to a file", `{"name":"a","webhook":{"enabled":true,"url":"file:///etc/passwd"}}`, "webhook.url"},
		{"webhook by gopher", `{"name":"a","webhook":{"enabled":true,"url":"gopher://example.com/"}}`, "webhook.url: has the scheme"},
		{"template", `{"name":"a","webhook":{"enabled":true,"url":"https://example.com","json":"{\"a\":}"}}`, "webhook.json: the template isn't JSON"},
		{"unknown macro", `{"name":"a","webhook":{"enabled":true,"url":"https://example.com","json":"{\"a\":#nothing}"}}`, "webhook.json: there is no macro #nothing"},
		{"slack without address", `{"name":"a","slack":{"enabled":true}}`, "slack.webhookUrl: is missing"},
		{"slack unencrypted", `{"name":"a","slack":{"enabled":true,"webhookUrl":"http://hooks.slack.com/x"}}`, "slack.webhookUrl: isn't an https"},
		{"slack unencrypted, as it is stored", `{"name":"a","slack":{"enabled":true,"webhookUrl":"http://hooks.slack.com/x"},"SLACK":{"webhookUrl":"https://hooks.slack.com/x"}}`, "slack.webhookUrl: isn't an https"},
		{"nothing to keep", `{"name":"a","slack":{"enabled":true,"webhookUrl":"********"}}`, "slack.webhookurl: there is no secret to keep"},
		{"mail without recipients", `{"name":"a","email":{"enabled":true,"smtpAddress":"mail.example.com","from":"a@example.com"}}`, "email.recipients: is empty"},
		{"mail with a command", `{"name":"a","email":{"enabled":true,"smtpAddress":"mail.example.com","from":"a@example.com","recipients":["b@example.com\r\nDATA"]}}`, "email.recipients[0]"},
		{"mail from nobody", `{"name":"a","email":{"enabled":true,"smtpAddress":"m.example.com","from":"a","recipients":["b@example.com"]}}`, "email.from"},
		{"mail to several in one", `{"name":"a","email":{"enabled":true,"smtpAddress":"m.example.com","from":"a@example.com","recipients":["b@example.com, c@example.com"]}}`, "email.recipients[0]"},
		{"mail to an unclosed bracket", `{"name":"a","email":{"enabled":true,"smtpAddress":"m.example.com","from":"a@example.com","recipients":["B <b@example.com"]}}`, "email.recipients[0]"},
		{"mail with an odd name", `{"name":"a","email":{"enabled":true,"smtpAddress":"m.example.com","from":"a, b <a@example.com>","recipients":["b@example.com"]}}`, "email.from"},
		{"mail host with a port", `{"name":"a","email":{"enabled":true,"smtpAddress":"mail example.com"}}`, "email.smtpAddress"},
		{"unknown credential", `{"name":"a","webhook":{"enabled":true,"url":"https://example.com","credentialId":"none"}}`, `webhook.credentialId: there is no credential "none"`},
		{"cloud credential to a webhook", `{"name":"a","webhook":{"enabled":true,"url":"https://example.com","credentialId":"aws"}}`, `webhook.credentialId: the credential "aws" is of type aws`},
		{"token to a mail server", `{"name":"a","email":{"enabled":true,"smtpAddress":"m.example.com","from":"a@example.com","recipients":["b@example.com"],"credentialId":"hook"}}`, "email.credentialId: the credential"},
		{"format", `{"name":"a","autodefend":{"format":"xml"}}`, "autodefend.format"},
		{"syslog", `{"name":"a","autodefend":{"syslog":{"address":"host"}}}`, "autodefend.syslog.address"},
		{"syslog with a path", `{"name":"a","autodefend":{"syslog":{"address":"host:514/x"}}}`, "autodefend.syslog.address"},
		{"syslog with a user", `{"name":"a","autodefend":{"syslog":{"address":"u@host:514"}}}`, "autodefend.syslog.address"},
		{"syslog port", `{"name":"a","autodefend":{"syslog":{"address":"host:70000"}}}`, "autodefend.syslog.address"},
		{"syslog protocol", `{"name":"a","autodefend":{"syslog":{"address":"host:514","protocol":"http"}}}`, "autodefend.syslog.protocol"},
		{"topic", `{"name":"a","autodefend":{"sns":{"topicArn":"arn:aws:sqs:eu-west-1:123456789012:q"}}}`, "autodefend.sns.topicArn"},
		{"topic elsewhere", `{"name":"a","autodefend":{"sns":{"topicArn":"arn:aws:sns:eu-west-1:123456789012:t","region":"us-east-1"}}}`, "autodefend.sns.region"},
		{"bus", `{"name":"a","autodefend":{"eventBridge":{"bus":"a b","region":"eu-west-1"}}}`, "autodefend.eventBridge.bus"},
		{"bus nowhere", `{"name":"a","autodefend":{"eventBridge":{"bus":"b","region":"evil.example"}}}`, "autodefend.eventBridge.region"},
		{"buffer", `{"name":"a","autodefend":{"bufferPeriodSec":-1}}`, "autodefend.bufferPeriodSec"},
		{"rate", `{"name":"a","autodefend":{"maxPerMinute":100000}}`, "autodefend.maxPerMinute"},
		{"too deep", `{"name":"a","x":` + strings.Repeat(`{"x":`, 40) + `1` + strings.Repeat(`}`, 40) + `}`, "nested too deep"},
	}
	m := newMemory()
	s := newService(m, &recorder{}, "a")
	for _, tt := range tests {
		_, err := call(t, s, "POST", "/alert-profiles", "", tt.body)
		if autodefend.ErrorCode(err) != autodefend.CodeInvalid || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	if len(m.Stored(api.KindAlertProfile)) != 0 || len(m.Mgmt()) != 0 {
		t.Error("something was written")
	}
	if _, err := call(t, s, "POST", "/alert-profiles", "", `{"name":"a","previousName":"b"}`); autodefend.ErrorCode(err) != autodefend.CodeNotFound {
		t.Errorf("renaming what isn't there: %v", err)
	}
}

func TestRenameOverAnother(t *testing.T) {
	s := newService(newMemory(), &recorder{}, "a")
	put(t, s, `{"name":"a"}`)
	put(t, s, `{"name":"b"}`)
	if _, err := call(t, s, "POST", "/alert-profiles", "", `{"name":"b","previousName":"a"}`); autodefend.ErrorCode(err) != autodefend.CodeConflict {
		t.Errorf("%v, want a conflict", err)
	}
	if all := profilesOf(t, s); len(all) != 2 {
		t.Errorf("profiles %v", all)
	}
}

func TestDeleteProfile(t *testing.T) {
	m := newMemory()
	s := newService(m, &recorder{}, "a")
	put(t, s, `{"name":"a b/c"}`)
	answer, err := call(t, s, "GET", "/alert-profiles/names", "", "")
	if err != nil || fmt.Sprint(answer.JSON) != "[a b/c]" {
		t.Errorf("names %v, %v", answer.JSON, err)
	}
	if _, err := call(t, s, "DELETE", "/alert-profiles/{id}", "a b/c", ""); err != nil {
		t.Error(err)
	}
	if _, err := call(t, s, "DELETE", "/alert-profiles/{id}", "a b/c", ""); autodefend.ErrorCode(err) != autodefend.CodeNotFound {
		t.Errorf("deleting it again: %v", err)
	}
	if all := profilesOf(t, s); all == nil || len(all) != 0 {
		t.Errorf("an empty list is [], not %v", all)
	}
	if len(m.Mgmt()) != 2 {
		t.Errorf("%d management audits", len(m.Mgmt()))
	}
}

func FuzzProfile(f *testing.F) {
	f.Add([]byte(written))
	f.Add([]byte(`{"name":"a","slack":{"webhookUrl":{"plain":"hush-hush"}}}`))
	f.Add([]byte(`{"name":"a","x":[[{"plain":"hush-hush","encrypted":1}]]}`))
	f.Add([]byte(`{"name":"a","password":"hush-hush","Password":"********"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		m := newMemory()
		s := newService(m, &recorder{}, "a")
		if _, err := call(t, s, "POST", "/alert-profiles", "", string(body)); err != nil {
			if code := autodefend.ErrorCode(err); code != autodefend.CodeInvalid && code != autodefend.CodeNotFound {
				t.Fatalf("%v (%s)", err, code)
			}
			return
		}
		all := profilesOf(t, s)
		if len(all) != 1 {
			t.Fatalf("%d profiles of %q", len(all), body)
		}
		again, err := json.Marshal(all[0])
		if err != nil {
			t.Fatal(err)
		}
		put(t, s, string(again)) // what was read can be written
		if again := profilesOf(t, s); len(again) != 1 {
			t.Fatalf("%d profiles after writing back", len(again))
		}
	})
}
