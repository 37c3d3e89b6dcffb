package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// received is what a test's server got.
type received struct {
	header http.Header
	body   []byte
}

// receiver answers with a status and keeps what it gets.
func receiver(t *testing.T, answer http.HandlerFunc) (*httptest.Server, <-chan received) {
	t.Helper()
	got := make(chan received, 16)
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got <- received{r.Header, body}
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s, got
}

func roots(s *httptest.Server) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return pool
}

func TestWebhook(t *testing.T) {
	s, got := receiver(t, nil)
	n := newNotifier(t, Config{})
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	to := api.AlertTarget{Webhook: &api.WebhookTarget{URL: s.URL + "/hook?x=1", CACert: ca, Secret: "key", Login: api.Login{User: "ann", Password: "pw"}}}
	if err := n.Send(t.Context(), to, runtimeAlert("a1", "a2")); err != nil {
		t.Fatal(err)
	}
	r := <-got
	mac := hmac.New(sha256.New, []byte("key"))
	mac.Write(append([]byte("1795348801."), r.body...))
	if want := "t=1795348801,v1=" + hex.EncodeToString(mac.Sum(nil)); r.header.Get(SignatureHeader) != want {
		t.Errorf("signature %q, want %q", r.header.Get(SignatureHeader), want)
	}
	if r.header.Get(AlertHeader) != "alert-1" || r.header.Get("Content-Type") != "application/json" || r.header.Get("Authorization") != "Basic YW5uOnB3" {
		t.Errorf("headers %v", r.header)
	}
	var d alertDocument
	if err := json.Unmarshal(r.body, &d); err != nil {
		t.Fatal(err)
	}
	if d.Function != "orders" || !d.Blocked || len(d.Rest) != 1 || !strings.Contains(string(d.Audit), `"_id":"a1"`) || !strings.Contains(string(d.Rest[0]), `"_id":"a2"`) {
		t.Errorf("body %s", r.body)
	}
}

func TestWebhookTemplate(t *testing.T) {
	s, got := receiver(t, nil)
	n := newNotifier(t, Config{Roots: roots(s)})
	token := strings.Repeat("tok", 1000) // as long as tokens with claims are
	template, err := api.ParseAlertTemplate(`{"t":#type,"text":"#rule in #function: #message","all":#aggregated,"more":#rest}`)
	if err != nil {
		t.Fatal(err)
	}
	to := api.AlertTarget{Webhook: &api.WebhookTarget{URL: s.URL, Template: template, Login: api.Login{Token: token}}}
	if err := n.Send(t.Context(), to, runtimeAlert("a1", "a2")); err != nil {
		t.Fatal(err)
	}
	r := <-got
	var body struct {
		T, Text string
		All     autodefend.Audit
		More    []autodefend.Audit
	}
	if err := json.Unmarshal(r.body, &body); err != nil {
		t.Fatal(err)
	}
	if body.T != "ServerlessRuntime" || body.Text != "strict in orders: /usr/bin/curl launched and denied" || body.All.ID != "a1" || len(body.More) != 1 {
		t.Errorf("body %s", r.body)
	}
	if r.header.Get("Authorization") != "Bearer "+token || r.header.Get(SignatureHeader) != "" {
		t.Errorf("headers %v", r.header)
	}
}

func TestWebhookAnswers(t *testing.T) {
	tests := []struct {
		status int
		after  string
		code   autodefend.Code
		wait   time.Duration
	}{
		{200, "", "", 0},
		{204, "", "", 0},
		{302, "", autodefend.CodeInvalid, 0},
		{307, "", autodefend.CodeInvalid, 0},
		{400, "", autodefend.CodeInvalid, 0},
		{401, "", autodefend.CodeDenied, 0},
		{404, "", autodefend.CodeUnavailable, 0},
		{413, "", autodefend.CodeInvalid, 0},
		{429, "7", autodefend.CodeThrottled, 7 * time.Second},
		{429, "", autodefend.CodeThrottled, 0},
		{429, "999999999", autodefend.CodeThrottled, time.Hour},
		{429, "9223372037", autodefend.CodeThrottled, time.Hour},
		{429, "-5", autodefend.CodeThrottled, 0},
		{503, "Sun, 22 Nov 2026 12:01:01 GMT", autodefend.CodeThrottled, time.Minute},
		{500, "", autodefend.CodeUnavailable, 0},
	}
	for _, tt := range tests {
		s, got := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", tt.after)
			w.Header().Set("Location", "https://169.254.169.254/")
			w.WriteHeader(tt.status)
			if tt.status != 204 {
				_, _ = io.WriteString(w, "internal secret of the receiver")
			}
		})
		n := newNotifier(t, Config{Roots: roots(s)})
		err := n.Send(t.Context(), api.AlertTarget{Webhook: &api.WebhookTarget{URL: s.URL + "/token-in-path"}}, runtimeAlert("a"))
		<-got
		if autodefend.ErrorCode(err) != tt.code {
			t.Errorf("%d: %v, want code %q", tt.status, err, tt.code)
		}
		if err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "token-in-path")) {
			t.Errorf("%d: the error tells too much: %v", tt.status, err)
		}
		wait := time.Duration(0)
		if w, ok := errors.AsType[*Wait](err); ok {
			wait = w.RetryAfter()
		}
		if wait != tt.wait {
			t.Errorf("%d: waits %v, want %v", tt.status, wait, tt.wait)
		}
	}
}

