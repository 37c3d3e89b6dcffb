package settings

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
	"github.com/autodefend/autodefend/internal/policy"
)

// policies writes a policy whose rules depend on name, region and tag.
func (w *world) policies() {
	w.t.Helper()
	w.must("POST", "/collections", `{"name":"shop","labels":["team:shop"]}`)
	w.must("POST", "/collections", `{"name":"us","functions":["*"],"labels":["region:us-*"]}`)
	w.must("PUT", runtimePath, `{"rules":[
		{"name":"shop's","collections":["shop"],"dns":{"effect":"prevent","blacklist":["evil.example"]}},
		{"name":"american","collections":["us"],"processes":{"effect":"alert","blacklist":["wget"]}},
		{"name":"off","collections":["All"],"disabled":true},
		{"name":"orders only","collections":[{"name":"o","functions":["orders"]}]}]}`)
}

func (w *world) decoded(value string) policy.Envelope {
	w.t.Helper()
	e, err := policy.Decode(value, w.public())
	if err != nil {
		w.t.Fatalf("%s: %s", value, err)
	}
	return e
}

func (w *world) encoded(body string) policy.Envelope {
	w.t.Helper()
	var answer api.EncodedPolicy
	if err := json.Unmarshal([]byte(w.must("POST", runtimePath+"/encode", body)), &answer); err != nil {
		w.t.Fatal(err)
	}
	return w.decoded(answer.Data)
}

func ruleName(e policy.Envelope) string {
	if e.Rule == nil {
		return ""
	}
	return e.Rule.Name
}

