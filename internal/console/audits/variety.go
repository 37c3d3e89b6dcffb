package audits

import (
	"hash/maphash"
	"sync"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

const (
	// varietyMax is how many different combinations of rule, runtime, attack and techniques one function may report.
	varietyMax = 200
	// otherRule is the rule that further ones are found by.
	otherRule = "(other)"
)

// variety bounds how many different values a function brings into what audits are found and counted by: those are kept
// for all audits together, and a function that makes values up would fill them. Its further audits are stored whole, and
// found by the function, the time and the text.
type variety struct {
	mu   sync.Mutex // guards seen
	seen recent[map[uint64]struct{}]
}

func newVariety() *variety {
	return &variety{seen: newRecent[map[uint64]struct{}]()}
}

// bound makes the records of one function's batch hold no more different values than it may bring.
func (v *variety) bound(f route.FunctionIdentity, records []api.AuditRecord) {
	if f.Function == "" {
		return // a token for many functions: whoever has it is no single function
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	key := v.seen.key(f)
	seen, ok := v.seen.get(key)
	if !ok {
		seen = make(map[uint64]struct{})
	}
	v.seen.put(key, seen)
	for i := range records {
		r := &records[i]
		sum := maphash.Comparable(v.seen.seed, [...]string{
			string(r.Stream), r.Runtime, r.Provider, r.Type, r.AttackType, r.Effect, r.Rule, r.Severity, r.Techniques,
		})
		if _, ok := seen[sum]; ok {
			continue
		}
		if len(seen) < varietyMax {
			seen[sum] = struct{}{}
			continue
		}
		r.Rule, r.Techniques, r.Runtime, r.Provider, r.Severity = otherRule, "", "", "", ""
	}
}
