package corpus

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"testing"
)

// How many carriers one attack gets. The lists of carriers are walked from a start of the attack's own, so that every
// (encoding, trigger) pair gets many attacks and every attack at least eight encodings.
const (
	httpCarriersEach    = 10
	messageCarriersEach = 6
)

// sample is one event with what is known about it.
type sample struct {
	Label     string `json:"label"`     // "attack" or "benign"
	Technique string `json:"technique"` // or the category of an ordinary event
	Platform  string `json:"platform,omitempty"`
	Source    string `json:"source,omitempty"`
	Encoding  string `json:"encoding,omitempty"`
	Trigger   string `json:"trigger"`
	Text      string `json:"text,omitempty"` // the attack as the application reads it
	event     []byte
}

// way is one (encoding, trigger) pair with the event it makes.
type way struct {
	encoding, trigger string
	event             func(a attack, rng *rand.Rand) []byte
}

// httpWays are the ways of HTTP that can carry a: one encoding after the other, each with all of its triggers.
func httpWays(a attack) [][]way {
	var all [][]way
	for _, c := range carriers() {
		if !strings.Contains(c.kinds, a.Kind) || c.fits != nil && !c.fits(a.Text) || pointless(a.Technique, c.encoding, "") {
			continue
		}
		triggers := c.triggers
		if triggers == nil {
			triggers = httpTriggers()
		}
		var ways []way
		for _, trigger := range triggers {
			ways = append(ways, way{c.encoding, trigger, func(a attack, rng *rand.Rand) []byte {
				text := a.Text
				if strings.Contains(c.kinds, kindJSON) && a.Kind == kindText {
					text = quoted(text)
				}
				place := placeFor(a.Technique, rng)
				if c.encoding == "header" {
					place = a.Technique
				}
				return c.request(place, text, rng).event(trigger, rng)
			}})
		}
		all = append(all, ways)
	}
	return all
}

// messageWays are the ways of all other triggers that can carry a.
func messageWays(a attack) []way {
	var all []way
	for _, m := range messages() {
		if a.Kind != kindPair {
			all = append(all, way{"document", m.trigger, func(a attack, rng *rand.Rand) []byte {
				value := a.Text
				if a.Kind == kindText {
					value = quoted(value)
				}
				doc := fmt.Sprintf(`{"id":%d,%q:%s,"ok":true}`, rng.IntN(1000), placeFor(a.Technique, rng), value)
				return compact(m.make(doc, rng))
			}})
		}
		if a.Kind == kindText {
			all = append(all, way{"text", m.trigger, func(a attack, rng *rand.Rand) []byte { return compact(m.make(a.Text, rng)) }})
		}
	}
	if a.Kind != kindText {
		return append(all, jsonSlots(a)...)
	}
	for _, m := range slots() {
		if pointless(a.Technique, "", m.trigger) {
			continue
		}
		if strings.HasSuffix(m.trigger, "header") && !headerText(a.Text) {
			continue
		}
		if (m.trigger == "s3" || m.trigger == "sns.subject" || m.trigger == "ses" || m.trigger == "sqs.attribute" || m.trigger == "authorizer.token") && !printable(a.Text) {
			continue
		}
		all = append(all, way{"slot", m.trigger, func(a attack, rng *rand.Rand) []byte { return compact(m.make(a.Text, rng)) }})
	}
	return all
}

// jsonSlots are the places of events that take a piece of JSON.
func jsonSlots(a attack) []way {
	if a.Kind != kindJSON {
		return nil
	}
	return []way{
		{"slot", "direct", func(a attack, rng *rand.Rand) []byte {
			return fmt.Appendf(nil, `{"action":"find","query":{%q:%s}}`, placeFor(a.Technique, rng), a.Text)
		}},
		{"slot", "eventBridge", func(a attack, rng *rand.Rand) []byte {
			return compact(eventBridgeEvent(rng, object{"filter": rawJSON(a.Text)}))
		}},
		{"slot", "appSync", func(a attack, rng *rand.Rand) []byte {
			return compact(appSyncEvent(rng, object{"where": rawJSON(a.Text)}, object{}))
		}},
	}
}

// expand carries every attack by its share of the ways.
func expand(attacks []attack) []sample {
	var all []sample
	for i, a := range attacks {
		h := fnv.New64a()
		h.Write([]byte(a.Technique + a.Kind + a.Text))
		rng := rand.New(rand.NewPCG(h.Sum64(), 1))
		add := func(w way) {
			all = append(all, sample{
				Label: "attack", Technique: a.Technique, Platform: a.Platform, Source: a.Source,
				Encoding: w.encoding, Trigger: w.trigger, Text: a.Text, event: w.event(a, rng),
			})
		}
		ways := httpWays(a)
		n := min(httpCarriersEach, len(ways))
		for k := range n {
			at := (i + k*len(ways)/n) % len(ways)
			add(ways[at][(i/len(ways)+k)%len(ways[at])])
		}
		if n < httpCarriersEach { // few encodings: more triggers of each
			for k := range httpCarriersEach - n {
				of := ways[k%len(ways)]
				add(of[(i/len(ways)+n+k)%len(of)])
			}
		}
		others := messageWays(a)
		n = min(messageCarriersEach, len(others))
		for k := range n {
			add(others[(i+k*len(others)/n)%len(others)])
		}
	}
	return all
}

func TestExpansion(t *testing.T) {
	attacks := loadAttacks(t)
	samples := expand(attacks)
	encodings, triggers, cells := map[string]int{}, map[string]int{}, map[string]int{}
	perAttack := map[string]map[string]bool{}
	for _, s := range samples {
		encodings[s.Encoding]++
		triggers[s.Trigger]++
		cells[s.Encoding+" "+s.Trigger]++
		key := s.Technique + s.Text
		if perAttack[key] == nil {
			perAttack[key] = map[string]bool{}
		}
		perAttack[key][s.Encoding+s.Trigger] = true
	}
	few := 0
	for _, ways := range perAttack {
		if len(ways) < 8 {
			few++
		}
	}
	if few > 0 {
		t.Errorf("%d attacks are carried in fewer than 8 ways", few)
	}
	for cell, n := range cells {
		if n < 5 && !strings.Contains(cell, "Pair") {
			t.Errorf("%s: only %d attacks", cell, n)
		}
	}
	t.Logf("figure: corpus: %d attacks in %d events, %d encodings, %d triggers, %d pairs of them", len(attacks), len(samples), len(encodings), len(triggers), len(cells))
}
