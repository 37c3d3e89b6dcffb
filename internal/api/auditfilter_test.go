package api

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/autodefend/autodefend"
)

func TestParseAuditFilter(t *testing.T) {
	day := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	for _, x := range []struct {
		query  string
		stream Stream
		want   AuditFilter
	}{
		{"", StreamRuntime, AuditFilter{Query: AuditQuery{Page: Page{Limit: 50}}, Buckets: 100}},
		{"limit=500&offset=100&sort=time&reverse=true&unknown=1&project=p", StreamRuntime, AuditFilter{
			Query: AuditQuery{Page: Page{Limit: 50, Offset: 100, Sort: "time", Reverse: true}}, Buckets: 100,
		}},
		{"type=processes,network&type=network&effect=block&function=a&function=b,c&attackType=policyHijacked", StreamRuntime, AuditFilter{
			Query: AuditQuery{
				Page: Page{Limit: 50}, Types: []string{"processes", "network"}, Effects: []string{"block"},
				Functions: []string{"a", "b", "c"}, AttackTypes: []string{"policyHijacked"},
			}, Buckets: 100,
		}},
		{"msg=a,b&msg=c&search=d&requestID=r&ruleName=x&attackTechniques=webShell&runtime=python3.12", StreamRuntime, AuditFilter{
			Query: AuditQuery{
				Page: Page{Limit: 50}, Msgs: []string{"a,b", "c"}, Search: "d", RequestIDs: []string{"r"}, Rules: []string{"x"},
				Techniques: []string{"webShell"}, Runtimes: []string{"python3.12"},
			}, Buckets: 100,
		}},
		{"from=2026-11-22T00:00:00Z&to=2026-11-22T01:00:00 01:00&accountIDs=1,2&collections=x,y&fields=time,msg&aggregate=true&buckets=7", StreamRuntime, AuditFilter{
			Query: AuditQuery{Page: Page{Limit: 50}, From: day, To: day, Accounts: []string{"1", "2"}}, Collections: []string{"x", "y"},
			Fields: []string{"time", "msg"}, Aggregate: true, Buckets: 7,
		}},
		{"time=2026-11-22&cluster=eu-west-1&functionID=arn:aws:lambda:eu-west-1:123456789012:function:f:9&profileID=p&interactive=true", StreamRuntime, AuditFilter{
			Query: AuditQuery{
				Page: Page{Limit: 50}, From: day, To: day, Regions: []string{"eu-west-1"},
				FunctionIDs: []string{"arn:aws:lambda:eu-west-1:123456789012:function:f"},
				Body:        map[string][]string{"profileId": {"p"}, "interactive": {"true"}},
			}, Buckets: 100,
		}},
		{"type=sqli&effect=ban&protection=firewall&method=GET,POST&url=a%2Cb&owaspTop10=injection&owaspAPITop10=lackOfResources%26RateLimiting&ns=n&connectingIPs=192.0.2.1", StreamFirewall, AuditFilter{
			Query: AuditQuery{
				Page: Page{Limit: 50}, Types: []string{"sqli"}, Effects: []string{"ban"},
				Body: map[string][]string{
					"protection": {"firewall"}, "method": {"GET", "POST"}, "url": {"a,b"}, "owaspTop10": {"injection"},
					"owaspAPITop10": {"lackOfResources&RateLimiting"}, "ns": {"n"}, "connectingIPs": {"192.0.2.1"},
				},
			}, Buckets: 100,
		}},
	} {
		query, err := url.ParseQuery(x.query)
		if err != nil {
			t.Fatal(err)
		}
		x.want.Query.Stream = x.stream
		got, err := ParseAuditFilter(x.stream, query)
		if err != nil {
			t.Errorf("%s: %v", x.query, err)
			continue
		}
		if diff := cmp.Diff(x.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", x.query, diff)
		}
	}
}

func TestBadFilters(t *testing.T) {
	audits := func(q url.Values) error { _, err := ParseAuditFilter(StreamRuntime, q); return err }
	firewall := func(q url.Values) error { _, err := ParseAuditFilter(StreamFirewall, q); return err }
	incidents := func(q url.Values) error { _, err := ParseIncidentFilter(q); return err }
	mgmt := func(q url.Values) error { _, err := ParseMgmtFilter(q); return err }
	defenders := func(q url.Values) error { _, err := ParseDefenderFilter(q); return err }
	for _, x := range []struct {
		parse       func(url.Values) error
		query, name string
	}{
		{audits, "offset=-1", "offset"},
		{audits, "limit=ten", "limit"},
		{audits, "limit=1&limit=2", "limit"},
		{audits, "sort=password", "sort"},
		{audits, "sort=time;drop", "sort"},
		{audits, "reverse=maybe", "reverse"},
		{audits, "from=yesterday", "from"},
		{audits, "from=2026-11-23&to=2026-11-22", "from"},
		{audits, "type=processes,x", "type"},
		{audits, "effect=ban", "effect"},
		{audits, "attackTechniques='", "attackTechniques"},
		{audits, "buckets=101", "buckets"},
		{audits, "buckets=0", "buckets"},
		{audits, "function=a%00b", "function"},
		{audits, "function=" + strings.Repeat("a,b,c,", 0) + strings.Repeat("x", 17<<10), "function"},
		{firewall, "protection=x", "protection"},
		{firewall, "effect=block", "effect"},
		{firewall, "type=processes", "type"},
		{incidents, "category=x", "category"},
		{incidents, "type=x", "type"},
		{incidents, "acknowledged=2", "acknowledged"},
		{mgmt, "type=x", "type"},
		{defenders, "type=x", "type"},
		{defenders, "category=x", "category"},
		{defenders, "connected=x", "connected"},
	} {
		query, err := url.ParseQuery(strings.ReplaceAll(x.query, ";", "%3B"))
		if err != nil {
			t.Fatal(err)
		}
		err = x.parse(query)
		if autodefend.ErrorCode(err) != autodefend.CodeInvalid || !strings.HasPrefix(err.Error(), x.name+": ") {
			t.Errorf("%.60s: %v, want %s", x.query, err, x.name)
		}
	}
}

