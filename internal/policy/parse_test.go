package policy

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
)

// prismaPolicy is a policy as a Console returns it: with all members, also those of containers.
const prismaPolicy = `{
	"_id": "serverlessRuntime",
	"learningDisabled": false,
	"rules": [
		{
			"modified": "2026-03-01T09:00:00.000Z",
			"owner": "admin",
			"name": "Default",
			"previousName": "",
			"notes": "a <b> & \"c\"",
			"collections": [
				{
					"hosts": ["*"], "images": ["*"], "labels": ["region:eu-*"], "containers": ["*"], "functions": ["*"],
					"namespaces": ["*"], "appIDs": ["*"], "accountIDs": ["*"], "clusters": ["*"], "codeRepos": null,
					"name": "eu", "owner": "system", "modified": "2026-01-01T00:00:00Z", "color": "#FF0000", "description": "", "system": false, "prisma": false
				}
			],
			"disabled": false,
			"advancedProtection": true,
			"cloudMetadataEnforcement": false,
			"cloudMetadataEnforcementEffect": "disable",
			"kubernetesEnforcement": false,
			"skipExecSessions": false,
			"wildFireAnalysis": "alert",
			"customRules": [{"_id": 12, "action": "audit", "effect": "alert"}],
			"processes": {
				"effect": "prevent", "blacklist": ["wget"], "whitelist": [], "blockAllBinaries": true, "checkCryptoMiners": true,
				"checkLateralMovement": true, "checkNewBinaries": false, "skipModified": true
			},
			"network": {
				"effect": "alert", "blacklistIPs": ["192.0.2.1"], "whitelistIPs": [],
				"blacklistListeningPorts": [{"start": 1, "end": 1023, "deny": true}], "whitelistListeningPorts": [],
				"blacklistOutboundPorts": [], "whitelistOutboundPorts": [{"start": 443, "end": 443, "deny": false}],
				"detectPortScan": false
			},
			"dns": {"effect": "prevent", "blacklist": [], "whitelist": ["*.example.com"]},
			"filesystem": {"effect": "alert", "blacklist": ["/etc/shadow"], "whitelist": null, "backdoorFiles": false, "suspiciousElfHeaders": true},
			"autodefend": {"failMode": "closed", "helpers": ["gcc"], "exceptions": [{"processes": ["git"], "domains": ["*.github.com"], "notes": "CI"}]},
			"ourOwnFuture": {"nested": [1, 2.50, 1e3]}
		}
	],
	"unknown": null
}`

// TestRoundTrip: what is read is what is written, member by member.
func TestRoundTrip(t *testing.T) {
	p, err := Parse([]byte(prismaPolicy))
	if err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var was, is any
	if err := json.Unmarshal([]byte(prismaPolicy), &was); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &is); err != nil {
		t.Fatal(err)
	}
	normal(was)
	normal(is)
	if !reflect.DeepEqual(was, is) {
		t.Errorf("was\n%s\nis\n%s", indented(was), indented(is))
	}
	again, err := Parse(out)
	if err != nil {
		t.Fatal(err)
	}
	if second, _ := json.Marshal(again); !bytes.Equal(out, second) {
		t.Errorf("a second round changes it:\n%s\n%s", out, second)
	}
}

// normal makes null of an empty list that a known member has: both say nothing.
func normal(v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			if list, ok := inner.([]any); ok && len(list) == 0 {
				v[key] = nil
			}
			normal(inner)
		}
	case []any:
		for _, inner := range v {
			normal(inner)
		}
	}
}

func indented(v any) string {
	b, _ := json.MarshalIndent(v, "", " ")
	return string(b)
}

