//go:build linux

package endtoend

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/lambdasim/runner"
	"github.com/autodefend/autodefend/internal/policy"
)

// one is the runtime of tests that are about rules: the firewall doesn't know which one it is.
func one() language { return languages()[0] }

// of finds the audit of a class.
func of(class autodefend.AttackClass, r runner.Result) (autodefend.FirewallAudit, bool) {
	all := audits(r.Log)
	i := slices.IndexFunc(all, func(a autodefend.FirewallAudit) bool { return a.Type == class })
	if i < 0 {
		return autodefend.FirewallAudit{}, false
	}
	return all[i], true
}

// passed asserts that the handler saw an event which has an audit.
func passed(t *testing.T, r runner.Result, class autodefend.AttackClass, ruleID string) {
	t.Helper()
	a, found := of(class, r)
	if !saw(r) || r.FunctionError != "" || !found || a.Effect != autodefend.Alert || a.StatusCode != 0 || ruleID != "" && a.Rule != ruleID {
		t.Errorf("seen %v, error %q, audit %+v; the log\n%.4000s", saw(r), r.FunctionError, a, r.Log)
	}
}

// stopped asserts that the handler didn't see an event which has an audit.
func stopped(t *testing.T, r runner.Result, class autodefend.AttackClass, ruleID string) {
	t.Helper()
	a, found := of(class, r)
	if saw(r) || !found || a.Effect != autodefend.Prevent || ruleID != "" && a.Rule != ruleID {
		t.Errorf("seen %v, answer %.200s, audit %+v; the log\n%.4000s", saw(r), r.Payload, a, r.Log)
	}
}

// TestAlertPassesOn: under alert, every attack reaches the handler, with an audit.
func TestAlertPassesOn(t *testing.T) {
	f := start(t, one(), runner.ProfileLambda, encoded(t, rule(autodefend.Alert, onQueue), both))
	for i, from := range triggers() {
		a := attacks()[i%len(attacks())]
		t.Run(from.name+" "+from.about, func(t *testing.T) { passed(t, f.invoke(bytesOf(t, from.carry(a.text))), a.class, "") })
	}
}

// TestQueuesArePassedOn: what comes from a queue isn't refused unless the rule asks for it.
func TestQueuesArePassedOn(t *testing.T) {
	f := start(t, one(), runner.ProfileLambda, encoded(t, rule(autodefend.Prevent)))
	for _, event := range []any{sqs(attacks()[0].text), sns(attacks()[0].text)} {
		passed(t, f.invoke(bytesOf(t, event)), autodefend.ClassSQLi, "")
	}
	stopped(t, f.invoke(bytesOf(t, direct(attacks()[0].text))), autodefend.ClassSQLi, "")
}

// TestQueueAnswers: what the rule says of refused batches.
func TestQueueAnswers(t *testing.T) {
	for onRefusal, want := range map[policy.QueueAnswer]string{policy.QueueError: "Autodefend.Forbidden", policy.QueueDrop: "null"} {
		t.Run(string(onRefusal), func(t *testing.T) {
			f := start(t, one(), runner.ProfileLambda, encoded(t, rule(autodefend.Prevent, onQueue, func(r *policy.WAASRule) { r.Own.OnQueue = onRefusal })))
			r := f.invoke(bytesOf(t, sns(attacks()[0].text)))
			stopped(t, r, autodefend.ClassSQLi, "")
			if !strings.Contains(string(r.Payload), want) {
				t.Errorf("the answer is %s", r.Payload)
			}
		})
	}
}

// TestTimeIsOver: what becomes of an event when there was no time to look at all of it.
func TestTimeIsOver(t *testing.T) {
	prose := strings.Repeat("All work and no play makes Jack a dull boy. ", 2700) // less than is inspected
	web, queue := bytesOf(t, urlRequest("POST", "/none", "text/plain", prose)), bytesOf(t, sqs(prose))
	for mode, check := range map[autodefend.FailMode]func(*testing.T, runner.Result, autodefend.AttackClass, string){
		autodefend.FailOpen: passed, autodefend.FailClosed: stopped,
	} {
		t.Run(string(mode), func(t *testing.T) {
			f := start(t, one(), runner.ProfileLambda, encoded(t, rule(autodefend.Prevent, func(r *policy.WAASRule) { r.Own.FailMode, r.Own.BudgetMS = mode, 1 })))
			check(t, f.invoke(web), autodefend.ClassLimitExceeded, "time")
			passed(t, f.invoke(queue), autodefend.ClassLimitExceeded, "time")
		})
	}
}

// TestLargeEvent: an event of 6 MB is inspected as far as the rule says, and what isn't is said.
func TestLargeEvent(t *testing.T) {
	harmless, attack := large(t, "/none", ""), large(t, "/none", attacks()[0].text+"\n")
	for effect, check := range map[autodefend.Effect]func(*testing.T, runner.Result, autodefend.AttackClass, string){
		autodefend.Alert: passed, autodefend.Prevent: stopped,
	} {
		t.Run(string(effect), func(t *testing.T) {
			f := start(t, one(), runner.ProfileLambda, encoded(t, rule(autodefend.Prevent, func(r *policy.WAASRule) { r.Application().Body.LimitEffect = effect })))
			check(t, f.invoke(harmless), autodefend.ClassLimitExceeded, "")
			r := f.invoke(attack)
			if saw(r) {
				t.Errorf("the attack at the beginning is answered with %.200s", r.Payload)
			}
		})
	}
}

// TestNotJSON: an event that is no JSON is the runtime's affair, unless malformed requests are refused.
func TestNotJSON(t *testing.T) {
	event := []byte(`{"title": "a book",, not JSON`)
	bare := start(t, one(), runner.ProfileLambda, "")
	want := bare.invoke(event)
	alert := start(t, one(), runner.ProfileLambda, encoded(t, rule(autodefend.Alert)))
	got := alert.invoke(event)
	if diff := cmp.Diff(outcomeOf(want), outcomeOf(got)); diff != "" {
		t.Errorf("the answer (-without +with):\n%s", diff)
	}
	if _, found := of(autodefend.ClassMalformedRequest, got); !found {
		t.Errorf("no audit in\n%s", got.Log)
	}
	prevent := start(t, one(), runner.ProfileLambda, encoded(t, rule(autodefend.Prevent)))
	r := prevent.invoke(event)
	stopped(t, r, autodefend.ClassMalformedRequest, "")
	failed(t, refused{Result: r})
}
