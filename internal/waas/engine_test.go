package waas

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/corazawaf/libinjection-go"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/waas/event"
)

// rule is a new rule of the policy with one effect for every class.
func rule(effect autodefend.Effect, change ...func(*policy.WAASRule)) *policy.WAASRule {
	r := policy.NewWAASRule("test")
	for _, class := range autodefend.AttackClasses() {
		r.Application().Protection(class).Effect = effect
	}
	for _, c := range change {
		c(&r)
	}
	return &r
}

func newEngine(t testing.TB, r *policy.WAASRule, options ...Option) *Engine {
	t.Helper()
	e, err := New(r, options...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// request is an event of a function URL.
func request(path, query, kind, body string) []byte {
	headers := map[string]string{"host": "x.lambda-url.eu-central-1.on.aws", "user-agent": "curl/8.5", "accept": "*/*"}
	if kind != "" {
		headers["content-type"] = kind
	}
	data, _ := json.Marshal(map[string]any{
		"version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query, "headers": headers, "body": body,
		"cookies": []string{"sid=1"},
		"requestContext": map[string]any{
			"domainName": "x.lambda-url.eu-central-1.on.aws", "routeKey": "$default", "requestId": "r-1",
			"http": map[string]any{"method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7"},
		},
	})
	return data
}

func queue(bodies ...string) []byte {
	var records []map[string]any
	for i, body := range bodies {
		records = append(records, map[string]any{
			"messageId": "m" + string(rune('0'+i)), "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:q", "body": body,
		})
	}
	data, _ := json.Marshal(map[string]any{"Records": records})
	return data
}

func inspect(e *Engine, data []byte) Verdict { return e.Inspect(context.Background(), data) }

// types are the kinds of attacks a verdict tells of, in order and each once.
func types(v Verdict) []autodefend.AttackClass {
	var all []autodefend.AttackClass
	for _, d := range v.Detections {
		all = append(all, d.Type)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// TestDocumentedAttacks says the strings in the product's documentation, and what is said of them.
func TestDocumentedAttacks(t *testing.T) {
	e := newEngine(t, rule(autodefend.Prevent), Everything())
	for _, test := range []struct {
		query   string
		class   autodefend.AttackClass
		message string
	}{
		{"id=%27+OR+%271", autodefend.ClassSQLi, `Detected SQL Injection attack in query parameter "id", match `},
		{"id=%3Cscript%3Ealert(1)%3C/script%3E", autodefend.ClassXSS, `Detected Cross-Site Scripting attack in query parameter "id", match `},
		{"id=%3B+/sbin/shutdown", autodefend.ClassCMDi, `Detected OS Command Injection attack in query parameter "id", match `},
		{"id=phpinfo()", autodefend.ClassCodeInjection, `Detected Code Injection attack in query parameter "id", match phpinfo(`},
		{"id=../etc/passwd", autodefend.ClassLFI, `Detected Local File Inclusion attack in query parameter "id", match `},
	} {
		v := inspect(e, request("/", test.query, "", ""))
		if v.Effect != autodefend.Prevent {
			t.Errorf("%s: %q", test.query, v.Effect)
		}
		if !slices.ContainsFunc(v.Detections, func(d Detection) bool {
			return d.Type == test.class && strings.HasPrefix(d.Message, test.message) && strings.Contains(d.Message, ", value ")
		}) {
			t.Errorf("%s: no %q in %+v", test.query, test.message, v.Detections)
		}
	}
}

func TestWhereAttacksAre(t *testing.T) {
	const attack = "../../../etc/passwd"
	e := newEngine(t, rule(autodefend.Alert), Everything())
	for _, test := range []struct {
		name string
		data []byte
		want string
	}{
		{"form", request("/", "", "application/x-www-form-urlencoded", "file=..%2F..%2F..%2Fetc%2Fpasswd"), `in request body parameter "file", match `},
		{"JSON", request("/", "", "application/json", `{"a":{"b":["`+attack+`"]}}`), `in request body parameter "/a/b/0", match `},
		{"XML", request("/", "", "application/xml", `<a><b>`+attack+`</b></a>`), `in request body parameter "/a/b", match `},
		{"path", request("/files/..%2f..%2f..%2fetc/passwd", "", "", ""), `in request path, match `},
		{"text", request("/", "", "text/plain", attack), `in request body, match `},
		{"queue", queue(attack), `in message field "body", match `},
		{"direct", []byte(`{"file":"` + attack + `"}`), `in message field "/file", match `},
	} {
		v := inspect(e, test.data)
		if !slices.ContainsFunc(v.Detections, func(d Detection) bool {
			return d.Type == autodefend.ClassLFI && strings.Contains(d.Message, test.want)
		}) {
			t.Errorf("%s: no %q in %+v", test.name, test.want, v.Detections)
		}
	}
}

func TestNothingIsLookedFor(t *testing.T) {
	attack := request("/", "id=../etc/passwd", "", "")
	for name, r := range map[string]*policy.WAASRule{
		"no rule":        nil,
		"no application": {Name: "x"},
		"disabled":       rule(autodefend.Prevent, func(r *policy.WAASRule) { r.Disabled = true }),
		"all classes off": rule(autodefend.Disable, func(r *policy.WAASRule) {
			r.Application().Body.LimitEffect = autodefend.Disable
		}),
		"trigger off": rule(autodefend.Prevent, func(r *policy.WAASRule) {
			r.Own.Triggers.Set("functionURL", policy.TriggerSwitch{Effect: autodefend.Disable})
		}),
		"other classes": rule(autodefend.Prevent, func(r *policy.WAASRule) {
			r.Own.Triggers.Set("functionURL", policy.TriggerSwitch{Classes: []autodefend.AttackClass{autodefend.ClassXSS}})
		}),
	} {
		v := inspect(newEngine(t, r), attack)
		if v.Effect != "" || len(v.Detections) > 0 || v.Event == nil {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

func TestEffects(t *testing.T) {
	both := request("/", "id=%3Cscript%3Ealert(1)%3C/script%3E&file=../../etc/passwd", "", "")
	r := rule(autodefend.Alert, func(r *policy.WAASRule) { r.Application().LFI.Effect = autodefend.Prevent })
	v := inspect(newEngine(t, r), both)
	if v.Effect != autodefend.Prevent || !slices.Contains(types(v), autodefend.ClassLFI) {
		t.Errorf("the stronger effect: %+v", v)
	}
	if last := v.Detections[len(v.Detections)-1]; last.Effect != autodefend.Prevent || last.Type != autodefend.ClassLFI {
		t.Errorf("the first that refuses is the last that is looked for: %+v", v.Detections)
	}
	if all := inspect(newEngine(t, r, Everything()), both); len(all.Detections) <= len(v.Detections) {
		t.Errorf("everything is %d, until the first that refuses %d", len(all.Detections), len(v.Detections))
	}
}

func TestQueuesAreOnlyRefusedWhenAsked(t *testing.T) {
	data := queue("hello", "; cat /etc/passwd", "world", `{"name":"../../../etc/passwd"}`)
	v := inspect(newEngine(t, rule(autodefend.Prevent)), data)
	if v.Effect != autodefend.Alert || len(v.Refused) > 0 {
		t.Errorf("by default: %q %v", v.Effect, v.Refused)
	}
	asked := rule(autodefend.Prevent, func(r *policy.WAASRule) {
		r.Own.Triggers.Set("sqs", policy.TriggerSwitch{Effect: autodefend.Prevent})
	})
	v = inspect(newEngine(t, asked), data)
	if v.Effect != autodefend.Prevent || !slices.Equal(v.Refused, []int{1, 3}) {
		t.Errorf("when asked: %q %v", v.Effect, v.Refused)
	}
}

func TestExceptions(t *testing.T) {
	const encoded, attack = "..%2F..%2F..%2Fetc%2Fpasswd", "../../../etc/passwd"
	form := request("/upload", "", "application/x-www-form-urlencoded", "file="+encoded)
	query := request("/upload", "file="+encoded, "", "")
	document := request("/upload", "", "application/json", `{"files":[{"name":"`+attack+`"}]}`)
	for _, test := range []struct {
		name string
		x    policy.WAASException
		data []byte
		want bool // still detected
	}{
		{"other parameter", policy.WAASException{Location: policy.LocationQuery, Key: "other"}, query, true},
		{"parameter", policy.WAASException{Location: policy.LocationQuery, Key: "fi.*"}, query, false},
		{"parameter's value", policy.WAASException{Location: policy.LocationQueryValues, Key: `^\.\./`}, query, false},
		{"form", policy.WAASException{Location: policy.LocationBody, Key: "file"}, form, false},
		{"query isn't form", policy.WAASException{Location: policy.LocationQuery, Key: "file"}, form, true},
		{"path", policy.WAASException{Location: policy.LocationPath, Key: "/up*"}, query, false},
		{"other path", policy.WAASException{Location: policy.LocationPath, Key: "/down*"}, query, true},
		{"JSON", policy.WAASException{Location: policy.LocationJSON, Key: "/files/*/name"}, document, false},
		{"other JSON", policy.WAASException{Location: policy.LocationJSON, Key: "/dirs"}, document, true},
		{"raw body", policy.WAASException{Location: policy.LocationRawBody, Key: `^\{"files"`}, document, false},
		{"raw body of a form", policy.WAASException{Location: policy.LocationRawBody, Key: `^file=`}, form, false},
		{"any value", policy.WAASException{Key: "passwd", ValuePattern: true}, document, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := rule(autodefend.Prevent, func(r *policy.WAASRule) {
				for _, class := range autodefend.AttackClasses() {
					r.Application().Protection(class).Exceptions = []policy.WAASException{test.x}
				}
			})
			v := inspect(newEngine(t, r), test.data)
			if got := v.Effect == autodefend.Prevent; got != test.want {
				t.Errorf("detected: %v, %+v", got, v.Detections)
			}
		})
	}
	one := rule(autodefend.Alert, func(r *policy.WAASRule) {
		r.Application().LFI.Exceptions = []policy.WAASException{{Location: policy.LocationQuery, Key: "file"}}
	})
	v := inspect(newEngine(t, one, Everything()), request("/", "file=%3Bcat+/etc/passwd", "", ""))
	if got := types(v); slices.Contains(got, autodefend.ClassLFI) || !slices.Contains(got, autodefend.ClassCMDi) {
		t.Errorf("an exception is one class's: %v", got)
	}
}

func TestMistakesInPatterns(t *testing.T) {
	r := rule(autodefend.Alert, func(r *policy.WAASRule) {
		r.Application().XSS.Exceptions = []policy.WAASException{{Location: policy.LocationQuery, Key: "("}}
	})
	if _, err := New(r); err == nil || !strings.Contains(err.Error(), "xss") {
		t.Errorf("a pattern that is none: %v", err)
	}
	r = rule(autodefend.Alert, func(r *policy.WAASRule) {
		r.Own.CustomRules = []policy.OwnRule{{Name: "mine", Expression: "req.path ="}}
	})
	if _, err := New(r); err == nil || !strings.Contains(err.Error(), "mine") {
		t.Errorf("an expression that is none: %v", err)
	}
}

func TestCustomRules(t *testing.T) {
	custom := func(rules ...policy.OwnRule) *policy.WAASRule {
		return rule(autodefend.Prevent, func(r *policy.WAASRule) { r.Own.CustomRules = rules })
	}
	attack := request("/internal/x", "id=../etc/passwd", "", "")
	refuse := policy.OwnRule{Name: "internal", Expression: `req.path startswith "/internal/"`, Effect: autodefend.Prevent, Message: "Nobody goes there"}
	v := inspect(newEngine(t, custom(refuse)), attack)
	if v.Effect != autodefend.Prevent || len(v.Detections) != 1 || v.Detections[0].Type != autodefend.ClassCustomRule ||
		v.Detections[0].Rule != "internal" || v.Detections[0].Message != "Nobody goes there" {
		t.Errorf("a custom rule comes first: %+v", v.Detections)
	}
	allow := policy.OwnRule{Name: "probe", Expression: `req.path startswith "/internal/"`, Effect: autodefend.Allow}
	if v := inspect(newEngine(t, custom(allow, refuse)), attack); v.Effect != "" {
		t.Errorf("what is allowed passes: %+v", v.Detections)
	}
	unnamed := policy.OwnRule{Name: "internal", Expression: `req.path startswith "/internal/"`}
	v = inspect(newEngine(t, custom(unnamed), Everything()), request("/internal/x", "", "", ""))
	if v.Effect != autodefend.Alert || v.Detections[0].Message != `Custom rule "internal" matched request path` {
		t.Errorf("without effect and message: %+v", v.Detections)
	}
}

func TestLimits(t *testing.T) {
	small := func(effect autodefend.Effect) *policy.WAASRule {
		return rule(autodefend.Prevent, func(r *policy.WAASRule) {
			r.Application().Body = policy.BodyConfig{SizeBytes: 64, LimitEffect: effect}
		})
	}
	long := request("/", "", "application/x-www-form-urlencoded", "a="+strings.Repeat("x", 100)+"&b=..%2F..%2Fetc%2Fpasswd")
	v := inspect(newEngine(t, small(autodefend.Alert)), long)
	if v.Effect != autodefend.Alert || !slices.Contains(types(v), autodefend.ClassLimitExceeded) {
		t.Errorf("alert: %+v", v.Detections)
	}
	if v := inspect(newEngine(t, small(autodefend.Prevent)), long); v.Effect != autodefend.Prevent {
		t.Errorf("prevent: %+v", v.Detections)
	}
	if v := inspect(newEngine(t, small(autodefend.Disable)), long); v.Effect != "" {
		t.Errorf("disable: %+v", v.Detections)
	}
	skip := rule(autodefend.Prevent, func(r *policy.WAASRule) {
		r.Application().Body.Skip = true
		r.Application().Body.LimitEffect = autodefend.Disable
	})
	if v := inspect(newEngine(t, skip), request("/", "", "application/x-www-form-urlencoded", "b=..%2F..%2Fetc%2Fpasswd")); v.Effect != "" {
		t.Errorf("a body that is skipped: %+v", v.Detections)
	}
}

func TestTimeIsReported(t *testing.T) {
	var members []string
	for range 3000 {
		members = append(members, `"It's (select) a; long, | list of words & more"`)
	}
	data := []byte("[" + strings.Join(members, ",") + "]")
	over, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	v := newEngine(t, rule(autodefend.Prevent)).Inspect(over, data)
	if !v.Unfinished || v.Effect != autodefend.Alert || !slices.Contains(types(v), autodefend.ClassLimitExceeded) {
		t.Errorf("open: %+v", v.Detections)
	}
	closed := rule(autodefend.Alert, func(r *policy.WAASRule) { r.Own.FailMode = autodefend.FailClosed })
	if v := newEngine(t, closed).Inspect(over, data); v.Effect != autodefend.Prevent || len(v.Refused) > 0 {
		t.Errorf("closed: %q", v.Effect)
	}
	if v := inspect(newEngine(t, rule(autodefend.Prevent)), []byte(`{"a":"b"}`)); v.Unfinished {
		t.Error("there was time for that")
	}
}

func TestMalformed(t *testing.T) {
	data := request("/", "", "application/json", `{"a": tru}`)
	v := inspect(newEngine(t, rule(autodefend.Prevent)), data)
	if v.Effect != autodefend.Prevent || !slices.Contains(types(v), autodefend.ClassMalformedRequest) {
		t.Errorf("%+v", v)
	}
}

func TestSecretsAreNotInMessages(t *testing.T) {
	data := request("/", "", "", "")
	data = []byte(strings.Replace(string(data), `"sid=1"`, `"sid=tops3cret; cat /etc/passwd;"`, 1))
	v := inspect(newEngine(t, rule(autodefend.Alert), Everything()), data)
	for _, d := range v.Detections {
		if _, value, _ := strings.Cut(d.Message, ", value "); d.Field.Place == event.Cookie && value != "(not shown)" {
			t.Errorf("%s", d.Message)
		}
	}
}

// TestOneEngineForMany inspects from several goroutines, with the memory of another engine.
func TestOneEngineForMany(t *testing.T) {
	first := newEngine(t, rule(autodefend.Prevent))
	second := newEngine(t, rule(autodefend.Alert), After(first))
	if first.shared != second.shared {
		t.Fatal("the memory isn't taken over")
	}
	bad, good := request("/", "id=../etc/passwd", "", ""), request("/", "id=12", "", "")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 20 {
				if inspect(first, bad).Effect != autodefend.Prevent || inspect(second, bad).Effect != autodefend.Alert || inspect(second, good).Effect != "" {
					t.Error("verdicts mix")
				}
			}
		})
	}
	all.Wait()
}

// TestMarkup says that what isn't shown to libinjection would be found to be no script.
func TestMarkup(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pieces := strings.Fields("< = > / ! - % ' \" ` & ; : ( ) on onerror onload style src href javascript: script svg x alert(1) xmlns ? [CDATA[ doctype a b \x00")
	for range 20_000 {
		var b strings.Builder
		for range 1 + random.IntN(7) {
			b.WriteString(pieces[random.IntN(len(pieces))])
			if random.IntN(3) == 0 {
				b.WriteByte(' ')
			}
		}
		if text := b.String(); !markup(text) && libinjection.IsXSS(text) {
			t.Fatalf("%q is script", text)
		}
	}
}

func TestCut(t *testing.T) {
	for in, want := range map[string]string{
		"short":                            "short",
		"line\nbreak\x00":                  "line break ",
		strings.Repeat("x", 20):            strings.Repeat("x", 13) + "…",
		strings.Repeat("ä", 10):            strings.Repeat("ä", 6) + "…",
		strings.Repeat("x", 12) + "😀 more": strings.Repeat("x", 12) + "…",
	} {
		if got := cut(in, 16); got != want {
			t.Errorf("cut(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzInspect says that nothing makes the engine panic, that it answers the same twice, and that the prefilter
// loses nothing.
func FuzzInspect(f *testing.F) {
	for _, seed := range [][]byte{
		request("/a/..%2fb", "id=%27+OR+%271&x=%3Cscript%3E", "application/json", `{"a":{"b":["; cat /etc/passwd","rO0ABXNy"]}}`),
		request("/", "", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"a\"; filename=\"x.php\"\r\n\r\n1\r\n--b--"),
		queue(`{"Type":"Notification","Message":"() { :;}; echo"}`, "plain"), []byte(`{"q":"{{7*7}}"}`), []byte("not JSON at all"),
	} {
		f.Add(seed)
	}
	strict := rule(autodefend.Alert, func(r *policy.WAASRule) { r.Own.Level = policy.LevelStrict })
	fast, plain := newEngine(f, strict, Everything()), newEngine(f, strict, Everything(), Unfiltered())
	f.Fuzz(func(t *testing.T, data []byte) {
		once, again, unfiltered := inspect(fast, data), inspect(fast, data), inspect(plain, data)
		if got, want := ids(again), ids(once); !slices.Equal(got, want) {
			t.Errorf("once %v, again %v", want, got)
		}
		if len(unfiltered.Detections) == maxDetections {
			t.Skip("more than is told")
		}
		if got, want := ids(once), ids(unfiltered); !slices.Equal(got, want) {
			t.Errorf("%v, without the prefilter %v", got, want)
		}
	})
}

func ids(v Verdict) []string {
	var all []string
	for _, d := range v.Detections {
		all = append(all, d.Rule+" "+d.Field.Name)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
