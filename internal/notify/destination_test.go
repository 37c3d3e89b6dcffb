package notify

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

func TestDestinations(t *testing.T) {
	some := Destinations{"hooks.slack.com", "*.Example.com", "192.0.2.7", "2001:db8::1"}
	for host, want := range map[string]bool{
		"hooks.slack.com": true, "HOOKS.slack.com.": true, "a.example.com": true, "a.b.example.com": true, "192.0.2.7": true,
		"2001:db8:0::1": true, "::ffff:192.0.2.7": true,
		"slack.com": false, "example.com": false, "badexample.com": false, "hooks.slack.com.evil.org": false, "192.0.2.8": false, "": false,
	} {
		if err := some.Allow(host); (err == nil) != want {
			t.Errorf("%q: %v, want it allowed: %v", host, err, want)
		}
		if err := (Destinations{}).Allow(host); err != nil {
			t.Errorf("without a list, %q: %v", host, err)
		}
	}
	if err := some.Check(); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "*", "*.", "a.*.com", "https://a.com", "a.com:443", "a b", "u@a.com"} {
		if err := (Destinations{bad}).Check(); autodefend.ErrorCode(err) != autodefend.CodeInvalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestAlertsGoToAllowedHostsOnly: nothing connects anywhere else, whatever the channel; the name isn't even resolved.
func TestAlertsGoToAllowedHostsOnly(t *testing.T) {
	dns := newNameServer(t, "203.0.113.7")
	n := New(Config{Hosts: Destinations{"example.com"}, Resolver: dns.resolver()})
	for _, to := range []api.AlertTarget{
		{Webhook: &api.WebhookTarget{URL: "https://other.example.com/"}},
		{Slack: &api.SlackTarget{URL: "https://other.example.com/"}},
		{Syslog: &api.AlertSyslog{Address: "other.example.com:6514"}},
		{Email: &api.EmailTarget{Settings: api.AlertEmail{SMTPAddress: "other.example.com", Port: 25, From: "a@example.com", Recipients: []string{"b@example.com"}}}},
	} {
		err := n.Send(t.Context(), to, runtimeAlert("a"))
		if autodefend.ErrorCode(err) != autodefend.CodeInvalid || !strings.Contains(err.Error(), "operator doesn't allow the host") {
			t.Errorf("%+v: %v", to, err)
		}
	}
	if dns.asked.Load() != 0 {
		t.Errorf("names were resolved %d times", dns.asked.Load())
	}
}

func TestTransportKeepsToDestinations(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer server.Close()
	for host, want := range map[string]int{"127.0.0.1": 1, "login.example.com": 0} {
		asked = 0
		client := &http.Client{Transport: Destinations{host}.Transport(http.DefaultTransport)}
		response, err := client.Get(server.URL)
		if err == nil {
			_ = response.Body.Close()
		}
		if asked != want || (err == nil) != (want == 1) {
			t.Errorf("%s: asked %d times, %v; want %d", host, asked, err, want)
		}
	}
}