func TestEncode(t *testing.T) {
	w := newWorld(t)
	w.must("POST", "/collections", `{"name":"o","functions":["orders"]}`)
	w.policies()
	w.tagged("checkout", "team", "shop")
	for body, want := range map[string]string{
		`{"function":"orders"}`:                                               "american", // any region: the label of the region has a star
		`{"function":"orders","region":"eu-west-1"}`:                          "orders only",
		`{"function":"other","region":"eu-west-1"}`:                           "",
		`{"function":"other","region":["us-east-1"],"provider":["aws"]}`:      "american",
		`{"function":"checkout","region":"eu-west-1"}`:                        "shop's",
		`{"function":"checkout"}`:                                             "shop's",
		`{"function":"orders","region":"anywhere","provider":"azure"}`:        "orders only",
		`{"function":["orders"],"region":"eu-west-1","provider":[]}`:          "orders only",
		`{"function":"orders","region":"eu-west-1","proxy":{"httpProxy":""}}`: "orders only",
	} {
		e := w.encoded(body)
		if ruleName(e) != want {
			t.Errorf("%s: rule %q, want %q", body, ruleName(e), want)
		}
		if e.Console.Address != "https://console.example.com:8083" || e.Console.CA != w.CA || e.Interval != 2*time.Minute || e.Console.Proxy.HTTPProxy != "" {
			t.Errorf("%s: %+v", body, e)
		}
	}
	e := w.encoded(`{"function":"orders","region":"eu-west-1","accountID":"1","consoleAddr":"proxy.example.net","updateIntervalMs":90500,
		"proxy":{"httpProxy":"http://p:3128","user":"u","password":{"plain":"s"},"noProxy":"x","ca":""}}`)
	want := policy.Console{Address: "proxy.example.net:8083", CA: w.CA, Token: "adt1.1.eu-west-1.orders.20261122120000"}
	if e.Console.Address != want.Address || e.Console.Token != want.Token || e.Interval != 91*time.Second ||
		e.Console.Proxy.HTTPProxy != "http://p:3128" || e.Console.Proxy.Password != "s" || e.Console.Proxy.User != "u" {
		t.Errorf("%+v", e)
	}
	for addr, want := range map[string]string{
		"console": "console:8083", "console:1": "console:1", "https://c.example/prefix/": "https://c.example/prefix", "https://c.example": "https://c.example",
		"http://127.0.0.1:8": "http://127.0.0.1:8", "10.0.0.1": "10.0.0.1:8083", "[2001:db8::1]": "[2001:db8::1]:8083",
	} {
		if e := w.encoded(`{"function":"f","consoleAddr":"` + addr + `"}`); e.Console.Address != want {
			t.Errorf("%s: %s, want %s", addr, e.Console.Address, want)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	w := newWorld(t)
	for body, words := range map[string]string{
		`{}`:                "function: ",
		`{"function":"a*"}`: "function: ",
		`{"function":5}`:    "function: want a string",
		`{"function":"a","provider":["aws","x"]}`:               "provider: want one value",
		`{"function":"a","provider":"gcp"}`:                     "provider: ",
		`{"function":"a","region":"moon"}`:                      "region: ",
		`{"function":"a","updateIntervalMs":5}`:                 "updateIntervalMs: ",
		`{"function":"a","consoleAddr":"http://x"}`:             "https only",
		`{"function":"a","consoleAddr":"a b"}`:                  "consoleAddr: ",
		`{"function":"a","consoleAddr":"https://u:p@c"}`:        "consoleAddr: ",
		`{"function":"a","proxy":{"httpProxy":"p"}}`:            "proxy.httpProxy: ",
		`{"function":"a","proxy":{"httpProxy":"http://u:p@h"}}`: "proxy.httpProxy: ",
		`[`: "line 1",
	} {
		w.refused("POST", runtimePath+"/encode", body, autodefend.CodeInvalid, words)
	}
}

func TestEncodeIsForWhoMayMakeTokens(t *testing.T) {
	w := newWorld(t)
	const path = runtimePath + "/encode"
	roles := make(map[string]route.Principal)
	for _, r := range api.SystemRoles() {
		p := route.Principal{Username: r.Name, Permissions: make(map[api.PermName]bool)}
		for _, one := range r.Perms {
			p.Permissions[one.Name] = one.ReadWrite
		}
		roles[r.Name] = p
	}
	for _, r := range w.Routes() {
		if r.Path != path {
			continue
		}
		for name, want := range map[string]bool{api.RoleAuditor: false, api.RoleDefenderManager: true, api.RoleOperator: true} {
			if got := roles[name].Can(r.Permission, r.Write); got != want {
				t.Errorf("%s: allowed %v, want %v", name, got, want)
			}
		}
	}
	limited := roles[api.RoleDefenderManager]
	limited.Collections = []string{"payments"}
	if a, err := w.callAs(limited, "POST", path, `{"function":"orders"}`, nil); autodefend.ErrorCode(err) != autodefend.CodeDenied {
		t.Errorf("who is limited to collections gets %+v, %v", a, err)
	}
}

// defender asks for a policy as a Defender does.
func (w *world) defender(function string, issued time.Time, tag string) (string, string) {
	w.t.Helper()
	p := route.Principal{Function: route.FunctionIdentity{Account: account, Region: region, Function: function, Issued: issued.Unix()}}
	answer, err := w.callAs(p, "GET", "/defender/policy", "", map[string]string{"If-None-Match": tag, "User-Agent": "autodefend-defender/1.2.3"})
	if err != nil {
		w.t.Fatal(err)
	}
	if (answer.Status == http.StatusNotModified) != (answer.Raw == nil) || answer.Raw != nil && answer.Media != "text/plain" {
		w.t.Fatalf("answer %+v", answer)
	}
	return string(answer.Raw), answer.Header["ETag"]
}

func TestDefenderPolicy(t *testing.T) {
	w := newWorld(t)
	w.must("POST", "/collections", `{"name":"o","functions":["orders"]}`)
	w.policies()
	w.tagged("checkout", "team", "shop")
	issued := w.now()
	value, tag := w.defender("checkout", issued, "")
	e := w.decoded(value)
	want := policy.Target{Function: "checkout", Region: region, AccountID: account}
	if d := cmp.Diff(want, e.Target); d != "" || ruleName(e) != "shop's" {
		t.Errorf("rule %q: %s", ruleName(e), d)
	}
	if e.Console.Token != "adt1."+account+".eu-west-1.checkout.20261122120000" || len(tag) != 34 {
		t.Errorf("token %s, tag %s", e.Console.Token, tag)
	}
	// Nothing changed.
	w.pass(2 * time.Minute)
	for _, given := range []string{tag, "W/" + tag, `"other", ` + tag} {
		if value, again := w.defender("checkout", issued, given); value != "" || again != tag {
			t.Errorf("If-None-Match %s: %q %s, want 304", given, value, again)
		}
	}
	if value, _ := w.defender("checkout", issued, `"other"`); value == "" {
		t.Error("another tag gets 304")
	}
	// Other functions share nothing but a meaning.
	if _, other := w.defender("orders", issued, ""); other == tag {
		t.Error("another rule has the same tag")
	}
	// What doesn't change the meaning doesn't change the tag.
	old := w.must("GET", runtimePath, "")
	w.must("PUT", runtimePath, strings.Replace(old, `"name":"american"`, `"name":"american","notes":"n"`, 1))
	w.must("PUT", runtimePath, strings.Replace(old, `"name":"shop's"`, `"notes":"n","name":"shop's"`, 1))
	if value, _ := w.defender("checkout", issued, tag); value != "" {
		t.Error("notes changed the tag")
	}
	// A change of the rule is seen at once, and a change of the collection too.
	w.must("PUT", runtimePath, strings.Replace(old, "evil.example", "worse.example", 1))
	value, changed := w.defender("checkout", issued, tag)
	if value == "" || changed == tag || w.decoded(value).Rule.DNS.Deny[0] != "worse.example" {
		t.Errorf("the change isn't there: %s", value)
	}
	w.must("PUT", "/collections/shop", `{"labels":["team:none"]}`)
	if value, _ := w.defender("checkout", issued, changed); value == "" || w.decoded(value).Rule != nil {
		t.Errorf("the collection's change isn't there: %s", value)
	}
	// A firewall's rule is part of it.
	w.must("PUT", firewallPath, `{"rules":[{"name":"web","collections":["All"],"applicationsSpec":[{"sqli":{"effect":"prevent"}}]}]}`)
	if value, _ := w.defender("checkout", issued, ""); w.decoded(value).WAAS == nil {
		t.Error("no firewall")
	}
	last := w.heard[len(w.heard)-1]
	if last.Function != "checkout" || last.Account != account || last.Version != "1.2.3" || last.LastSeen.IsZero() {
		t.Errorf("heard: %+v", last)
	}
}

func TestOthersChangesAreSeenSoon(t *testing.T) {
	w := newWorld(t)
	other := New(w.Config) // another replica on the same database
	w.must("PUT", runtimePath, `{"rules":[{"name":"a","collections":["All"],"dns":{"effect":"alert"}}]}`)
	_, tag := w.defender(functionName, w.now(), "")
	w.pass(generationAge / 2)
	c := &route.Call{Principal: administrator(), Body: []byte(`{"rules":[{"name":"b","collections":["All"],"dns":{"effect":"prevent"}}]}`)}
	if _, err := other.putPolicy(runtimeKind())(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	w.pass(generationAge)
	if value, _ := w.defender(functionName, w.now(), tag); value == "" || ruleName(w.decoded(value)) != "b" {
		t.Errorf("another replica's change isn't seen: %q", value)
	}
}

// tokenOf is what the token of a value says of its function and of its time.
func (w *world) tokenOf(value string) string { return w.decoded(value).Console.Token }

// TestRotation asks with tokens of some age and with the tag of the policy, as who has it does.
func TestRotation(t *testing.T) {
	for name, tt := range map[string]struct {
		age     time.Duration
		rotates bool
	}{
		"new": {0, false}, "of a clock that is ahead": {-time.Hour, false}, "nearly a week": {rotationAge - time.Second, false},
		"a week": {rotationAge, true}, "a year": {365 * 24 * time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			issued := w.now().Add(-tt.age)
			own := w.DefenderToken(route.FunctionIdentity{Account: account, Region: region, Function: functionName, Issued: issued.Unix()})
			want := own
			if tt.rotates {
				want = w.DefenderToken(route.FunctionIdentity{Account: account, Region: region, Function: functionName, Issued: w.now().Add(-rotationMargin).Unix()})
			}
			// Who has no policy is given the token that it's to call with: its own unless that's old.
			value, _ := w.defender(functionName, issued, "")
			if got := w.tokenOf(value); got != want {
				t.Errorf("token %s, want %s", got, want)
			}
			// Nothing of how the Console is reached: the function knows, and the Console doesn't.
			if c := w.decoded(value).Console; c.Address != "" || c.CA != "" || c.Proxy.HTTPProxy != "" {
				t.Errorf("the envelope says how the Console is reached: %+v", c)
			}
			_, meaning := w.defender(functionName, w.now(), "")
			if value, _ := w.defender(functionName, issued, meaning); (value != "") != tt.rotates {
				t.Errorf("with the tag: %q", value)
			}
		})
	}
}

// TestRotationHappensOnce: a Defender that has followed to its new token has the policy, and one that goes on with the old
// one isn't given another on every question.
func TestRotationHappensOnce(t *testing.T) {
	w := newWorld(t)
	first := w.now()
	_, meaning := w.defender(functionName, first, "")
	w.pass(rotationAge)
	_, rotated := w.defender(functionName, first, meaning)
	second := w.now().Add(-rotationMargin)
	if rotated == meaning {
		t.Fatal("no rotation")
	}
	if value, _ := w.defender(functionName, first, rotated); value != "" {
		t.Error("who keeps the old token is given a new one again")
	}
	if value, again := w.defender(functionName, second, rotated); value != "" || again != meaning {
		t.Errorf("with the new token: %q %s, want 304 with %s", value, again, meaning)
	}
	w.pass(rotationAge)
	if value, _ := w.defender(functionName, first, rotated); value == "" {
		t.Error("who keeps the old token isn't given a new one after another week")
	}
	value, third := w.defender(functionName, second, rotated)
	if value == "" || third == rotated {
		t.Error("the second token isn't replaced in its turn")
	}
}

// TestRotationIsSeldom lets functions ask every two minutes for half a month: one follows to new tokens, one doesn't. But for the
// first question and one a week, all are answered with 304.
func TestRotationIsSeldom(t *testing.T) {
	const functions, period, every = 2, 15 * 24 * time.Hour, 2 * time.Minute
	w := newWorld(t)
	w.must("PUT", runtimePath, `{"rules":[{"name":"a","collections":["All"],"dns":{"effect":"alert"}}]}`)
	var issued [functions]time.Time
	var tags [functions]string
	for i := range issued {
		issued[i] = w.now()
	}
	asked, given := 0, 0
	for range int(period / every) {
		w.pass(every)
		for i := range issued {
			value, tag := w.defender(functionName, issued[i], tags[i])
			asked++
			if value == "" {
				continue // the client keeps its tag
			}
			given++
			tags[i] = tag
			if follows := i%2 == 0; follows && w.now().Sub(issued[i]) >= rotationAge {
				issued[i] = w.now().Add(-rotationMargin)
			}
		}
		w.heard = nil
	}
	if want := functions * (1 + int(period/rotationAge)); given != want {
		t.Errorf("of %d questions %d were answered with a policy, want %d", asked, given, want)
	}
}

func TestDefenderPolicyNeedsAFunction(t *testing.T) {
	w := newWorld(t)
	if _, err := w.callAs(route.Principal{}, "GET", "/defender/policy", "", nil); autodefend.ErrorCode(err) != autodefend.CodeDenied {
		t.Errorf("error %v", err)
	}
}

func TestTagsAreLookedUpSeldom(t *testing.T) {
	w := newWorld(t)
	w.must("PUT", runtimePath, `{"rules":[{"name":"a","collections":["All"]}]}`)
	for range 3 {
		w.defender(functionName, w.now(), "")
	}
	if w.asked != 0 {
		t.Errorf("%d questions, and no rule is about tags", w.asked)
	}
	w.must("POST", "/collections", `{"name":"o"}`)
	w.policies()
	for range 3 {
		w.defender(functionName, w.now(), "")
	}
	if w.asked != 1 {
		t.Errorf("%d questions for one function", w.asked)
	}
	w.pass(tagsAge)
	w.tagged(functionName, "team", "shop")
	if value, _ := w.defender(functionName, w.now(), ""); ruleName(w.decoded(value)) != "shop's" {
		t.Error("new tags aren't seen")
	}
}

func TestEnvelope(t *testing.T) {
	w := newWorld(t)
	w.must("POST", "/collections", `{"name":"o"}`)
	w.policies()
	target := Target{Target: policy.Target{Function: "x", Region: "us-east-1"}, Account: account}
	value, tag, err := w.Envelope(t.Context(), target, 0)
	if err != nil || ruleName(w.decoded(value)) != "american" || tag == "" || w.decoded(value).Target.AccountID != account {
		t.Errorf("%v %s %s", err, value, tag)
	}
	target.Labels = map[string]string{"team": "shop"}
	if value, _, err := w.Envelope(t.Context(), target, 600); err != nil || ruleName(w.decoded(value)) != "shop's" || len(value) > 600 {
		t.Errorf("%v %s", err, value)
	}
	if _, _, err := w.Envelope(t.Context(), target, 10); autodefend.ErrorCode(err) != autodefend.CodeInvalid {
		t.Errorf("10 bytes: %v", err)
	}
}

func TestPolicySource(t *testing.T) {
	w := newWorld(t)
	w.must("POST", "/collections", `{"name":"o"}`)
	w.policies()
	f := autodefend.Function{ARN: autodefend.FunctionARN{Partition: "aws", Region: region, Account: account, Name: "checkout"}, Tags: map[string]string{"team": "shop"}}
	source := func() func(f autodefend.Function, room int) string {
		t.Helper()
		s, _, err := w.PolicySource(t.Context(), "", api.ProxySettings{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	first := source()(f, 4000)
	if e := w.decoded(first); ruleName(e) != "shop's" || e.Console.Token == "" {
		t.Errorf("%+v", e)
	}
	// The same is left as it is, however much later; what changed isn't.
	f.Environment.Variables = autodefend.Variables{policy.EnvironmentVariable: first}
	w.pass(100 * 24 * time.Hour)
	if got := source()(f, 4000); got != first {
		t.Error("a second apply changes the value")
	}
	w.put(api.KindRevokedFunction, "1", string(marshal(api.RevokedFunction{ID: "1", Function: "other", Before: w.now()})))
	if got := source()(f, 4000); got != first {
		t.Error("another function's revocation changes the value")
	}
	w.put(api.KindRevokedFunction, "2", string(marshal(api.RevokedFunction{ID: "2", Function: "checkout", Before: w.now()})))
	second := source()(f, 4000)
	if second == first || w.decoded(second).Console.Token == w.decoded(first).Console.Token {
		t.Error("a revoked token stays")
	}
	f.Environment.Variables[policy.EnvironmentVariable] = second
	if got := source()(f, 4000); got != second {
		t.Error("the new token changes again")
	}
	w.must("PUT", runtimePath, `{}`)
	if got := source()(f, 4000); got == second || w.decoded(got).Rule != nil {
		t.Error("the change of the policy isn't there")
	}
	f.Environment.Variables[policy.EnvironmentVariable] = "ad.nonsense"
	if got := source()(f, 10); len(got) <= 10 || w.decoded(got).Rule != nil {
		t.Errorf("without room: %q", got)
	}
}

func TestPolicySourceDigest(t *testing.T) {
	w := newWorld(t)
	seen := make(map[string]string)
	note := func(what, addr string, proxy api.ProxySettings) {
		t.Helper()
		_, digest, err := w.PolicySource(t.Context(), addr, proxy)
		if err != nil {
			t.Fatal(err)
		}
		if before, ok := seen[digest]; ok {
			t.Errorf("%s has the digest of %s", what, before)
		}
		seen[digest] = what
	}
	note("nothing", "", api.ProxySettings{})
	note("an address", "c2", api.ProxySettings{})
	note("a proxy", "", api.ProxySettings{HTTPProxy: "http://p"})
	note("a proxy's password", "", api.ProxySettings{HTTPProxy: "http://p", Password: api.CredentialSecret{Plain: "x"}})
	w.must("PUT", runtimePath, `{"rules":[{"name":"a","collections":["All"]}]}`)
	note("a policy", "", api.ProxySettings{})
	w.pass(time.Hour)
	if _, digest, err := w.PolicySource(t.Context(), "", api.ProxySettings{}); err != nil || seen[digest] != "a policy" {
		t.Errorf("time changes the digest: %v", err)
	}
	if _, _, err := w.PolicySource(t.Context(), "http://x", api.ProxySettings{}); autodefend.ErrorCode(err) != autodefend.CodeInvalid {
		t.Errorf("a bad address: %v", err)
	}
}
