package alerting

import (
	"fmt"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// using is a profile whose channels all have credentials.
const using = `{"name":"p","notes":"n",
	"webhook":{"enabled":true,"url":"https://example.com/hook","credentialId":"hook"},
	"email":{"enabled":true,"smtpAddress":"mail.example.com","port":587,"from":"a@example.com","recipients":["b@example.com"],"credentialId":"mail"},
	"autodefend":{"sns":{"topicArn":"arn:aws:sns:eu-west-1:123456789012:t","credentialID":"aws"},
		"eventBridge":{"bus":"b","region":"eu-west-1","credentialID":"aws"}}}`

// TestCredentialsNeedTheirPermission: who manages alerts only has no credential sent to where it doesn't go already.
func TestCredentialsNeedTheirPermission(t *testing.T) {
	alertsOnly := map[api.PermName]bool{api.PermManageAlerts: true, api.PermManageCreds: false}
	changed := func(from, to string) string {
		t.Helper()
		if strings.Count(using, from) != 1 {
			t.Fatalf("%q isn't there once", from)
		}
		return strings.Replace(using, from, to, 1)
	}
	for _, test := range []struct{ name, body, member string }{
		{"a new profile", changed(`"name":"p"`, `"name":"new"`), "email.credentialId"},
		{"webhook's address", changed("https://example.com/hook", "https://evil.example/hook"), "webhook.credentialId"},
		{"webhook's path", changed("/hook\"", "/other\""), "webhook.credentialId"},
		{"webhook's encryption", changed("https://example.com/hook", "http://example.com/hook"), "webhook.credentialId"},
		{"webhook's credential", changed(`"credentialId":"hook"`, `"credentialId":"mail"`), "webhook.credentialId"},
		{"mail server", changed("mail.example.com", "evil.example"), "email.credentialId"},
		{"mail server's port", changed("587", "2525"), "email.credentialId"},
		{"topic", changed(":t\"", ":u\""), "autodefend.sns.credentialID"},
		{"bus", changed(`"bus":"b"`, `"bus":"c"`), "autodefend.eventBridge.credentialID"},
		{"a channel that tells nobody", `{"name":"q","webhook":{"enabled":false,"url":"https://evil.example","credentialId":"hook"}}`, "webhook.credentialId"},
		{"two spellings", changed(`"webhook":`, `"webhook":{"url":"https://evil.example","credentialId":"hook"},"WebHook":`), "webhook.credentialId"},
		{"a credential that isn't there", `{"name":"q","webhook":{"enabled":true,"url":"https://evil.example","credentialId":"none"}}`, "webhook.credentialId"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := newMemory()
			s := newService(m, &recorder{}, "a")
			put(t, s, using)
			before := fmt.Sprint(m.Stored(api.KindAlertProfile))
			_, err := callAs(t, s, route.Principal{Username: "eve", Permissions: alertsOnly}, "POST", "/alert-profiles", "", test.body)
			if autodefend.ErrorCode(err) != autodefend.CodeDenied || !strings.Contains(err.Error(), test.member+":") {
				t.Errorf("error %v, want one that denies %s", err, test.member)
			}
			if after := fmt.Sprint(m.Stored(api.KindAlertProfile)); after != before {
				t.Errorf("stored %s, want %s", after, before)
			}
		})
	}
}

// TestAlertsNeedNoCredentials: who manages alerts only may change all else, also of a profile with credentials.
func TestAlertsNeedNoCredentials(t *testing.T) {
	alertsOnly := route.Principal{Username: "bob", Permissions: map[api.PermName]bool{api.PermManageAlerts: true}}
	s := newService(newMemory(), &recorder{}, "a")
	put(t, s, using)
	for _, body := range []string{
		strings.Replace(using, `"notes":"n"`, `"notes":"changed"`, 1),
		strings.Replace(using, `"enabled":true,"url"`, `"enabled":false,"url"`, 1),
		strings.Replace(using, "b@example.com", "c@example.com", 1),
		strings.Replace(using, `"name":"p"`, `"name":"renamed","previousName":"p"`, 1),
		`{"name":"renamed","webhook":{"enabled":true,"url":"https://elsewhere.example"}}`,
		`{"name":"new","webhook":{"enabled":true,"url":"https://elsewhere.example"}}`,
	} {
		if _, err := callAs(t, s, alertsOnly, "POST", "/alert-profiles", "", body); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// TestWhoSeesSomeFunctionsOnlyIsntTold: alerts are of all functions.
func TestWhoSeesSomeFunctionsOnlyIsntTold(t *testing.T) {
	s := newService(newMemory(), &recorder{}, "a")
	put(t, s, `{"name":"p",`+webhookOfAll+`}`)
	some := route.Principal{Username: "bob", Collections: []string{"orders"}, Permissions: map[api.PermName]bool{api.PermManageAlerts: true, api.PermManageCreds: true}}
	for _, endpoint := range [][3]string{
		{"POST", "/alert-profiles", ""},
		{"DELETE", "/alert-profiles/{id}", "p"},
		{"POST", "/alert-profiles/{id}/test", "p"},
		{"GET", "/alerts/dead", ""},
		{"POST", "/alerts/dead/{id}/retry", "all"},
		{"DELETE", "/alerts/dead/{id}", "all"},
	} {
		if _, err := callAs(t, s, some, endpoint[0], endpoint[1], endpoint[2], `{"name":"q",`+webhookOfAll+`}`); autodefend.ErrorCode(err) != autodefend.CodeDenied {
			t.Errorf("%s %s: %v, want it denied", endpoint[0], endpoint[1], err)
		}
	}
	if all := profilesOf(t, s); len(all) != 1 || all[0]["name"] != "p" {
		t.Errorf("profiles %v", all)
	}
}
