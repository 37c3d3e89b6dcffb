package corpus

import (
	"flag"
	"fmt"
	"sort"
	"strings"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/types"
)

// peer asks for the comparison with Coraza, which takes minutes.
var peer = flag.Bool("peer", false, "compare with Coraza at paranoia level 1 on the decoded values (slow)")

// peerShare is how many ordinary events stand for one in the comparison.
var peerShare = flag.Int("peershare", 4, "compare every Nth ordinary event only")

// newPeer is Coraza with the Core Rule Set at paranoia level 1.
func newPeer(t testing.TB) coraza.WAF {
	t.Helper()
	waf, err := coraza.NewWAF(coraza.NewWAFConfig().WithRootFS(coreruleset.FS).WithDirectives(`
Include @coraza.conf-recommended
Include @crs-setup.conf.example
Include @owasp_crs/*.conf
SecRuleEngine DetectionOnly
SecAuditEngine Off
`))
	if err != nil {
		t.Fatal(err)
	}
	return waf
}

// peerRules are the injection rules that Coraza finds in values, each an argument of one request.
func peerRules(waf coraza.WAF, values ...string) []int {
	tx := waf.NewTransaction()
	defer func() { _ = tx.Close() }() // nothing is kept of it
	tx.ProcessConnection("203.0.113.7", 4000, "10.0.0.1", 443)
	tx.ProcessURI("/v1/items", "POST", "HTTP/1.1")
	tx.AddRequestHeader("Host", "api.example.com")
	tx.AddRequestHeader("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/126.0")
	tx.AddRequestHeader("Accept", "*/*")
	for i, v := range values {
		tx.AddPostRequestArgument(fmt.Sprintf("json.field%d", i), v)
	}
	tx.ProcessRequestHeaders()
	if _, err := tx.ProcessRequestBody(); err != nil {
		return nil
	}
	return injectionRules(tx.MatchedRules())
}

func injectionRules(matched []types.MatchedRule) []int {
	var ids []int
	for _, m := range matched {
		id := m.Rule().ID()
		if family := id / 1000; family >= 930 && family <= 944 && m.Message() != "" {
			ids = append(ids, id)
		}
	}
	sort.Ints(ids)
	return ids
}

// TestPeerAttacks prints what Coraza makes of the attacks themselves, without any carrier.
func TestPeerAttacks(t *testing.T) {
	if !*peer {
		t.Skip("comparison with Coraza takes minutes; ask with -args -peer")
	}
	waf := newPeer(t)
	all, found := map[string]int{}, map[string]int{}
	for _, a := range loadAttacks(t) {
		key := a.Technique + " " + a.Platform
		all[key]++
		text, name, _ := a.Text, "", 0
		if a.Kind == kindPair {
			name, text, _ = strings.Cut(text, "=")
		}
		ids := peerRules(waf, text, name)
		if len(ids) > 0 {
			found[key]++
			continue
		}
		t.Logf("miss: %s: %q", key, a.Text)
	}
	for key, n := range all {
		t.Logf("figure: corpus: Coraza PL1 on decoded values: %s %d/%d", key, found[key], n)
	}
}

// TestPeerBenign prints what Coraza makes of the ordinary events' values.
func TestPeerBenign(t *testing.T) {
	if !*peer {
		t.Skip("comparison with Coraza takes minutes; ask with -args -peer")
	}
	waf := newPeer(t)
	byCategory := tally{}
	for i, s := range benignSamples(t) {
		if i%*peerShare != 0 {
			continue
		}
		values := bodyValues(s.event)
		ids := peerRules(waf, values...)
		byCategory.add(s.Technique, len(ids) > 0)
		if len(ids) > 0 {
			for _, v := range values {
				if one := peerRules(waf, v); len(one) > 0 {
					t.Logf("alarm: %s over %s: %v: %q", s.Technique, s.Trigger, one, v)
				}
			}
		}
	}
	byCategory.print(t, "Coraza PL1 on decoded values: alarms in")
	hits, tries := byCategory.total()
	t.Logf("figure: corpus: Coraza PL1 on decoded values: alarms %s", percent(hits, tries))
}
