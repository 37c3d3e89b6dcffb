package api

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
)

func someAlert(text string) Alert {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	a := AlertAudit{
		ID: text, Time: time.Unix(1795348800, 0), Function: text, Region: text, Runtime: text, Rule: text, Msg: text, Account: text,
		Type: text, AttackType: text, Effect: text, Techniques: []string{text}, Body: json.RawMessage(`{"msg":` + string(quoted) + `}`),
	}
	return Alert{ID: text, Profile: text, Kind: AlertServerlessRuntime, Audits: []AlertAudit{a, a}}
}

func TestTemplates(t *testing.T) {
	tests := []struct{ template, want string }{
		{`{"type":#type,"host":#host,"details":#message}`, `{"type":"ServerlessRuntime","host":"","details":"a \"b\" \\ \n c"}`},
		{`{"t":"#type in #function."}`, `{"t":"ServerlessRuntime in a \"b\" \\ \n c."}`},
		{`{"channel":"#general","text":"\"#rule\" 50% #1 #"}`, `{"channel":"#general","text":"\"a \"b\" \\ \n c\" 50% #1 #"}`},
		{`{"a":#aggregated,"r":#rest,"n":#count,"l":#labels}`, `{"a":{"msg":"a \"b\" \\ \n c"},"r":[{"msg":"a \"b\" \\ \n c"}],"n":2,"l":[]}`},
		{`{"time":#time}`, `{"time":"2026-11-22T12:00:00.000Z"}`},
		{`["#aggregated"]`, `["{\"msg\":\"a \\\"b\\\" \\\\ \\n c\"}"]`},
		{`{"x":"\\"}`, `{"x":"\\"}`},
		{`#aggregated`, `{"msg":"a \"b\" \\ \n c"}`},
	}
	for _, tt := range tests {
		parsed, err := ParseAlertTemplate(tt.template)
		if err != nil {
			t.Errorf("%s: %v", tt.template, err)
			continue
		}
		if got := string(parsed.Render(someAlert("a \"b\" \\ \n c"))); got != tt.want || !json.Valid([]byte(got)) {
			t.Errorf("%s: got %s, want %s", tt.template, got, tt.want)
		}
	}
}

func TestRefusedTemplates(t *testing.T) {
	for _, template := range []string{
		``, `{`, `{"a":}`, `{"a":#}`, `{"a":#nothing}`, `{"a":#message`, `{"a":"#message}`, `#message #message`, `{#aggregated:1}`, `{#count:1}`,
		`{"a":#message"}`, `"\"#message`, `{"a":#mes sage}`, strings.Repeat(" ", maxTemplate+1),
	} {
		if _, err := ParseAlertTemplate(template); autodefend.ErrorCode(err) != autodefend.CodeInvalid {
			t.Errorf("%.40q: %v", template, err)
		}
	}
}

// FuzzTemplate: whatever an audit says, a template that is accepted stays JSON of the same shape.
func FuzzTemplate(f *testing.F) {
	f.Add(`{"type":#type,"text":"#rule: #message"}`, `"},"evil":{"`)
	f.Add(`["#aggregated",#aggregated,#rest,{#type:"\\#type"}]`, "\\")
	f.Add(`{"a":"\#message"}`, "\x00\u2028")
	f.Add(`{"\u0023message":#message}`, `#rest`)
	f.Add("\"#message\"", "\xff\"")
	f.Fuzz(func(t *testing.T, template, text string) {
		parsed, err := ParseAlertTemplate(template)
		if err != nil {
			return
		}
		plain, hostile := parsed.Render(someAlert("x")), parsed.Render(someAlert(text))
		if !json.Valid(hostile) {
			t.Fatalf("%q with %q: %s", template, text, hostile)
		}
		if shape(t, plain) != shape(t, hostile) {
			t.Fatalf("%q with %q changes the shape: %s", template, text, hostile)
		}
	})
}

