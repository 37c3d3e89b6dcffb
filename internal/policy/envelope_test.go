package policy

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
)

// testKey returns the nth key of the tests.
func testKey(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
}

func issued() time.Time { return time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC) }

// oneRule is a rule as people write them: a few entries in each section.
const oneRule = `{"name": "Default - all functions", "notes": "not carried", "owner": "admin", "advancedProtection": true,
	"modified": "2026-07-01T10:00:00Z", "collections": [{"name": "All", "functions": ["*"]}], "wildFireAnalysis": "alert",
	"processes": {"effect": "prevent", "whitelist": [], "blacklist": ["wget", "curl"], "blockAllBinaries": true, "checkCryptoMiners": true},
	"network": {"effect": "prevent", "whitelistIPs": [], "blacklistIPs": ["169.254.169.254", "203.0.113.0/24"],
		"whitelistOutboundPorts": [{"start": 443, "end": 443, "deny": false}, {"start": 5432, "end": 5432, "deny": false}],
		"blacklistListeningPorts": [{"start": 1, "end": 1023, "deny": true}]},
	"dns": {"effect": "prevent", "whitelist": ["*.amazonaws.com", "api.stripe.com", "*.orders.internal"], "blacklist": ["yahoo.com"]},
	"filesystem": {"effect": "alert", "whitelist": [], "blacklist": ["/etc/passwd", "/etc/shadow", "/root"]},
	"autodefend": {"failMode": "closed", "fileless": "prevent", "tmpExecutables": "prevent", "strictEgress": true, "readOnly": ["/var/task"]}}`

func testEnvelope(t testing.TB, rule string) Envelope {
	t.Helper()
	return Envelope{
		Rule:    mustRule(t, rule),
		Target:  Target{Function: "orders-api-handler-prod", Region: "eu-west-1", AccountID: "123456789012", Provider: "aws"},
		Console: Console{Address: "https://console.acme.example:8083", Token: "q8Zr1x0S7mYtQv3LwKc9Dg2HnBf5JpRe4UoAiXyT6sE"},
		Issued:  issued(),
	}
}

func TestEnvelopeSizes(t *testing.T) {
	minimal, err := marshalWalker(ptr(NewRule("Default")))
	if err != nil {
		t.Fatal(err)
	}
	long := `{"name": "long", "dns": {"effect": "prevent", "whitelist": [` + quoted(200, "host%03d.service.example") + `]}}`
	for _, tt := range []struct {
		name, rule string
		most       int
	}{
		{"a new rule", string(minimal), 450},
		{"a rule with all sections", oneRule, 600},
		{"200 names", long, 4096},
	} {
		value, err := Encode(testEnvelope(t, tt.rule), testKey(1), 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("figure: TW_POLICY with %s: %d bytes, JSON of the rule %d", tt.name, len(value), len(tt.rule))
		if len(value) > tt.most {
			t.Errorf("%s: %d bytes, want at most %d", tt.name, len(value), tt.most)
		}
	}
}

func ptr[T any](v T) *T { return &v }

// quoted is n JSON strings made with a format.
func quoted(n int, format string) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("%q", fmt.Sprintf(format, i)))
	}
	return strings.Join(all, ",")
}

func TestEnvelopeRoundTrip(t *testing.T) {
	e := testEnvelope(t, oneRule)
	e.Interval = 5 * time.Minute
	e.Console.CA = "sha256:00ff"
	e.Console.Proxy = Proxy{HTTPProxy: "http://proxy:3128", NoProxy: "localhost", User: "u", Password: "p", CA: "pem"}
	value, err := Encode(e, testKey(1), 0)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := Encode(e, testKey(1), 0); again != value {
		t.Error("the same envelope encodes to different values")
	}
	got, err := Decode(" "+value+"\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Rule.Name != e.Rule.Name || got.Interval != e.Interval || !got.Issued.Equal(e.Issued) || got.FailMode != autodefend.FailClosed || got.Summary {
		t.Errorf("decoded %+v", got)
	}
	if want := (Target{Function: e.Target.Function, Region: e.Target.Region, AccountID: e.Target.AccountID}); fmt.Sprint(got.Target) != fmt.Sprint(want) {
		t.Errorf("target %+v, want %+v", got.Target, want)
	}
	if c := got.Console; c.Address != e.Console.Address || c.Token != e.Console.Token || c.CA != e.Console.CA || c.Proxy.HTTPProxy != "http://proxy:3128" || c.Proxy.Password != "p" || c.Proxy.User != "u" || c.Proxy.NoProxy != "localhost" || c.Proxy.CA != "pem" {
		t.Errorf("console %+v", c)
	}
	if !got.Key.Equal(testKey(1).Public()) {
		t.Error("the key isn't the one that signed")
	}
	if got.Rule.Notes != "" || got.Rule.Owner != "" || len(got.Rule.Collections) != 0 {
		t.Error("what only a Console needs was carried")
	}
	var errs []error
	if a, b := writeObject(e.Rule, true, &errs), writeObject(got.Rule, true, &errs); !bytes.Equal(a, b) || len(errs) > 0 {
		t.Errorf("rule %s, want %s (%v)", b, a, errs)
	}
}

