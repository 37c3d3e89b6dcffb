package corpus

import (
	"context"
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/waas"
	"github.com/autodefend/autodefend/internal/waas/event"
)

// finding is one thing that a judge found in an event.
type finding struct {
	class autodefend.AttackClass
	rule  string
	where string
	match string
}

// injection says whether an attack of the list may be reported as class. Techniques overlap (a template injection is a
// code injection, a Shellshock string a command injection), but a scanner's name or a malformed body is neither.
func (f finding) injection() bool {
	switch f.class {
	case autodefend.ClassSQLi, autodefend.ClassXSS, autodefend.ClassCMDi, autodefend.ClassLFI, autodefend.ClassCodeInjection, autodefend.ClassShellshock:
		return true
	}
	return false
}

// judge inspects an event at the default level, with an alert for every class.
type judge func(data []byte) []finding

func newJudge(t testing.TB) judge {
	t.Helper()
	rule := policy.NewWAASRule("corpus")
	engine, err := waas.New(&rule, waas.Everything())
	if err != nil {
		t.Fatal(err)
	}
	return func(data []byte) []finding {
		verdict := engine.Inspect(context.Background(), data)
		var all []finding
		for _, d := range verdict.Detections {
			all = append(all, finding{class: d.Type, rule: d.Rule, where: d.Field.Place.HTTPFieldType() + " " + d.Field.Name, match: d.Match})
		}
		return all
	}
}

func decoded(data []byte) []event.Field {
	return event.Decode(data, event.DefaultLimits()).Fields
}

// decodedValues are the texts that the decoder finds in an event: what an application reads.
func decodedValues(data []byte) []string {
	var all []string
	for _, f := range decoded(data) {
		all = append(all, f.Value)
	}
	return all
}

// bodyValues are decodedValues without headers and cookies, of which a judge of plain values knows too little.
func bodyValues(data []byte) []string {
	var all []string
	for _, f := range decoded(data) {
		switch f.Place {
		case event.Header, event.HeaderName, event.Cookie, event.CookieName:
			continue
		}
		all = append(all, f.Value)
	}
	return all
}