func TestParseForms(t *testing.T) {
	for name, text := range map[string]string{
		"policy":          `{"rules": [{"name": "a"}]}`,
		"list":            `[{"name": "a"}]`,
		"rule":            `{"name": "a"}`,
		"other case":      `{"Rules": [{"NAME": "a"}]}`,
		"blanks around":   "\n\t [{\"name\": \"a\"}] \n",
		"id only":         `{"_id": "serverlessRuntime", "rules": [{"name": "a"}]}`,
		"null everywhere": `{"rules": [{"name": "a", "dns": null, "processes": null, "collections": null, "disabled": null}]}`,
	} {
		p, err := Parse([]byte(text))
		if err != nil || len(p.Rules) != 1 || p.Rules[0].Name != "a" {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	if p, err := Parse([]byte(`{}`)); err != nil || len(p.Rules) != 0 {
		t.Errorf("empty policy: %+v, %v", p, err)
	}
}

// TestParseIgnoresCase: some clients write suspiciousElfHeaders, others vulnIds.
func TestParseIgnoresCase(t *testing.T) {
	r := mustRule(t, `{"NAME": "a", "Processes": {"EFFECT": "Prevent", "blockallbinaries": true, "WhiteList": ["git"]},
		"DNS": {"effect": "ALERT"}, "network": {"whitelistips": ["10.0.0.1"]}, "AutoDefend": {"FAILMODE": "Closed"}}`)
	if r.Processes.Effect != autodefend.Prevent || !r.Processes.MainOnly || !slices.Equal(r.Processes.Allow, []string{"git"}) ||
		r.DNS.Effect != autodefend.Alert || len(r.Network.AllowIPs) != 1 || r.Own.FailMode != autodefend.FailClosed {
		t.Errorf("rule %+v", r)
	}
	out, err := json.Marshal(r)
	if err != nil || !strings.Contains(string(out), `"blockAllBinaries":true`) || strings.Contains(string(out), "blockallbinaries") {
		t.Errorf("written as %s, %v", out, err)
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"empty", "", "line 1 isn't JSON: unexpected end"},
		{"broken", "{\"rules\": [\n\n]", "line 3 isn't JSON"},
		{"a string", `"policy"`, `have "policy"`},
		{"a number", "7", "have 7"},
		{"null", "null", "have null"},
		{"two documents", "{} {}", "isn't JSON"},
		{"rules an object", `{"rules": {}}`, "rules: want a list of objects, have {}"},
		{"rule a string", `["x"]`, `rules[0]: want an object, have "x"`},
		{"no name", `[{"name": "a"}, {}]`, "rules[1].name: a rule needs a name"},
		{"same name", `[{"name": "a"}, {"name": "a"}]`, `rules[1].name: "a" is the name of rules[0] already`},
		{"effect", `{"name": "a", "dns": {"effect": "stop"}}`, `rules[0].dns.effect: "stop" isn't an effect`},
		{"effect a number", `{"name": "a", "dns": {"effect": 1}}`, "rules[0].dns.effect: want a string, have 1"},
		{"list a string", `{"name": "a", "dns": {"blacklist": "x"}}`, `rules[0].dns.blacklist: want a list of strings, have "x"`},
		{"list of numbers", `{"name": "a", "dns": {"blacklist": [1]}}`, "rules[0].dns.blacklist: want a list of strings"},
		{"flag a string", `{"name": "a", "disabled": "no"}`, `rules[0].disabled: want true or false, have "no"`},
		{"port a string", `{"name": "a", "network": {"blacklistOutboundPorts": [{"start": "22"}]}}`, `rules[0].network.blacklistOutboundPorts[0].start: want a whole number, have "22"`},
		{"port a fraction", `{"name": "a", "network": {"blacklistOutboundPorts": [{"start": 2.5}]}}`, "want a whole number, have 2.5"},
		{"collection", `{"name": "a", "collections": [{"functions": {}}]}`, "rules[0].collections[0].functions: want a list of strings, have {}"},
		{"section a list", `{"name": "a", "processes": []}`, "rules[0].processes: want an object, have []"},
		{"twice", `{"name": "a", "dns": {}, "DNS": {}}`, "rules[0].dns: is given twice"},
		{"own, misspelt", `{"name": "a", "autodefend": {"filless": "alert"}}`, "rules[0].autodefend.filless: there is no such member"},
		{"own exception, misspelt", `{"name": "a", "autodefend": {"exceptions": [{"path": []}]}}`, "rules[0].autodefend.exceptions[0].path: there is no such member"},
		{"fail mode", `{"name": "a", "autodefend": {"failMode": "ajar"}}`, `rules[0].autodefend.failMode: "ajar" isn't a fail mode`},
		{"long value", `{"name": "a", "dns": "` + strings.Repeat("x", 99) + `"}`, "xxx..."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Parse([]byte(tt.text))
			if err == nil {
				t.Fatalf("parsed to %+v", p)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q, want %q", err, tt.want)
			}
			if autodefend.ErrorCode(unjoined(err)[0]) != autodefend.CodeInvalid {
				t.Errorf("code %q", autodefend.ErrorCode(err))
			}
		})
	}
	if _, err := Parse(make([]byte, MaxSize+1)); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("too large: %v", err)
	}
}

// unjoined lists joined errors.
func unjoined(err error) []error {
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		return j.Unwrap()
	}
	return []error{err}
}