func TestEnvelopeDefaults(t *testing.T) {
	e := Envelope{Target: Target{Function: "f", Provider: "azure", AccountID: "sub"}, Interval: DefaultInterval}
	value, err := Encode(e, testKey(1), 0)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(value, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Rule != nil || got.Interval != DefaultInterval || got.FailMode != autodefend.FailOpen || !got.Issued.IsZero() || got.Target.Provider != "azure" {
		t.Errorf("decoded %+v", got)
	}
}

// TestDecodeErrors: people are told what is wrong with a value.
func TestDecodeErrors(t *testing.T) {
	value, err := Encode(testEnvelope(t, oneRule), testKey(1), 0)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(value, autodefend.PolicyPrefix))
	edit := func(change func([]byte) []byte) string {
		return autodefend.PolicyPrefix + base64.RawURLEncoding.EncodeToString(change(bytes.Clone(raw)))
	}
	flip := func(at int) string {
		return edit(func(b []byte) []byte { b[at] ^= 1; return b })
	}
	resigned := func(content string) string {
		packed, _ := deflate(plainVersion, []byte(content))
		return sealRaw(packed)
	}
	bomb, _ := deflate(plainVersion, bytes.Repeat([]byte(" "), maxContent+1))
	tests := []struct {
		name, value string
		want        error
	}{
		{"content changed", flip(len(raw) - 5), ErrTampered},
		{"signature changed", flip(headSize), ErrTampered},
		{"key changed", flip(4), ErrTampered},
		{"cut by one character", value[:len(value)-1], ErrTruncated},
		{"cut by two", value[:len(value)-2], ErrTruncated},
		{"cut in the middle", value[:len(value)/2], ErrTruncated},
		{"cut in the head", value[:20], ErrTruncated},
		{"two characters", value[:len(autodefend.PolicyPrefix)+2], ErrTruncated},
		{"length raised", edit(func(b []byte) []byte { b[1]++; return b }), ErrTruncated},
		{"length lowered", edit(func(b []byte) []byte { b[2] -= 3; return b }), ErrMalformed},
		{"more behind it", edit(func(b []byte) []byte { return append(b, 1, 2, 3) }), ErrMalformed},
		{"newer version", edit(func(b []byte) []byte { b[0] = 3; return b }), ErrNewer},
		{"version 0", edit(func(b []byte) []byte { b[0] = 0; return b }), ErrMalformed},
		{"empty", "", ErrMalformed},
		{"JSON", `{"rules": []}`, ErrMalformed},
		{"vendor's base64", base64.StdEncoding.EncodeToString([]byte(`{"rules":[]}`)), ErrMalformed},
		{"a bomb", sealRaw(bomb), ErrMalformed},
		{"head not signed", sealWith(signedContentOnly), ErrTampered},
		{"not deflated", sealRaw([]byte("\xff\xff\xff")), ErrMalformed},
		{"a member of the future", resigned(`{"function":"f","colour":"blue"}`), ErrNewer},
		{"an effect of the future", resigned(`{"function":"f","rule":{"name":"r","dns":{"effect":"ask"}}}`), ErrNewer},
		{"an addition of the future", resigned(`{"function":"f","rule":{"name":"r","autodefend":{"colour":"blue"}}}`), ErrNewer},
		{"an entry of the future", resigned(`{"function":"f","rule":{"name":"r","network":{"effect":"alert","blacklistIPs":["earth"]}}}`), ErrNewer},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Decode(tt.value, nil)
			if !errors.Is(err, tt.want) {
				t.Errorf("Decode = %v, want %v", err, tt.want)
			}
			for _, other := range []error{ErrTampered, ErrTruncated, ErrMalformed, ErrNewer} {
				if !errors.Is(other, tt.want) && errors.Is(err, other) {
					t.Errorf("the error is %v too", other)
				}
			}
			if autodefend.ErrorCode(err) != autodefend.CodeInvalid || autodefend.ErrorHint(err) == "" {
				t.Errorf("code %q, hint %q", autodefend.ErrorCode(err), autodefend.ErrorHint(err))
			}
		})
	}
}

// signedContentOnly leaves out of the signature what a later version may depend on.
func signedContentOnly(_, content []byte) []byte {
	return append([]byte(sealContext), content...)
}

