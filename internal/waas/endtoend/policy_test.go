//go:build linux

package endtoend

import (
	"bytes"
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

// functionName is that of every function here.
const functionName = "shop"

// issued is when the tests' first policies were issued.
func issued() time.Time { return time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC) }

// rule returns a firewall rule with one effect for all classes, and more time than any machine needs.
func rule(effect autodefend.Effect, change ...func(*policy.WAASRule)) *policy.WAASRule {
	r := policy.NewWAASRule("web")
	for _, class := range autodefend.AttackClasses() {
		r.Application().Protection(class).Effect = effect
	}
	r.Own.BudgetMS = 10_000
	for _, c := range change {
		c(&r)
	}
	return &r
}

// onQueue lets a rule refuse what comes from queues, too.
func onQueue(r *policy.WAASRule) {
	for _, trigger := range []string{"sqs", "sns"} {
		r.Own.Triggers.Set(trigger, policy.TriggerSwitch{Effect: autodefend.Prevent})
	}
}

// both adds a runtime rule, which reports and stops nothing.
func both(e *policy.Envelope) {
	r := policy.NewRule("processes")
	e.Rule = &r
}

// encoded is the value of TW_POLICY.
func encoded(t testing.TB, firewall *policy.WAASRule, change ...func(*policy.Envelope)) string {
	t.Helper()
	e := policy.Envelope{WAAS: firewall, Target: policy.Target{Function: functionName}, Issued: issued()}
	for _, c := range change {
		c(&e)
	}
	value, err := policy.Encode(e, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize)), 0)
	if err != nil {
		t.Fatal(err)
	}
	return value
}
