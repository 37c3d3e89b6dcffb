package policy

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
)

// firewallEnvelope carries a rule of the firewall; rule may be "".
func firewallEnvelope(t testing.TB, rule, firewall string) Envelope {
	t.Helper()
	e := Envelope{WAAS: mustFirewall(t, firewall)}
	if rule != "" {
		e = testEnvelope(t, rule)
		e.WAAS = mustFirewall(t, firewall)
	}
	e.Target, e.Issued = Target{Function: "orders-api-handler-prod", Region: "eu-west-1", AccountID: "123456789012", Provider: "aws"}, issued()
	return e
}

func newFirewall(t testing.TB) string {
	t.Helper()
	out, err := marshalWalker(ptr(NewWAASRule("Default")))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestFirewallEnvelopeSizes(t *testing.T) {
	minimal, err := marshalWalker(ptr(NewRule("Default")))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, rule, firewall string
		most                 int
	}{
		{"a new firewall rule alone", "", newFirewall(t), 300},
		{"a new rule and a new firewall rule", string(minimal), newFirewall(t), 450},
		{"a rule with all sections and a new firewall rule", oneRule, newFirewall(t), 600},
		{"a rule with all sections and a firewall rule with exceptions and custom rules", oneRule, prismaFirewall, 850},
	} {
		value, err := Encode(firewallEnvelope(t, tt.rule, tt.firewall), testKey(1), 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("figure: TW_POLICY with %s: %d bytes", tt.name, len(value))
		if len(value) > tt.most {
			t.Errorf("%s: %d bytes, want at most %d", tt.name, len(value), tt.most)
		}
	}
}

func TestFirewallEnvelopeRoundTrip(t *testing.T) {
	e := firewallEnvelope(t, oneRule, prismaFirewall)
	value, err := Encode(e, testKey(1), 0)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(value, nil)
	if err != nil {
		t.Fatal(err)
	}
	var errs []error
	if a, b := writeObject(e.WAAS, true, &errs), writeObject(got.WAAS, true, &errs); !bytes.Equal(a, b) || len(errs) > 0 {
		t.Errorf("rule\n%s, want\n%s (%v)", b, a, errs)
	}
	if got.Rule.Name != e.Rule.Name || got.Summary || len(got.WAAS.Collections) > 0 || got.WAAS.Notes != "" || len(got.WAAS.Application().CustomRules) > 0 {
		t.Errorf("decoded %+v", got)
	}
	for _, class := range autodefend.AttackClasses() {
		for _, trigger := range WAASTriggers() {
			if a, b := e.WAAS.Effect(class, trigger), got.WAAS.Effect(class, trigger); a != b {
				t.Errorf("%s on %s was %s and is %s", class, trigger, a, b)
			}
		}
	}
	alone, err := Encode(firewallEnvelope(t, "", newFirewall(t)), testKey(1), 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Decode(alone, nil); err != nil || got.Rule != nil || got.WAAS == nil || got.WAAS.Name != "Default" {
		t.Errorf("a firewall rule alone: %+v, %v", got, err)
	}
}

// plainValue was made before envelopes had rules of the firewall.
const plainValue = `ad.AQDYiojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1zmtg1xFiYdHP0RJN5_l_30XcFJFA8nZ5Qu58EUxdTWGa2bIugtEbD3OTDcOx6D75D6FItb4` +
	`_dyy2D55vYIFLcEwlVkKOgqJObkKMA8WqxESZFB-3IAi104crqOkpGBsZ6BnqGhsZ6BvhFZWR-Rk01NjGE5HMQkMS8aGhgZoxYAWLIljpIXSzVXkKkHqnYKU` +
	`uH1Yn5RSmpRMbxRgZHj4I0QfFkYlpWIzKs6SuCmErY8S4WaF1u9ir2aBNePSBkVEhbIWVUXlHeR8yu8EUVxfk1MzoVnWvQMW2gRVWRYYRBsnhtZElhm7FPun` +
	`Wzpkm7kkeeUZupVEJRqEprvmBlRGWJW7ArKzNhCDZF_LU2NjYzNDAxqAQEAAP__`

// TestPlainEnvelopesStay: a value without a rule of the firewall is what it always was, and is still read.
func TestPlainEnvelopesStay(t *testing.T) {
	value, err := Encode(testEnvelope(t, oneRule), testKey(1), 0)
	if err != nil {
		t.Fatal(err)
	}
	if value != plainValue {
		t.Errorf("the value changed to\n%s", value)
	}
	got, err := Decode(plainValue, nil)
	if err != nil || got.Rule == nil || got.WAAS != nil || got.Rule.Processes.Deny[1] != "curl" {
		t.Errorf("decoded %+v, %v", got, err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(plainValue, autodefend.PolicyPrefix))
	if err != nil || raw[0] != plainVersion {
		t.Errorf("version %d, %v", raw[0], err)
	}
}

func TestFirewallEnvelopeErrors(t *testing.T) {
	e := firewallEnvelope(t, oneRule, newFirewall(t))
	e.WAAS.Name = ""
	if _, err := Encode(e, testKey(1), 0); err == nil || !strings.Contains(err.Error(), "the firewall's rule needs a name") {
		t.Errorf("no name: %v", err)
	}
	e = firewallEnvelope(t, oneRule, `{"name": "r", "applicationsSpec": [{"sqli": {"exceptionFields": [{"location": "query", "key": "("}]}}]}`)
	if _, err := Encode(e, testKey(1), 0); err == nil || !strings.Contains(err.Error(), "waas.applicationsSpec[0].sqli.exceptionFields[0].key") {
		t.Errorf("bad pattern: %v", err)
	}
	for name, content := range map[string]string{
		"an effect of the future":    `{"function":"f","waas":{"name":"r","applicationsSpec":[{"sqli":{"effect":"ask"}}]}}`,
		"a trigger of the future":    `{"function":"f","waas":{"name":"r","autodefend":{"triggers":{"mars":{}}}}}`,
		"a pattern of the future":    `{"function":"f","waas":{"name":"r","applicationsSpec":[{"sqli":{"exceptionFields":[{"key":"("}]}}]}}`,
		"a member of the future":     `{"function":"f","waaas":{"name":"r"}}`,
		"a location of the future":   `{"function":"f","waas":{"name":"r","applicationsSpec":[{"sqli":{"exceptionFields":[{"key":"x","location":"soul"}]}}]}}`,
		"an extension of the future": `{"function":"f","waas":{"name":"r","autodefend":{"colour":"blue"}}}`,
	} {
		packed, err := deflate(plainVersion, []byte(content))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(sealRaw(packed), nil); !errors.Is(err, ErrNewer) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// longFirewall has more than fits, of every kind.
func longFirewall() string {
	var exceptions []string
	for i := range 100 {
		exceptions = append(exceptions, fmt.Sprintf(`{"location": "query", "key": "name-%d-%x"}`, i*7919, i*104729))
	}
	list := strings.Join(exceptions, ",")
	return `{"name": "long", "applicationsSpec": [{
			"sqli": {"effect": "prevent", "exceptionFields": [` + list + `]}, "xss": {"effect": "alert", "exceptionFields": [` + list + `]},
			"lfi": {"effect": "prevent"}, "customBlockResponse": {"enabled": true, "body": "` + strings.Repeat("no ", 50) + `"}}],
		"autodefend": {"customRules": [{"name": "seen", "expression": "req.path = \"/a\"", "message": "seen"},
			{"name": "stop", "expression": "req.path = \"/b\"", "effect": "prevent"}, {"name": "pass", "expression": "req.path = \"/c\"", "effect": "allow"}]}}`
}

// TestFirewallSummaries: the firewall gives way first, and none of its summaries refuses more than the rule.
func TestFirewallSummaries(t *testing.T) {
	rule, firewall := mustRule(t, oneRule), mustFirewall(t, longFirewall())
	before, err := marshalWalker(firewall)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for r, w := range candidates(rule, firewall) {
		a := w.Application()
		for _, p := range a.protections() {
			was := firewall.Application().Protection(p.class)
			if firewallLevel(p.to.Effect) > firewallLevel(was.Effect) {
				t.Errorf("%s became %s", p.class, p.to.Effect)
			}
			if firewallLevel(p.to.Effect) >= prevent && len(p.to.Exceptions) < len(was.Exceptions) {
				t.Errorf("%s prevents what was excepted", p.class)
			}
		}
		if r != rule {
			break
		}
		got = append(got, fmt.Sprintf("sqli %s/%d xss %s/%d lfi %s rules %d body %v", a.SQLi.Effect, len(a.SQLi.Exceptions), a.XSS.Effect, len(a.XSS.Exceptions),
			a.LFI.Effect, len(w.Own.CustomRules), a.BlockResponse.Body != ""))
	}
	want := []string{
		"sqli prevent/100 xss alert/100 lfi prevent rules 3 body true",
		"sqli prevent/100 xss alert/100 lfi prevent rules 3 body false",
		"sqli prevent/100 xss alert/0 lfi prevent rules 3 body false",
		"sqli prevent/100 xss alert/0 lfi prevent rules 2 body false",
		"sqli alert/0 xss alert/0 lfi prevent rules 2 body false",
		"sqli alert/0 xss alert/0 lfi alert rules 0 body false",
	}
	if !slices.Equal(got, want) {
		t.Errorf("summaries\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if after, err := marshalWalker(firewall); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the rule itself became %.200s, %v", after, err)
	}
}

func TestFirewallSummaryFits(t *testing.T) {
	e := firewallEnvelope(t, oneRule, longFirewall())
	value, err := Encode(e, testKey(1), 900)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(value, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Summary || len(value) > 900 || got.WAAS.Application().SQLi.Effect != autodefend.Alert || len(got.Rule.DNS.Allow) != 3 {
		t.Errorf("%d bytes, %+v", len(value), got.WAAS)
	}
	e.Console = Console{}
	if _, err := Encode(e, testKey(1), 900); err == nil || !strings.Contains(err.Error(), "there is room for 900") {
		t.Errorf("a summary that nobody completes: %v", err)
	}
}