// sealWith signs an empty object in another way.
func sealWith(signed func(head, content []byte) []byte) string {
	content, _ := deflate(plainVersion, []byte("{}"))
	return sealAs(content, signed)
}

// sealRaw signs any content.
func sealRaw(content []byte) string { return sealAs(content, signed) }

func sealAs(content []byte, signed func(head, content []byte) []byte) string {
	key := testKey(1)
	head := append([]byte{plainVersion, byte(len(content) >> 8), byte(len(content))}, key[ed25519.SeedSize:]...)
	return autodefend.PolicyPrefix + base64.RawURLEncoding.EncodeToString(bytes.Join([][]byte{head, ed25519.Sign(key, signed(head, content)), content}, nil))
}

func TestDecodeTrustsOneKey(t *testing.T) {
	value, err := Encode(testEnvelope(t, oneRule), testKey(1), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(value, testKey(1).Public().(ed25519.PublicKey)); err != nil {
		t.Error(err)
	}
	if _, err := Decode(value, testKey(2).Public().(ed25519.PublicKey)); !errors.Is(err, ErrTampered) {
		t.Errorf("with another key: %v", err)
	}
}

func TestEncodeRefuses(t *testing.T) {
	good := testEnvelope(t, oneRule)
	tests := []struct {
		name string
		edit func(*Envelope)
		key  ed25519.PrivateKey
		want string
	}{
		{"no function", func(e *Envelope) { e.Target.Function = "" }, testKey(1), "the name of the function"},
		{"no key", func(*Envelope) {}, nil, "Ed25519 key"},
		{"half a second", func(e *Envelope) { e.Interval = time.Second / 2 }, testKey(1), "whole seconds"},
		{"backwards", func(e *Envelope) { e.Interval = -time.Second }, testKey(1), "whole seconds"},
		{"no name", func(e *Envelope) { e.Rule = &Rule{} }, testKey(1), "needs a name"},
		{"bad entry", func(e *Envelope) { e.Rule = &Rule{Name: "r", DNS: DNS{Deny: []string{"a b"}}} }, testKey(1), "rule.dns.blacklist[0]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := good
			tt.edit(&e)
			if _, err := Encode(e, tt.key, 0); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Encode = %v, want %q", err, tt.want)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	for _, rule := range []string{oneRule, auditRule, `{"name": "r"}`} {
		value, err := Encode(testEnvelope(f, rule), testKey(1), 0)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(value)
		f.Add(value[:len(value)/2])
	}
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		e, err := Decode(s, nil)
		if err != nil {
			if autodefend.ErrorCode(err) != autodefend.CodeInvalid {
				t.Errorf("code %q: %v", autodefend.ErrorCode(err), err)
			}
			return
		}
		// Signed by a key of the tests, or by nobody who could.
		if !e.Key.Equal(testKey(1).Public()) {
			t.Errorf("accepted a signature of %x", e.Key)
		}
	})
}

// FuzzContent feeds what is signed, which a Console could get wrong.
func FuzzContent(f *testing.F) {
	f.Add([]byte(`{"function":"f","rule":{"name":"r","dns":{"effect":"alert","blacklist":["*.x"]}},"interval":60,"issued":1}`))
	f.Add([]byte(`{"rule":null,"console":{"proxy":{}}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		packed, err := deflate(plainVersion, content)
		if err != nil || len(packed) > 1<<16-1 {
			t.Skip()
		}
		e, err := Decode(sealRaw(packed), nil)
		if err != nil || e.Target.Function == "" {
			return
		}
		value, err := Encode(e, testKey(1), 0)
		if err != nil {
			t.Fatalf("decoded, but can't be encoded: %v", err)
		}
		again, err := Decode(value, nil)
		if err != nil {
			t.Fatal(err)
		}
		var errs []error
		if a, b := writeObject(&e, true, &errs), writeObject(&again, true, &errs); !bytes.Equal(a, b) {
			t.Errorf("%s\nbecame\n%s", a, b)
		}
	})
}

// TestEncodedAgain encodes different envelopes in turn: a compressor that is used again gives what a new one gives.
func TestEncodedAgain(t *testing.T) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	first := map[string]string{}
	for range 3 {
		for _, name := range []string{"orders", "orders-of-another-length", "x"} {
			value, err := Encode(Envelope{Target: Target{Function: name}, Issued: time.Unix(1, 0)}, key, 0)
			if err != nil {
				t.Fatal(err)
			}
			if was, ok := first[name]; ok && was != value {
				t.Errorf("%s: %s, and before %s", name, value, was)
			}
			first[name] = value
			if e, err := Decode(value, nil); err != nil || e.Target.Function != name {
				t.Errorf("%s: read back as %+v (%v)", name, e.Target, err)
			}
		}
	}
}
