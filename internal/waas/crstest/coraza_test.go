package crstest

import (
	"io/fs"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	crs "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"
)

// families are the parts of the Core Rule Set that both engines run.
func families() []string {
	return []string{
		"913-SCANNER-DETECTION", "920-PROTOCOL-ENFORCEMENT", "921-PROTOCOL-ATTACK", "922-MULTIPART-ATTACK", "930-APPLICATION-ATTACK-LFI",
		"931-APPLICATION-ATTACK-RFI", "932-APPLICATION-ATTACK-RCE", "933-APPLICATION-ATTACK-PHP", "934-APPLICATION-ATTACK-GENERIC",
		"941-APPLICATION-ATTACK-XSS", "942-APPLICATION-ATTACK-SQLI", "943-APPLICATION-ATTACK-SESSION-FIXATION", "944-APPLICATION-ATTACK-JAVA",
	}
}

// nine are the families that the table is about.
func nine() []int { return []int{913, 921, 930, 932, 933, 934, 941, 942, 944} }

func conf(t testing.TB, name string) string {
	t.Helper()
	data, err := fs.ReadFile(crs.FS, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// levels reads the paranoia level of every rule.
func levels(t testing.TB) map[int]int {
	t.Helper()
	id, level := regexp.MustCompile(`"\s*\\?\s*"?id:(\d+)`), regexp.MustCompile(`paranoia-level/(\d)`)
	all := map[int]int{}
	for _, family := range families() {
		for _, rule := range regexp.MustCompile(`(?m)^SecRule `).Split(conf(t, "@owasp_crs/REQUEST-"+family+".conf"), -1) {
			if i, l := id.FindStringSubmatch(rule), level.FindStringSubmatch(rule); i != nil && l != nil {
				number, _ := strconv.Atoi(i[1])
				all[number], _ = strconv.Atoi(l[1])
			}
		}
	}
	return all
}

// corazaPL1 is Coraza with the families' rules of level 1 and nothing of the others.
func corazaPL1(t testing.TB, only func(family string) bool) coraza.WAF {
	t.Helper()
	directives := `
SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyLimit 13107200
SecRequestBodyInMemoryLimit 13107200
SecArgumentsLimit 20000
SecRule REQUEST_HEADERS:Content-Type "^(?:application(?:/soap\+|/)|text/)xml" "id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQUEST_HEADERS:Content-Type "^application/[a-z0-9.-]+[+]json" "id:200006,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
` + conf(t, "@crs-setup.conf.example") + conf(t, "@owasp_crs/REQUEST-901-INITIALIZATION.conf")
	for _, family := range families() {
		if only != nil && !only(family) {
			continue
		}
		text := conf(t, "@owasp_crs/REQUEST-"+family+".conf")
		if from := strings.Index(text, `SecRule TX:DETECTION_PARANOIA_LEVEL "@lt 2"`); from >= 0 {
			to := strings.LastIndex(text, `SecMarker "END-`)
			text = text[:from] + text[to:]
		}
		directives += strings.ReplaceAll(text, "@pmFromFile ", "@pmFromFile @owasp_crs/")
	}
	waf, err := coraza.NewWAF(coraza.NewWAFConfig().WithRootFS(crs.FS).WithDirectives(directives))
	if err != nil {
		t.Fatal(err)
	}
	return waf
}

// judge is the rules that fire in Coraza on an event, in order.
func judge(waf coraza.WAF, e *functionURL) []int {
	tx := waf.NewTransaction()
	defer tx.Close()
	tx.ProcessConnection("203.0.113.7", 4711, "127.0.0.1", 443)
	uri := e.RawPath
	if e.RawQueryString != "" {
		uri += "?" + e.RawQueryString
	}
	tx.ProcessURI(uri, e.RequestContext.HTTP.Method, e.RequestContext.HTTP.Protocol)
	for name, value := range e.Headers {
		tx.AddRequestHeader(name, value)
	}
	if len(e.Cookies) > 0 {
		tx.AddRequestHeader("cookie", strings.Join(e.Cookies, "; "))
	}
	tx.ProcessRequestHeaders()
	_, _, _ = tx.WriteRequestBody([]byte(e.body()))
	_, _ = tx.ProcessRequestBody()
	var ids []int
	for _, m := range tx.MatchedRules() {
		if id := m.Rule().ID(); id >= 911000 && id < 950000 && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// judgeAll judges all stages' events, on all processors.
func judgeAll(waf coraza.WAF, all []stage) [][]int {
	verdicts := make([][]int, len(all))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(all)); i = next.Add(1) - 1 {
				verdicts[i] = judge(waf, &all[i].event)
			}
		})
	}
	workers.Wait()
	return verdicts
}
