package corpus

import (
	"flag"
	"fmt"
	"sort"
	"strings"
	"testing"
)

// What the lists must show at the default level.
const (
	wantDetected = 0.95
	wantAlarms   = 0.003
)

// every is the share of attacks' events that are scored. An attack's 16 events are no multiple of 3, so that the default
// comes by every carrier and every attack.
var every = flag.Int("every", 3, "score every Nth event of the attacks; 1 for all")

// tally counts hits among tries by a key.
type tally map[string]*[2]int

func (t tally) add(key string, hit bool) {
	c := t[key]
	if c == nil {
		c = new([2]int)
		t[key] = c
	}
	c[1]++
	if hit {
		c[0]++
	}
}

func (t tally) total() (int, int) {
	hits, tries := 0, 0
	for _, c := range t {
		hits, tries = hits+c[0], tries+c[1]
	}
	return hits, tries
}

func percent(hits, tries int) string {
	return fmt.Sprintf("%.2f %% (%d of %d)", 100*float64(hits)/float64(max(tries, 1)), hits, tries)
}

// print writes one figure a key.
func (t tally) print(tb testing.TB, what string) {
	tb.Helper()
	keys := make([]string, 0, len(t))
	for key := range t {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		tb.Logf("figure: corpus: %s %s: %s", what, key, percent(t[key][0], t[key][1]))
	}
}

// triggerClass is HTTP, or what else brought the event.
func triggerClass(trigger string) string {
	switch trigger {
	case "apiGateway", "httpAPI1", "httpAPI", "functionURL", "alb", "albMulti", "authorizer", "webSocketConnect":
		return "HTTP"
	}
	family, _, _ := strings.Cut(trigger, ".")
	switch family {
	case "sqs", "sqs<sns", "sqs<sns<eventBridge", "sns", "kinesis", "firehose", "kafka", "mq", "dynamodb", "eventBridge", "s3":
		return "queues and streams"
	case "appSync", "appSyncAuthorizer":
		return "AppSync"
	case "direct", "iot":
		return "direct"
	}
	return "other"
}

func TestScoreAttacks(t *testing.T) {
	judge := newJudge(t)
	judged, reported := tally{}, tally{}
	byPlatform, byEncoding, byTrigger, byCell := tally{}, tally{}, tally{}, tally{}
	strings := map[string]bool{}
	for i, s := range expand(loadAttacks(t)) {
		if i%*every != 0 {
			continue
		}
		found := ""
		for _, f := range judge(s.event) {
			if f.injection() {
				found = f.rule
				break
			}
		}
		hit := found != ""
		if !hit {
			t.Logf("miss: %s/%s %s over %s: %q", s.Technique, s.Platform, s.Encoding, s.Trigger, s.Text)
		}
		if reportOnly(s.Technique) {
			reported.add(s.Technique, hit)
			continue
		}
		judged.add(s.Technique, hit)
		byPlatform.add(s.Technique+"/"+s.Platform, hit)
		byEncoding.add(s.Encoding, hit)
		byTrigger.add(triggerClass(s.Trigger)+" "+s.Trigger, hit)
		byCell.add(s.Technique+" × "+triggerClass(s.Trigger), hit)
		byCell.add(s.Technique+" × "+s.Encoding, hit)
		key := s.Technique + " " + s.Text
		if old, ok := strings[key]; !ok || old {
			strings[key] = hit
		}
	}
	always := 0
	for _, all := range strings {
		if all {
			always++
		}
	}
	byCell.print(t, "detected,")
	byEncoding.print(t, "detected in encoding")
	byTrigger.print(t, "detected over")
	byPlatform.print(t, "detected of")
	reported.print(t, "detected (not judged) of")
	judged.print(t, "detected of technique")
	t.Logf("figure: corpus: attacks detected in every encoding and trigger tried: %s", percent(always, len(strings)))
	hits, tries := judged.total()
	t.Logf("figure: corpus: detected: %s", percent(hits, tries))
	if float64(hits) < wantDetected*float64(tries) {
		t.Errorf("detected %s, want at least %.0f %%", percent(hits, tries), 100*wantDetected)
	}
}

func TestScoreBenign(t *testing.T) {
	judge := newJudge(t)
	all, byCategory, byRule := tally{}, tally{}, tally{}
	ordinary, looks := tally{}, tally{}
	for _, s := range benignSamples(t) {
		findings := judge(s.event)
		alarm := len(findings) > 0
		rules := map[string]bool{}
		for _, f := range findings {
			t.Logf("alarm: %s over %s: %s %s in %s: %q", s.Technique, s.Trigger, f.class, f.rule, f.where, f.match)
			if key := fmt.Sprintf("%s %s", f.class, f.rule); !rules[key] {
				rules[key] = true
				byRule.add(key, true)
			}
		}
		all.add("", alarm)
		byCategory.add(s.Technique, alarm)
		if byLook(s.Technique) {
			looks.add("", alarm)
		} else {
			ordinary.add("", alarm)
		}
	}
	for rule, c := range byRule {
		t.Logf("figure: corpus: alarms by rule %s: %d events", rule, c[0])
	}
	byCategory.print(t, "alarms in")
	hits, tries := ordinary.total()
	t.Logf("figure: corpus: alarms without code, logs and HTML: %s", percent(hits, tries))
	hits, tries = looks.total()
	t.Logf("figure: corpus: alarms in code, logs and HTML: %s", percent(hits, tries))
	hits, tries = all.total()
	t.Logf("figure: corpus: alarms: %s", percent(hits, tries))
	if float64(hits) > wantAlarms*float64(tries) {
		t.Errorf("alarms in %s, want at most %.1f %%", percent(hits, tries), 100*wantAlarms)
	}
}
