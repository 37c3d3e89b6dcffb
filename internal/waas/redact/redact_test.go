package redact_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/autodefend/autodefend/internal/waas/redact"
	"pgregory.net/rapid"
)

// token is a secret that no pattern knows.
const token = "q7Zt0pWm"

func TestText(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"nothing", "1' OR '1'='1", "1' OR '1'='1"},
		{"query", "id=1&password=" + token + "&x=2", "id=1&password=***&x=2"},
		{"encoded name", "pass%77ord=" + token, "pass%77ord=***"},
		{"URL", "https://a.example/cb?state=1&access_token=" + token + "#top", "https://a.example/cb?state=1&access_token=***"},
		{"cookie header", "theme=dark; session_id=" + token + "; a=b", "theme=dark; session_id=***; a=b"},
		{"user and password of a URL", "redis://me:" + token + "@host:6379/0", "redis://me:***@host:6379/0"},
		{"bearer", "Bearer abcdef" + token, "Bearer ***"},
		{"basic", "basic dXNlcjpwYXNz", "basic ***"},
		{"JSON Web Token", "t eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig-nat_ure end", "t *** end"},
		{"AWS access key", "id AKIAIOSFODNN7EXAMPLE!", "id ***!"},
		{"AWS signature", "AWS4-HMAC-SHA256 Credential=x/y, Signature=abc", "AWS4-HMAC-SHA256 ***"},
		{"private key", "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nnext", "***\nnext"},
		{"cut private key", "-----BEGIN PRIVATE KEY-----\nabc", "***"},
		{"document", `{"user":"ann","password":"` + token + `"}`, `{"user":"ann","password":"***"}`},
		{"number", `{"pin":1234,"n":1}`, `{"pin":"***","n":1}`},
		{"everything below", `{"credentials":{"a":["` + token + `",1,true]},"b":"c"}`, `{"credentials":{"a":["***","***",true]},"b":"c"}`},
		{"sibling", `{"token":"` + token + `","name":"ann"}`, `{"token":"***","name":"ann"}`},
		{"document in a document", `{"body":"{\"secret\":\"` + token + `\"}"}`, `{"body":"{\"secret\":\"***\"}"}`},
		{"broken document", `{"password":"`, `{"password":"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := redact.Text(tt.text); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestEvent(t *testing.T) {
	form := base64.StdEncoding.EncodeToString([]byte("user=ann&password=" + token + "&id=1"))
	masked := base64.StdEncoding.EncodeToString([]byte("user=ann&password=***&id=1"))
	tests := []struct{ name, event, want string }{
		{
			"headers", `{"headers":{"Authorization":"x ` + token + `","accept":"*/*"},"multiValueHeaders":{"Cookie":["a=` + token + `"]},"cookies":["s=` + token + `"]}`,
			`{"headers":{"Authorization":"***","accept":"*/*"},"multiValueHeaders":{"Cookie":["***"]},"cookies":["***"]}`,
		},
		{"base64", `{"body":"` + form + `","isBase64Encoded":true}`, `{"body":"` + masked + `","isBase64Encoded":true}`},
		{"duplicates stay", `{"a":1,"a":2}`, `{"a":1,"a":2}`},
		{
			"what an authorizer's caller is known by", `{"identitySource":["` + token + `"],"routeArn":"r"}`, `{"identitySource":["***"],"routeArn":"r"}`,
		},
		{"space goes", "{ \"a\" : [ 1 , null ] }", `{"a":[1,null]}`},
		{"no JSON", "password=" + token, "password=***"},
		{"two documents", `{"a":1} {"password":"x"}`, `{"a":1} {"password":"x"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := redact.Event([]byte(tt.event), 4096, nothing); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// nothing hides nothing more.
func nothing(text string) string { return text }

// TestHide: further secrets are found in every string, whatever the string is wrapped in, and never shown in part.
func TestHide(t *testing.T) {
	const quoted = `a"b\c<d>`
	hide := func(text string) string { return strings.ReplaceAll(text, quoted, "$V") }
	inner, _ := json.Marshal(map[string]any{"x": quoted})
	tests := []struct {
		name  string
		value any
		want  string
	}{
		{"string", "it is " + quoted, "it is $V"},
		{"document in a string", string(inner), `{"x":"$V"}`},
		{"base64", base64.StdEncoding.EncodeToString([]byte("some text and " + quoted)), base64.StdEncoding.EncodeToString([]byte("some text and $V"))},
		{"base64 of a document", base64.StdEncoding.EncodeToString([]byte(`{"long":"enough","in":[` + string(inner) + `]}`)), base64.StdEncoding.EncodeToString([]byte(`{"long":"enough","in":[{"x":"$V"}]}`))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			event, _ := json.Marshal(map[string]any{"body": tt.value, quoted: 1})
			var got map[string]any
			if err := json.Unmarshal([]byte(redact.Event(event, 4096, hide)), &got); err != nil {
				t.Fatal(err)
			}
			if got["body"] != tt.want || got["$V"] != 1.0 {
				t.Errorf("got  %v\nwant %s", got, tt.want)
			}
		})
	}
	if got := redact.Event([]byte(`{"a":"0123456789`+strings.Repeat(token, 5)+`"}`), 30, func(text string) string { return strings.ReplaceAll(text, token, "$V") }); strings.Contains(got, token[:4]) {
		t.Errorf("a part shows: %s", got)
	}
}

func TestEventIsCut(t *testing.T) {
	event := `{"text":"` + strings.Repeat("ü", 5000) + `","token":"` + token + `"}`
	got := redact.Event([]byte(event), 1000, nothing)
	if len(got) > 1000 || !strings.HasSuffix(got, "…") || !utf8.ValidString(got) {
		t.Errorf("%d bytes that end in %q", len(got), got[len(got)-8:])
	}
	deep := strings.Repeat(`{"a":`, 5000)
	if got := redact.Event([]byte(deep), 100, nothing); len(got) > 100 {
		t.Errorf("%d bytes", len(got))
	}
}

func TestIsSecret(t *testing.T) {
	for _, name := range []string{
		"Authorization", "X-Api-Key", "apiKey", "set-cookie", "client_secret", "/user/newPassword", "login[passwd]", "accessToken",
		"PHPSESSID", "X-Amz-Security-Token", "/tokens/0", "x-hub-signature-256",
	} {
		if !redact.IsSecret(name) {
			t.Errorf("%q is a secret's name", name)
		}
	}
	for _, name := range []string{"", "id", "key", "user", "comment", "x-forwarded-for", "/items/0/name", "code", "author"} {
		if redact.IsSecret(name) {
			t.Errorf("%q isn't a secret's name", name)
		}
	}
}

// TestSecretsNeverShow hides a secret below a secret's name anywhere in an event.
func TestSecretsNeverShow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"password", "Authorization", "cookies", "x_api_key", "refresh-token"}).Draw(t, "name")
		var value any = map[string]any{name: rapid.SampledFrom([]any{token, []any{token}, map[string]any{"v": token}}).Draw(t, "value")}
		for range rapid.IntRange(0, 4).Draw(t, "depth") {
			switch rapid.IntRange(0, 3).Draw(t, "wrap") {
			case 0:
				value = map[string]any{"a": value, "b": 1}
			case 1:
				value = []any{"x", value}
			case 2:
				inner, _ := json.Marshal(value)
				value = map[string]any{"body": string(inner)}
			case 3:
				inner, _ := json.Marshal(value)
				value = map[string]any{"body": base64.StdEncoding.EncodeToString(inner)}
			}
		}
		event, _ := json.Marshal(value)
		got := redact.Event(event, 1<<20, nothing)
		if strings.Contains(got, token) {
			t.Errorf("%s shows the secret of %s", got, event)
		}
		for _, encoding := range []string{base64.StdEncoding.EncodeToString([]byte(token))[:8]} {
			if strings.Contains(got, encoding) {
				t.Errorf("%s holds the secret of %s in base64", got, event)
			}
		}
	})
}

func FuzzEvent(f *testing.F) {
	f.Add([]byte(`{"headers":{"authorization":"x"},"body":"a=b"}`), 100)
	f.Add([]byte(`[{"a":"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0."}]`), 10)
	f.Add([]byte("a=b&password=x;\xff"), 3)
	f.Fuzz(func(t *testing.T, event []byte, limit int) {
		limit = max(limit, 4) % 10_000
		if got := redact.Event(event, limit, nothing); len(got) > max(limit, len("…")) {
			t.Errorf("%d bytes, the limit is %d", len(got), limit)
		}
		redact.Text(string(event))
	})
}
