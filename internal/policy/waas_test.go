package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
)

// prismaFirewall is a firewall policy as a Console returns it: with all members, also those of its proxies.
const prismaFirewall = `{
	"_id": "serverlessAppFirewall",
	"rules": [
		{
			"modified": "2026-03-01T09:00:00.000Z",
			"owner": "admin",
			"name": "Orders",
			"previousName": "",
			"notes": "a <b> & \"c\"",
			"collections": [
				{
					"hosts": ["*"], "images": ["*"], "labels": ["region:eu-*"], "containers": ["*"], "functions": ["orders-*"],
					"namespaces": ["*"], "appIDs": ["*"], "accountIDs": ["*"], "clusters": ["*"], "codeRepos": null,
					"name": "eu", "owner": "system", "modified": "2026-01-01T00:00:00Z", "color": "#FF0000", "description": "", "system": false, "prisma": false
				}
			],
			"disabled": false,
			"allowMalformedHttpHeaderNames": false,
			"autoProtectPorts": false,
			"outOfBandScope": "",
			"readTimeoutSeconds": 5,
			"skipAPILearning": true,
			"trafficMirroring": {"enabled": false, "sampling": false, "vpcConfig": null},
			"windows": false,
			"applicationsSpec": [
				{
					"appID": "app-E7A9",
					"banDurationMinutes": 5,
					"certificate": {"encrypted": ""},
					"tlsConfig": {"minTLSVersion": "1.2", "metadata": {"notAfter": "0001-01-01T00:00:00Z", "issuerName": "", "subjectName": ""}, "HSTSConfig": {"enabled": false, "maxAgeSeconds": 31536000, "includeSubdomains": false, "preload": false}},
					"dosConfig": {"enabled": false, "alert": {}, "ban": {}},
					"apiSpec": {"endpoints": [{"host": "*", "basePath": "*", "exposedPort": 0, "internalPort": 8080, "tls": true, "http2": false}], "effect": "disable", "fallbackEffect": "disable", "skipLearning": false},
					"botProtectionSpec": {
						"userDefinedBots": [], "knownBotProtectionsSpec": {"searchEngineCrawlers": "disable", "news": "disable"},
						"unknownBotProtectionSpec": {"generic": "disable", "requestAnomalies": {"threshold": 9, "effect": "disable"}},
						"sessionValidation": "disable", "interstitialPage": false, "jsInjectionSpec": {"enabled": false, "timeoutEffect": "disable"},
						"reCAPTCHASpec": {"enabled": false, "siteKey": "", "secretKey": {"encrypted": ""}, "type": "checkbox", "allSessions": true, "successExpirationHours": 24}
					},
					"networkControls": {
						"advancedProtectionEffect": "alert", "subnets": {"enabled": false, "allowMode": true, "fallbackEffect": "alert"},
						"countries": {"enabled": false, "allowMode": true, "fallbackEffect": "alert"}, "exceptionSubnets": null
					},
					"body": {"skip": false, "inspectionSizeBytes": 131072, "inspectionLimitExceededEffect": "disable"},
					"intelGathering": {"infoLeakageEffect": "disable", "removeFingerprintsEnabled": true},
					"maliciousUpload": {"effect": "disable", "allowedFileTypes": [], "allowedExtensions": []},
					"csrfEnabled": true, "clickjackingEnabled": false, "sessionCookieEnabled": false, "sessionCookieBan": false, "sessionCookieSameSite": "Lax", "sessionCookieSecure": false,
					"headerSpecs": [], "customRules": [{"_id": 31, "action": "audit", "effect": "prevent"}],
					"sqli": {"effect": "prevent", "exceptionFields": [{"location": "query", "key": "filter"}, {"location": "JSONPath", "key": "/query"}]},
					"xss": {"effect": "ban", "exceptionFields": []},
					"attackTools": {"effect": "alert", "exceptionFields": []},
					"shellshock": {"effect": "alert", "exceptionFields": []},
					"malformedReq": {"effect": "disable", "exceptionFields": []},
					"cmdi": {"effect": "alert", "exceptionFields": [{"location": "", "key": "^csrf", "keyPattern": true, "valuePattern": false, "response": false}]},
					"lfi": {"effect": "alert", "exceptionFields": []},
					"codeInjection": {"effect": "alert", "exceptionFields": [{"location": "UserAgentHeader", "key": "^Probe/"}]},
					"remoteHostForwarding": {},
					"customBlockResponse": {"enabled": true, "code": 404, "body": "<h1>no</h1>"},
					"disableEventIDHeader": true,
					"autoApplyPatchesSpec": {"effect": "disable"}
				}
			],
			"autodefend": {
				"level": "strict", "failMode": "closed", "budgetMs": 100, "onQueue": "drop",
				"triggers": {"sqs": {"effect": "prevent", "classes": ["sqli", "cmdi"]}, "sns": {}, "direct": {"effect": "disable"}},
				"customRules": [{"name": "admin", "expression": "req.path startswith \"/admin\"", "effect": "prevent", "message": "admin path %regexMatches"}]
			},
			"ourOwnFuture": {"nested": [1, 2.50, 1e3]}
		}
	],
	"minPort": 30000,
	"maxPort": 31000,
	"unknown": null
}`