func TestParseReportsAllMistakes(t *testing.T) {
	_, err := Parse([]byte(`[{"name": "a", "dns": {"effect": "x"}, "processes": {"effect": "y"}}, {"network": 1}]`))
	if got := len(unjoined(err)); got != 4 {
		t.Errorf("%d mistakes, want 4:\n%v", got, err)
	}
}

func TestUnmarshalRule(t *testing.T) {
	var r Rule
	if err := json.Unmarshal([]byte(`{"name": "a", "dns": {"effect": "alert"}, "colour": 1}`), &r); err != nil || r.DNS.Effect != autodefend.Alert {
		t.Errorf("rule %+v, %v", r, err)
	}
	if out, err := json.Marshal(&r); err != nil || !strings.Contains(string(out), `"colour":1`) {
		t.Errorf("%s, %v", out, err)
	}
	if err := json.Unmarshal([]byte(`{"name": 1}`), &r); err == nil || !strings.Contains(err.Error(), "rule.name") {
		t.Errorf("error %v", err)
	}
}

func TestNewRuleJSON(t *testing.T) {
	r := NewRule("new")
	out, err := json.Marshal(&r)
	if err != nil {
		t.Fatal(err)
	}
	back := mustRule(t, string(out))
	if !back.Processes.MainOnly || back.Processes.Effect != autodefend.Prevent || back.Own.Fileless != autodefend.Prevent || len(back.Collections) != 1 {
		t.Errorf("a new rule comes back as %s", out)
	}
	c, err := Compile(&r)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []Event{start("/bin/sh"), {Kind: Exec, Program: Program{Path: "memfd:x", Fileless: true}}} {
		if d := c.Decide(e); !d.Deny {
			t.Errorf("a new rule allows %+v", e.Program)
		}
	}
	for _, e := range []Event{connect("203.0.113.9:443"), ask("yahoo.com"), use("/etc/shadow", Read), listenOn("0.0.0.0:80")} {
		if d := c.Decide(e); d.Deny || d.Audit {
			t.Errorf("a new rule denies %s %s", e.Kind, d.Why)
		}
	}
}

func TestDefine(t *testing.T) {
	p, err := Parse([]byte(`[{"name": "a", "collections": [{"name": "x"}, {"name": "y", "functions": ["own"]}, {"name": "z"}]}]`))
	if err != nil {
		t.Fatal(err)
	}
	known, err := ParseCollections([]byte(` [{"name": "x", "functions": ["f*"]}, {"name": "y", "functions": ["other"]}]`))
	if err != nil {
		t.Fatal(err)
	}
	p.Define(known)
	c := p.Rules[0].Collections
	if !slices.Equal(c[0].Functions, []string{"f*"}) || !slices.Equal(c[1].Functions, []string{"own"}) || !c[2].undefined() {
		t.Errorf("collections %+v", c)
	}
	if _, err := ParseCollections([]byte(`{}`)); err == nil {
		t.Error("an object isn't a list of collections")
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{prismaPolicy, oneRule, auditRule, `[]`, `{"rules": null}`, `{"name": "a", "network": {"blacklistOutboundPorts": [{"start": -1}]}}`} {
		f.Add([]byte(seed))
	}
	events := auditEvents()
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse(data)
		if err != nil {
			return
		}
		out, err := json.Marshal(p)
		if err != nil {
			t.Fatalf("parsed, but can't be written: %v", err)
		}
		again, err := Parse(out)
		if err != nil {
			t.Fatalf("written, but can't be parsed: %v\n%s", err, out)
		}
		if second, _ := json.Marshal(again); !bytes.Equal(out, second) {
			t.Errorf("%s\nbecame\n%s", out, second)
		}
		if _, err := p.Check(); err != nil {
			return
		}
		for i := range p.Rules {
			c, err := Compile(&p.Rules[i])
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range events {
				c.Decide(e)
			}
		}
	})
}

func FuzzParseEvent(f *testing.F) {
	f.Add([]byte(`{"exec": "/bin/sh", "args": ["sh"], "process": {"pid": 1, "path": "/x"}, "tier": "preload", "opaque": true}`))
	f.Add([]byte(`{"connect": "[::1]:443", "protocol": "udp"}`))
	f.Add([]byte(`{"open": "/proc/self/root/x", "access": "both"}`))
	f.Add([]byte(`{"resolve": "a.b."}`))
	c := mustCompile(f, oneRule)
	f.Fuzz(func(_ *testing.T, data []byte) {
		if e, err := ParseEvent(data); err == nil {
			c.Decide(e)
		}
	})
}