func TestParamsAreDescribedOnce(t *testing.T) {
	for name, all := range map[string][]Param{
		"runtime": AuditParams(StreamRuntime), "firewall": AuditParams(StreamFirewall), "incidents": IncidentParams(),
		"mgmt": MgmtParams(), "defenders": DefenderParams(),
	} {
		seen := map[string]bool{}
		for _, p := range all {
			if seen[p.Name] || p.Summary == "" || !strings.HasSuffix(p.Summary, ".") {
				t.Errorf("%s: %+v", name, p)
			}
			seen[p.Name] = true
		}
	}
	for _, name := range strings.Fields("profileID from to time ruleName type effect function runtime attackTechniques requestID msg attackType aggregate" +
		" id imageName container containerID user os namespace cluster hostname interactive app processPath functionID appID") {
		if !described(AuditParams(StreamRuntime), name) {
			t.Errorf("runtime: %s isn't taken", name)
		}
	}
	for _, name := range strings.Fields("from to imageName containerName hostname ruleName type effect ruleAppID function runtime ns appID subnet" +
		" connectingIPs country userAgentHeader url requestHost urlPath urlQuery method requestHeaderNames os msg cluster attackTechniques aggregate" +
		" protection eventID owaspTop10 owaspAPITop10 additionalHash modelPath") {
		if !described(AuditParams(StreamFirewall), name) {
			t.Errorf("firewall: %s isn't taken", name)
		}
	}
	for _, name := range strings.Fields("from to hostname category type profileID acknowledged cluster id appID containerID functionID customRuleName") {
		if !described(IncidentParams(), name) {
			t.Errorf("incidents: %s isn't taken", name)
		}
	}
}

func described(all []Param, name string) bool {
	for _, p := range all {
		if p.Name == name {
			return true
		}
	}
	return false
}

func TestFunctionScopeHolds(t *testing.T) {
	for _, x := range []struct {
		scope FunctionScope
		want  bool
	}{
		{FunctionScope{}, true},
		{FunctionScope{Functions: []string{"*"}, Accounts: []string{"*"}, Regions: []string{"*"}}, true},
		{FunctionScope{Functions: []string{"ord*"}}, true},
		{FunctionScope{Functions: []string{"*DERS"}}, true},
		{FunctionScope{Functions: []string{"*rde*"}}, true},
		{FunctionScope{Functions: []string{"rde"}}, false},
		{FunctionScope{Functions: []string{"*", "-ord*"}}, false},
		{FunctionScope{Functions: []string{"-shop*"}}, false},
		{FunctionScope{Functions: []string{"orders"}, Regions: []string{"us-*"}}, false},
		{FunctionScope{Functions: []string{"orders"}, Regions: []string{"eu-*"}, Accounts: []string{"1"}}, true},
		{FunctionScope{Accounts: []string{"2"}}, false},
		{FunctionScope{Functions: []string{"or*ers"}}, false},
	} {
		if got := x.scope.Holds("1", "eu-west-1", "orders"); got != x.want {
			t.Errorf("%+v: %v", x.scope, got)
		}
	}
}

func FuzzFilters(f *testing.F) {
	f.Add("type=processes&from=2026-11-22T00:00:00Z&limit=7")
	f.Add("method=GET&url=%27%20OR%201=1&sort=time&reverse=1")
	f.Add("category=cryptoMiner&acknowledged=false&collections=a,b")
	f.Add("username=root'--&fields=a,,b&to=2026-11-22 00:00:00")
	f.Fuzz(func(t *testing.T, text string) {
		query, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		check := func(err error, page Page) {
			if err != nil && autodefend.ErrorCode(err) != autodefend.CodeInvalid {
				t.Fatalf("code of %v", err)
			}
			if err == nil && (page.Limit < 1 || page.Limit > PageLimit || page.Offset < 0) {
				t.Fatalf("page %+v", page)
			}
		}
		for _, stream := range []Stream{StreamRuntime, StreamFirewall} {
			a, err := ParseAuditFilter(stream, query)
			check(err, a.Query.Page)
		}
		i, err := ParseIncidentFilter(query)
		check(err, i.Query.Page)
		m, err := ParseMgmtFilter(query)
		check(err, m.Query.Page)
		d, err := ParseDefenderFilter(query)
		check(err, d.Query.Page)
	})
}