// shape is a JSON text without the contents of its strings, numbers and members' names.
func shape(t *testing.T, body []byte) string {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(string(body)))
	var b strings.Builder
	for {
		token, err := dec.Token()
		if err != nil {
			return b.String()
		}
		if d, ok := token.(json.Delim); ok {
			b.WriteString(d.String())
			continue
		}
		b.WriteString("v")
	}
}

func TestTells(t *testing.T) {
	p := AlertProfile{Policy: map[AlertKind]AlertRule{
		AlertServerlessRuntime:     {Enabled: true, Rules: []string{"a", "b"}},
		AlertServerlessAppFirewall: {Enabled: false, AllRules: true},
	}}
	tests := []struct {
		kind AlertKind
		rule string
		want bool
	}{
		{AlertServerlessRuntime, "a", true},
		{AlertServerlessRuntime, "c", false},
		{AlertServerlessRuntime, "", false},
		{AlertServerlessAppFirewall, "a", false},
		{"incident", "a", false},
	}
	for _, tt := range tests {
		if got := p.Tells(tt.kind, tt.rule); got != tt.want {
			t.Errorf("Tells(%s, %s) = %t", tt.kind, tt.rule, got)
		}
	}
	p.Disabled = true
	if p.Tells(AlertServerlessRuntime, "a") {
		t.Error("a disabled profile tells")
	}
}

func TestSecretIsNeverWritten(t *testing.T) {
	for _, body := range []string{`"hush"`, `{"plain":"hush"}`, `{"encrypted":"hush"}`, `{"Plain":"hush","encrypted":"x"}`} {
		var s Secret
		if err := json.Unmarshal([]byte(body), &s); err != nil || !s.Set {
			t.Errorf("%s: %+v, %v", body, s, err)
		}
		if out, err := json.Marshal(s); err != nil || strings.Contains(string(out), "hush") || !strings.Contains(string(out), SecretKept) {
			t.Errorf("%s: written as %s, %v", body, out, err)
		}
	}
	for _, body := range []string{`""`, `{}`, `null`, `{"plain":""}`} {
		var s Secret
		if err := json.Unmarshal([]byte(body), &s); err != nil || s.Set {
			t.Errorf("%s: %+v, %v", body, s, err)
		}
	}
}

func TestBlocked(t *testing.T) {
	tests := []struct {
		effect, body string
		want         bool
	}{
		{"prevent", `{}`, true},
		{"block", `{"coverage":"enforced"}`, true},
		{"ban", ``, true},
		{"prevent", `{"coverage":"detected"}`, false},
		{"prevent", `{"coverage":"seen"}`, false},
		{"alert", `{}`, false},
	}
	for _, tt := range tests {
		if got := (AlertAudit{Effect: tt.effect, Body: json.RawMessage(tt.body)}).Blocked(); got != tt.want {
			t.Errorf("%s %s: %t", tt.effect, tt.body, got)
		}
	}
}

func FuzzAlertProfile(f *testing.F) {
	f.Add([]byte(`{"name":"a","email":{"enabled":true,"smtpAddress":"m.example.com","port":25,"from":"A <a@example.com>","recipients":["b@example.com"]}}`))
	f.Add([]byte(`{"name":"a","webhook":{"enabled":true,"url":"https://[::1]:443/","json":"{}"},"autodefend":{"syslog":{"address":"[::1]:514"}}}`))
	f.Add([]byte(`{"name":"a","slack":{"enabled":true,"webhookUrl":{"plain":"https://x.example/"},"channels":["#a"]},"policy":{"serverlessRuntime":null}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := DecodeAlertProfile(body)
		if err == nil {
			err = p.Validate()
		}
		if err != nil {
			if autodefend.ErrorCode(err) != autodefend.CodeInvalid {
				t.Fatalf("%v", err)
			}
			return
		}
		for _, line := range append([]string{p.Name}, p.Email.Recipients...) {
			if p.Email.Enabled && strings.ContainsAny(line, "\r\n\x00") {
				t.Fatalf("%q was accepted", line)
			}
		}
	})
}
