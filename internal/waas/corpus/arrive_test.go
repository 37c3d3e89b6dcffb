package corpus

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// oneMore are encodings that an application undoes itself, after the trigger's: the decoder may leave them.
func oneMore(s sample) bool {
	switch s.Encoding {
	case "queryDouble", "jsonInJSON", "graphqlLiteral", "cookie":
		return true
	case "document":
		return s.Trigger == "sqs<sns<eventBridge" // JSON in a string of the innermost envelope
	}
	return false
}

// TestAttacksArrive says whether the decoder hands on what an application would read: the attack, unchanged.
func TestAttacksArrive(t *testing.T) {
	arrived, lost := tally{}, 0
	for _, s := range expand(loadAttacks(t)) {
		if oneMore(s) || strings.HasPrefix(s.Text, "{") || strings.HasPrefix(s.Text, "[") || strings.HasSuffix(s.Encoding, "Pair") {
			continue // read as JSON, or as a name and a value
		}
		ok := slices.ContainsFunc(decodedValues(s.event), func(v string) bool { return strings.Contains(v, strings.TrimSpace(s.Text)) })
		arrived.add(s.Encoding+" over "+s.Trigger, ok)
		if !ok {
			lost++
			t.Logf("lost: %s over %s: %q", s.Encoding, s.Trigger, s.Text)
		}
	}
	hits, tries := arrived.total()
	t.Logf("figure: corpus: attacks that the decoder hands on unchanged: %s", percent(hits, tries))
	if lost*200 > tries {
		t.Errorf("%d of %d attacks don't arrive", lost, tries)
	}
}

// TestCarriersAlone says that no carrier is what gives an attack away: with a harmless text, all are silent.
func TestCarriersAlone(t *testing.T) {
	judge := newJudge(t)
	for _, a := range []attack{
		{Technique: "lfi", Platform: "none", Source: "none", Kind: kindText, Text: "harmless"},
		{Technique: "cmdi", Platform: "none", Source: "none", Kind: kindText, Text: "Blue Monday 7"},
		{Technique: "ssrf", Platform: "none", Source: "none", Kind: kindText, Text: "https://www.example.com/a/b"},
		{Technique: "code", Platform: "none", Source: "none", Kind: kindJSON, Text: `{"city": "Bern"}`},
		{Technique: "nosql", Platform: "none", Source: "none", Kind: kindPair, Text: "user[name]=anna"},
	} {
		ways := messageWays(a)
		for _, of := range httpWays(a) {
			ways = append(ways, of...)
		}
		for _, w := range ways {
			for seed := range uint64(4) {
				event := w.event(a, rand.New(rand.NewPCG(seed, 3)))
				for _, f := range judge(event) {
					if f.injection() {
						t.Errorf("%s over %s of %q: %s %s in %s: %q", w.encoding, w.trigger, a.Text, f.class, f.rule, f.where, f.match)
					}
				}
			}
		}
	}
}