// mustFirewall reads one rule of the firewall.
func mustFirewall(t testing.TB, text string) *WAASRule {
	t.Helper()
	p, err := ParseWAAS([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return &p.Rules[0]
}

// TestFirewallRoundTrip: what is read is what is written, member by member.
func TestFirewallRoundTrip(t *testing.T) {
	p, err := ParseWAAS([]byte(prismaFirewall))
	if err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var was, is any
	for text, to := range map[string]*any{prismaFirewall: &was, string(out): &is} {
		if err := json.Unmarshal([]byte(text), to); err != nil {
			t.Fatal(err)
		}
		normal(*to)
	}
	if !reflect.DeepEqual(was, is) {
		t.Errorf("was\n%s\nis\n%s", indented(was), indented(is))
	}
	again, err := ParseWAAS(out)
	if err != nil {
		t.Fatal(err)
	}
	if second, _ := json.Marshal(again); !bytes.Equal(out, second) {
		t.Errorf("a second round changes it:\n%s\n%s", out, second)
	}
}

func TestFirewallFields(t *testing.T) {
	r := mustFirewall(t, prismaFirewall)
	a := r.Application()
	if a.SQLi.Effect != autodefend.Prevent || a.XSS.Effect != autodefend.Ban || a.MalformedRequest.Effect != autodefend.Disable ||
		len(a.SQLi.Exceptions) != 2 || a.SQLi.Exceptions[1].Location != LocationJSON || !a.CMDi.Exceptions[0].KeyPattern {
		t.Errorf("application %+v", a)
	}
	if a.Body.InspectedBytes() != DefaultBodyBytes || a.BlockResponse.Code != 404 || !a.HideEventID || a.AppID != "app-E7A9" || len(a.CustomRules) != 1 {
		t.Errorf("application %+v", a)
	}
	if x := r.Own; x.Level != LevelStrict || x.Budget().Milliseconds() != 100 || x.QueueAnswer() != QueueDrop || x.CustomRules[0].Name != "admin" ||
		!slices.Equal(x.Triggers.Get("sqs").Classes, []autodefend.AttackClass{"sqli", "cmdi"}) {
		t.Errorf("extension %+v", x)
	}
}

func TestNewFirewallRule(t *testing.T) {
	r := NewWAASRule("new")
	out, err := json.Marshal(&r)
	if err != nil {
		t.Fatal(err)
	}
	back := mustFirewall(t, string(out))
	for _, class := range autodefend.AttackClasses() {
		for trigger, want := range map[string]autodefend.Effect{"apiGateway": autodefend.Alert, "sqs": autodefend.Alert, "cloudWatchLogs": autodefend.Disable} {
			if got := back.Effect(class, trigger); got != want {
				t.Errorf("%s on %s: %s, want %s", class, trigger, got, want)
			}
		}
	}
	if x := back.Own; x.Level == LevelStrict || x.Budget() != DefaultBudget || x.QueueAnswer() != QueueFailures || back.Application().Body.SizeBytes != 131072 {
		t.Errorf("a new rule comes back as %s", out)
	}
	if remarks, err := (&WAASPolicy{Rules: []WAASRule{r}}).Check(nil); err != nil || len(remarks) > 0 {
		t.Errorf("a new rule: %v, %v", remarks, err)
	}
}

func TestFirewallEffects(t *testing.T) {
	const rule = `{"name": "r", "applicationsSpec": [{"sqli": {"effect": "prevent"}, "xss": {"effect": "ban"}, "lfi": {"effect": "alert"}, "cmdi": {"effect": "allow"},
		"body": {"inspectionLimitExceededEffect": "prevent"}}], "autodefend": {%s}}`
	tests := []struct {
		own     string
		class   autodefend.AttackClass
		trigger string
		want    autodefend.Effect
	}{
		{"", "sqli", "apiGateway", autodefend.Prevent},
		{"", "xss", "alb", autodefend.Prevent},
		{"", "lfi", "alb", autodefend.Alert},
		{"", "cmdi", "alb", autodefend.Disable},
		{"", "codeInjection", "alb", autodefend.Disable},
		{"", "sqli", "sqs", autodefend.Alert},
		{"", "sqli", "direct", autodefend.Prevent},
		{"", "sqli", "cloudWatchLogs", autodefend.Disable},
		{"", "inspectionLimitExceeded", "httpAPI", autodefend.Prevent},
		{"", "inspectionLimitExceeded", "kafka", autodefend.Alert},
		{"", "customRule", "alb", autodefend.Disable},
		{`"triggers": {"sqs": {"effect": "prevent"}}`, "sqli", "sqs", autodefend.Prevent},
		{`"triggers": {"sqs": {"effect": "prevent"}}`, "lfi", "sqs", autodefend.Alert},
		{`"triggers": {"sqs": {"effect": "prevent"}}`, "sqli", "kinesis", autodefend.Alert},
		{`"triggers": {"sqs": {"classes": ["xss"]}}`, "sqli", "sqs", autodefend.Disable},
		{`"triggers": {"sqs": {"classes": ["xss"]}}`, "xss", "sqs", autodefend.Alert},
		{`"triggers": {"sqs": {"classes": ["xss"]}}`, "inspectionLimitExceeded", "sqs", autodefend.Alert},
		{`"triggers": {"alb": {"effect": "alert"}}`, "sqli", "alb", autodefend.Alert},
		{`"triggers": {"alb": {"effect": "disable"}}`, "sqli", "alb", autodefend.Disable},
		{`"triggers": {"cloudWatchLogs": {"effect": "alert"}}`, "sqli", "cloudWatchLogs", autodefend.Alert},
	}
	for _, tt := range tests {
		r := mustFirewall(t, strings.Replace(rule, "%s", tt.own, 1))
		if got := r.Effect(tt.class, tt.trigger); got != tt.want {
			t.Errorf("%s of %s with {%s}: %s, want %s", tt.class, tt.trigger, tt.own, got, tt.want)
		}
		r.Disabled = true
		if got := r.Effect(tt.class, tt.trigger); got != autodefend.Disable {
			t.Errorf("a disabled rule: %s", got)
		}
	}
	if got := new(WAASRule).Effect("sqli", "alb"); got != autodefend.Disable {
		t.Errorf("without an application: %s", got)
	}
}

func TestCustomRuleEffects(t *testing.T) {
	for _, tt := range []struct {
		effect  autodefend.Effect
		trigger string
		want    autodefend.Effect
	}{
		{"", "alb", autodefend.Alert},
		{autodefend.Prevent, "alb", autodefend.Prevent},
		{autodefend.Prevent, "sqs", autodefend.Alert},
		{autodefend.Allow, "sqs", autodefend.Allow},
		{autodefend.Allow, "cloudWatchLogs", autodefend.Disable},
		{autodefend.Disable, "alb", autodefend.Disable},
	} {
		r := WAASRule{Applications: make([]WAASApplication, 1)}
		if got := r.RuleEffect(&OwnRule{Effect: tt.effect}, tt.trigger); got != tt.want {
			t.Errorf("%q on %s: %s, want %s", tt.effect, tt.trigger, got, tt.want)
		}
	}
}

func TestUnfinishedEffect(t *testing.T) {
	for _, tt := range []struct {
		mode    autodefend.FailMode
		trigger string
		want    autodefend.Effect
	}{
		{"", "alb", autodefend.Alert},
		{autodefend.FailOpen, "alb", autodefend.Alert},
		{autodefend.FailClosed, "alb", autodefend.Prevent},
		{autodefend.FailClosed, "sqs", autodefend.Alert},
		{autodefend.FailClosed, "cloudWatchLogs", autodefend.Disable},
	} {
		r := WAASRule{Own: WAASExtension{FailMode: tt.mode}}
		if got := r.UnfinishedEffect(tt.trigger); got != tt.want {
			t.Errorf("%q on %s: %s, want %s", tt.mode, tt.trigger, got, tt.want)
		}
	}
}

func TestParseWAASErrors(t *testing.T) {
	app := func(text string) string { return `{"name": "r", "applicationsSpec": [{` + text + `}]}` }
	own := func(text string) string { return `{"name": "r", "autodefend": {` + text + `}}` }
	tests := []struct{ name, text, want, hint string }{
		{"empty", "", "line 1 isn't JSON", "policies/firewall/app/serverless"},
		{"no name", `[{}]`, "rules[0].name: a rule needs a name", ""},
		{"same name", `[{"name": "a"}, {"name": "a"}]`, `rules[1].name: "a" is the name of rules[0] already`, ""},
		{"effect", app(`"sqli": {"effect": "stop"}`), `rules[0].applicationsSpec[0].sqli.effect: "stop" isn't an effect`, "disable alert prevent ban allow"},
		{"block", app(`"sqli": {"effect": "block"}`), `"block" isn't an effect`, ""},
		{"reCAPTCHA", app(`"xss": {"effect": "reCAPTCHA"}`), "rules[0].applicationsSpec[0].xss.effect: reCAPTCHA can't be done in a function", "use prevent or alert"},
		{"reCAPTCHA for size", app(`"body": {"inspectionLimitExceededEffect": "recaptcha"}`), "body.inspectionLimitExceededEffect: reCAPTCHA", ""},
		{"location", app(`"sqli": {"exceptionFields": [{"location": "queries", "key": "x"}]}`), `sqli.exceptionFields[0].location: "queries" isn't a location`, "queryValues"},
		{"exceptions", app(`"sqli": {"exceptionFields": {}}`), "sqli.exceptionFields: want a list of objects", ""},
		{"applications", `{"name": "r", "applicationsSpec": {}}`, "rules[0].applicationsSpec: want a list of objects", ""},
		{"size", app(`"body": {"inspectionSizeBytes": "big"}`), "body.inspectionSizeBytes: want a whole number", ""},
		{"own", own(`"levle": "strict"`), "rules[0].autodefend.levle: there is no such member", "docs/waas.md"},
		{"level", own(`"level": "paranoid"`), `autodefend.level: "paranoid" isn't a level`, "default crs strict"},
		{"on queue", own(`"onQueue": "ignore"`), `autodefend.onQueue: "ignore" isn't an answer`, "batchItemFailures error drop"},
		{"trigger", own(`"triggers": {"rest": {}}`), "autodefend.triggers.rest: there is no such member", "docs/waas.md"},
		{"trigger's effect", own(`"triggers": {"sqs": {"effect": "ban"}}`), `autodefend.triggers.sqs.effect: "ban" isn't an effect`, ""},
		{"trigger's member", own(`"triggers": {"sqs": {"class": []}}`), "autodefend.triggers.sqs.class: there is no such member", ""},
		{"custom rule", own(`"customRules": [{"rule": "x"}]`), "autodefend.customRules[0].rule: there is no such member", ""},
		{"custom rule's effect", own(`"customRules": [{"effect": "ban"}]`), `autodefend.customRules[0].effect: "ban" isn't an effect`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseWAAS([]byte(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want %q", err, tt.want)
			}
			first := unjoined(err)[0]
			if autodefend.ErrorCode(first) != autodefend.CodeInvalid || !strings.Contains(autodefend.ErrorHint(first), tt.hint) {
				t.Errorf("code %q, hint %q, want %q", autodefend.ErrorCode(first), autodefend.ErrorHint(first), tt.hint)
			}
		})
	}
}

func TestCheckWAASMistakes(t *testing.T) {
	const text = `[{"name": "r", "applicationsSpec": [{
			"sqli": {"exceptionFields": [{"location": "query", "key": "("}, {"location": "query", "key": ""}, {"location": "JSONPath", "key": "user"}]},
			"xss": {"exceptionFields": [{"location": "body", "key": "x)|(y"}, {"location": "header", "key": "([a-z]x?){1000}"}, {"location": "rawBody", "key": "LONG"}]},
			"body": {"inspectionSizeBytes": 7000000},
			"customBlockResponse": {"code": 99, "enabled": true}
		}],
		"autodefend": {"budgetMs": -1, "triggers": {"sqs": {"classes": ["sqli", "sql"]}},
			"customRules": [{"expression": "good"}, {"name": "a"}, {"name": "a", "expression": "bad"}]}
	}, {"name": "off", "disabled": true, "applicationsSpec": [{"body": {"inspectionSizeBytes": -1}}]}]`
	p, err := ParseWAAS([]byte(strings.Replace(text, "LONG", strings.Repeat("x", MaxPatternBytes+1), 1)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Check(func(expression string) error {
		if expression == "bad" {
			return autodefend.Errorf(autodefend.CodeInvalid, "column 1: no").WithHint("a hint")
		}
		return nil
	})
	for _, want := range []string{
		"rules[0].applicationsSpec[0].sqli.exceptionFields[0].key: the pattern isn't RE2: error parsing regexp: missing closing )",
		"rules[0].applicationsSpec[0].sqli.exceptionFields[1].key: it's empty",
		`rules[0].applicationsSpec[0].sqli.exceptionFields[2].key: "user" isn't a path: it begins with a slash`,
		"rules[0].applicationsSpec[0].xss.exceptionFields[0].key: the pattern isn't RE2",
		"rules[0].applicationsSpec[0].xss.exceptionFields[1].key: the pattern's program has",
		"rules[0].applicationsSpec[0].xss.exceptionFields[2].key: the pattern has 1025 bytes, and may have 1024",
		"rules[0].applicationsSpec[0].body.inspectionSizeBytes: want 0 to 6291456 bytes, have 7000000",
		"rules[0].applicationsSpec[0].customBlockResponse.code: want 200 to 599, have 99",
		"rules[0].autodefend.budgetMs: want 0 to 10000 milliseconds, have -1",
		`rules[0].autodefend.triggers.sqs.classes[1]: "sql" isn't a class of attacks`,
		"rules[0].autodefend.customRules[0].name: a custom rule needs a name",
		"rules[0].autodefend.customRules[1].expression: a custom rule needs an expression",
		`rules[0].autodefend.customRules[2].name: "a" is the name of autodefend.customRules[1] already`,
		"rules[0].autodefend.customRules[2].expression: column 1: no",
		"rules[1].applicationsSpec[0].body.inspectionSizeBytes: want 0 to",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no mistake %q in\n%v", want, err)
		}
	}
	if got := strings.Count(err.Error(), "\n") + 1; got != 15 {
		t.Errorf("%d mistakes, want 15:\n%v", got, err)
	}
	if err := p.Rules[1].Validate(nil); err == nil || !strings.HasPrefix(err.Error(), "waas.applicationsSpec[0]") {
		t.Errorf("validate: %v", err)
	}
}

func TestCheckWAASRemarks(t *testing.T) {
	p, err := ParseWAAS([]byte(prismaFirewall))
	if err != nil {
		t.Fatal(err)
	}
	remarks, err := p.Check(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`rules[0].applicationsSpec[0].csrfEnabled: isn't done in functions`,
		`rules[0].applicationsSpec[0].customRules: rules of the Console aren't known to functions (1): write them in autodefend.customRules`,
		`rules[0].applicationsSpec[0].networkControls: isn't done in functions`,
		`rules[0].applicationsSpec[0].xss.effect: functions don't share a memory of clients, so ban is done as prevent`,
		`rules[0].ourOwnFuture: isn't known; it's kept and does nothing`,
		`unknown: isn't known; it's kept and does nothing`,
	}
	var got []string
	for _, r := range remarks {
		got = append(got, r.Path+": "+r.Message)
	}
	if !slices.Equal(got, want) {
		t.Errorf("remarks\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestCheckWAASRemarksOnMore(t *testing.T) {
	for _, tt := range []struct{ rule, want string }{
		{`{"name": "r"}`, "applicationsSpec: there is none"},
		{`{"name": "r", "applicationsSpec": [{}]}`, "applicationsSpec[0]: every class of attacks is off"},
		{`{"name": "r", "applicationsSpec": [{}, {}]}`, "applicationsSpec[1]: a function is one application"},
		{`{"name": "r", "disabled": true}`, "disabled: the rule is passed over"},
		{`{"name": "r", "collections": [{"name": "c", "hosts": ["h"]}]}`, "collections[0].hosts: limits"},
		{`{"name": "r", "applicationsSpec": [{"sqli": {"effect": "allow"}}]}`, "sqli.effect: allow is the same as disable"},
		{`{"name": "r", "applicationsSpec": [{"sqli": {"effect": "alert", "exceptionFields": [{"key": "x", "response": true}]}}]}`, "sqli.exceptionFields[0].response: responses aren't inspected"},
		{`{"name": "r", "applicationsSpec": [{"sqli": {"exceptionFields": [{"key": "x"}]}}]}`, "sqli.effect: it's off, so its exceptions do nothing"},
		{`{"name": "r", "applicationsSpec": [{"body": {"skip": true}}]}`, "body.skip: bodies aren't looked at"},
		{`{"name": "r", "applicationsSpec": [{"customBlockResponse": {"body": "x"}}]}`, "customBlockResponse.enabled: it's off"},
		{`{"name": "r", "applicationsSpec": [{"dosConfig": {"enabled": true}}]}`, "dosConfig: isn't done in functions"},
		{`{"name": "r", "applicationsSpec": [{"botProtectionSpec": {"knownBotProtectionsSpec": {"news": "ban"}}}]}`, "botProtectionSpec: isn't done in functions"},
		{`{"name": "r", "applicationsSpec": [{"headerSpecs": [{"name": "x", "effect": "prevent"}]}]}`, "headerSpecs: isn't done in functions"},
		{`{"name": "r", "applicationsSpec": [{"sqlInjection": {"effect": "alert"}}]}`, "sqlInjection: isn't known"},
		{`{"name": "r", "applicationsSpec": [{"sqli": {"efect": "alert"}}]}`, "sqli.efect: isn't known"},
		{`{"name": "r", "autodefend": {"triggers": {"sqs": {"effect": "prevent"}}}}`, "autodefend.triggers.sqs.effect: the event source mapping needs ReportBatchItemFailures"},
		{`{"name": "r", "autodefend": {"triggers": {"cloudWatchLogs": {"effect": "prevent"}}}}`, "log lines hold attacks by nature"},
	} {
		p, err := ParseWAAS([]byte(tt.rule))
		if err != nil {
			t.Fatal(err)
		}
		remarks, err := p.Check(nil)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(remarks, func(r Remark) bool { return strings.Contains(r.Path+": "+r.Message, tt.want) }) {
			t.Errorf("%s\nhas remarks %v, want %q", tt.rule, remarks, tt.want)
		}
	}
	remarks, err := (&WAASPolicy{}).Check(nil)
	if err != nil || len(remarks) != 1 || !strings.Contains(remarks[0].Message, "nothing is inspected") {
		t.Errorf("an empty policy: %v, %v", remarks, err)
	}
}

func TestResolveWAAS(t *testing.T) {
	p, err := ParseWAAS([]byte(`[{"name": "off", "disabled": true}, {"name": "orders", "collections": [{"name": "o", "functions": ["orders-*"]}]},
		{"name": "named", "collections": [{"name": "theirs"}]}, {"name": "rest", "collections": [{"name": "All"}]}]`))
	if err != nil {
		t.Fatal(err)
	}
	if res := p.Resolve(Target{Function: "orders-api"}); res.Index != 1 || res.Rule.Name != "orders" || len(res.Looks) != 2 {
		t.Errorf("orders-api: %+v", res)
	}
	res := p.Resolve(Target{Function: "pay"})
	if res.Rule == nil || res.Rule.Name != "rest" || !slices.Equal(res.Undefined, []string{"theirs"}) || !slices.Equal(p.Undefined(), []string{"theirs"}) {
		t.Errorf("pay: %+v", res)
	}
	p.Define([]Collection{{Name: "theirs", Functions: []string{"pay"}}})
	if res := p.Resolve(Target{Function: "pay"}); res.Rule == nil || res.Rule.Name != "named" {
		t.Errorf("pay, with the collection: %+v", res)
	}
	if res := (&WAASPolicy{}).Resolve(Target{}); res.Rule != nil || res.Index != -1 {
		t.Errorf("an empty policy: %+v", res)
	}
}

func TestIsWAAS(t *testing.T) {
	for text, want := range map[string]bool{
		prismaFirewall: true, prismaPolicy: false, `{}`: false, ``: false, `7`: false, `[]`: false,
		`{"_id": "serverlessAppFirewall"}`:                   true,
		`{"_id": "serverlessRuntime", "rules": []}`:          false,
		`{"rules": [{"name": "a"}]}`:                         false,
		`{"rules": [{"name": "a", "applicationsSpec": []}]}`: true,
		`[{"name": "a", "applicationsSpec": []}]`:            true,
		`{"name": "a", "ApplicationsSpec": []}`:              true,
		`{"name": "a", "processes": {}}`:                     false,
		`{"rules": {"rules": {}}}`:                           false,
		`{"minPort": 1}`:                                     true,
		`{"rules": `:                                         false,
	} {
		if got := IsWAAS([]byte(text)); got != want {
			t.Errorf("%.60s: %v, want %v", text, got, want)
		}
	}
}

func TestUnmarshalWAASRule(t *testing.T) {
	var r WAASRule
	if err := json.Unmarshal([]byte(`{"name": "a", "applicationsSpec": [{"sqli": {"effect": "alert"}}]}`), &r); err != nil || r.Applications[0].SQLi.Effect != autodefend.Alert {
		t.Errorf("rule %+v, %v", r, err)
	}
	if err := json.Unmarshal([]byte(`{"name": 1}`), &r); err == nil || !strings.Contains(err.Error(), "rule.name") {
		t.Errorf("error %v", err)
	}
}

func FuzzParseWAAS(f *testing.F) {
	for _, seed := range []string{prismaFirewall, `[]`, `{"name": "r", "autodefend": {"triggers": {"sqs": {}}}}`, `{"name": "r", "applicationsSpec": [null, {"sqli": null}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		IsWAAS(data)
		p, err := ParseWAAS(data)
		if err != nil {
			return
		}
		out, err := json.Marshal(p)
		if err != nil {
			t.Fatalf("parsed, but can't be written: %v", err)
		}
		again, err := ParseWAAS(out)
		if err != nil {
			t.Fatalf("written, but can't be parsed: %v\n%s", err, out)
		}
		if second, _ := json.Marshal(again); !bytes.Equal(out, second) {
			t.Errorf("%s\nbecame\n%s", out, second)
		}
		if _, err := p.Check(nil); err != nil {
			return
		}
		for i := range p.Rules {
			for class := range p.Rules[i].Applications {
				for _, c := range p.Rules[i].Applications[class].protections() {
					if _, err := CompileExceptions(c.to.Exceptions); err != nil {
						t.Errorf("checked, but can't be compiled: %v", errors.Join(err))
					}
				}
			}
		}
	})
}