func TestWebhookFailures(t *testing.T) {
	s, _ := receiver(t, nil)
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	onlyPublic := New(Config{})
	allowed := newNotifier(t, Config{})
	tests := []struct {
		name, url string
		n         *Notifier
		code      autodefend.Code
		text      string
	}{
		{"unknown authority", s.URL, allowed, autodefend.CodeUnavailable, "unknown authority"},
		{"plain to TLS", "http" + strings.TrimPrefix(s.URL, "https"), allowed, autodefend.CodeInvalid, "400"},
		{"TLS to plain", "https" + strings.TrimPrefix(plain.URL, "http"), allowed, autodefend.CodeUnavailable, ""},
		{"nobody there", "https://127.0.0.1:1/", allowed, autodefend.CodeUnavailable, "can't be connected to"},
		{"not allowed", plain.URL, onlyPublic, autodefend.CodeInvalid, "without encryption"},
		{"not public", s.URL, onlyPublic, autodefend.CodeInvalid, "isn't public"},
		{"no scheme", "ftp://example.com/", allowed, autodefend.CodeInvalid, "scheme"},
		{"no host", "https:///x", allowed, autodefend.CodeInvalid, "URL"},
	}
	for _, tt := range tests {
		err := tt.n.Send(t.Context(), api.AlertTarget{Webhook: &api.WebhookTarget{URL: tt.url}}, runtimeAlert("a"))
		if autodefend.ErrorCode(err) != tt.code || err == nil || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v, want code %q and %q", tt.name, err, tt.code, tt.text)
		}
	}
}

func TestWebhookGivesUp(t *testing.T) {
	release := make(chan struct{})
	s, _ := receiver(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	n := newNotifier(t, Config{Roots: roots(s)})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := n.Send(ctx, api.AlertTarget{Webhook: &api.WebhookTarget{URL: s.URL}}, runtimeAlert("a"))
	if autodefend.ErrorCode(err) != autodefend.CodeUnavailable || !strings.Contains(err.Error(), "in time") {
		t.Errorf("%v, want no answer in time", err)
	}
}

func TestNothingToSendTo(t *testing.T) {
	n := newNotifier(t, Config{})
	for _, to := range []api.AlertTarget{{Channel: "x"}, {SNS: &api.AlertSNS{}}, {EventBridge: &api.AlertEventBridge{}}} {
		if err := n.Send(t.Context(), to, runtimeAlert("a")); autodefend.ErrorCode(err) != autodefend.CodeInvalid {
			t.Errorf("%+v: %v", to, err)
		}
	}
	if err := n.Send(t.Context(), api.AlertTarget{Slack: &api.SlackTarget{}}, api.Alert{}); autodefend.ErrorCode(err) != autodefend.CodeInvalid {
		t.Errorf("an empty alert: %v", err)
	}
}

func TestSlack(t *testing.T) {
	s, got := receiver(t, nil)
	n := newNotifier(t, Config{Roots: roots(s)})
	alert := runtimeAlert("a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "a10", "a11", "a12", "a13")
	alert.Audits[0].Msg = "<!channel> *bold* & <https://evil.example|safe> " + strings.Repeat("x", 5000)
	alert.Audits[0].Function = "<!here>"
	if err := n.Send(t.Context(), api.AlertTarget{Slack: &api.SlackTarget{URL: s.URL, Channel: "#security"}}, alert); err != nil {
		t.Fatal(err)
	}
	var m slackMessage
	r := <-got
	if err := json.Unmarshal(r.body, &m); err != nil {
		t.Fatal(err)
	}
	if m.Channel != "#security" || strings.Contains(m.Text, "<!here>") || !strings.Contains(m.Text, "&lt;!here&gt;") {
		t.Errorf("text %q", m.Text)
	}
	var kinds []string
	for _, b := range m.Blocks {
		kinds = append(kinds, b.Type)
		texts := append(append([]slackPlain{}, b.Fields...), b.Elements...)
		if b.Text != nil {
			texts = append(texts, *b.Text)
		}
		for _, text := range texts {
			if text.Type != "plain_text" || len([]rune(text.Text)) > slackText || b.Type == "header" && len([]rune(text.Text)) > slackHeader {
				t.Errorf("%s: %s with %d characters", b.Type, text.Type, len([]rune(text.Text)))
			}
		}
		if len(b.Fields) > slackFields {
			t.Errorf("%d fields", len(b.Fields))
		}
	}
	if got := strings.Join(kinds, " "); got != "header section section section context" {
		t.Errorf("blocks %s", got)
	}
	if rest := m.Blocks[3].Text.Text; !strings.Contains(rest, "And 12 more") || !strings.Contains(rest, "2 aren't listed") {
		t.Errorf("rest %q", rest)
	}
}
