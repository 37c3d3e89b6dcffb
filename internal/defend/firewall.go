package defend

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/waas"
	"github.com/autodefend/autodefend/internal/waas/answer"
	"github.com/autodefend/autodefend/internal/waas/event"
)

// Invocation is an event on its way to the function.
type Invocation struct {
	RequestID string
	// Deadline is when Lambda ends the invocation; the zero time when that isn't known.
	Deadline time.Time
	// Event returns the whole event. The bytes are looked at and not kept.
	Event func() ([]byte, error)
}

// margin is what is left of an invocation's time when the inspection ends at the latest.
const margin = 100 * time.Millisecond

// Inspect lets the firewall look at an event before the function sees it. With an answer the function must not see it:
// the answer is given in its place. With an error the event could not be looked at; it is in the log, and there's an
// answer when the rule fails closed.
func (d *Defender) Inspect(ctx context.Context, i Invocation) *answer.Answer {
	s := d.state.Load()
	if s.firewall == nil {
		return nil
	}
	data, err := i.Event()
	if err != nil {
		return d.unread(s, i, err)
	}
	ctx, cancel := context.WithDeadline(ctx, d.inspectUntil(s.envelope.WAAS, i.Deadline))
	defer cancel()
	verdict, err := inspect(ctx, s.firewall, data)
	if err != nil {
		d.renewFirewall(s)
		return d.unread(s, i, err)
	}
	if verdict.Effect == "" {
		return nil
	}
	return d.report(s, i, data, verdict)
}

// inspect contains a panic of the firewall: a mistake of ours ends no function.
func inspect(ctx context.Context, firewall interface {
	Inspect(ctx context.Context, data []byte) waas.Verdict
}, data []byte,
) (verdict waas.Verdict, err error) { //nolint:nonamedreturns // the deferred function sets them
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
		}
	}()
	return firewall.Inspect(ctx, data), nil
}

// renewFirewall replaces an engine whose memory can't be trusted any more.
func (d *Defender) renewFirewall(s *state) {
	firewall, err := d.firewallOf(s.envelope.WAAS, nil)
	if err != nil {
		return // it could be made before
	}
	d.state.CompareAndSwap(s, &state{compiled: s.compiled, envelope: s.envelope, firewall: firewall, taken: s.taken})
}

// inspectUntil is when the time for an event is over.
func (d *Defender) inspectUntil(rule *policy.WAASRule, deadline time.Time) time.Time {
	now := d.config.Now()
	until := now.Add(rule.Own.Budget())
	if latest := deadline.Add(-margin); !deadline.IsZero() && latest.Before(until) && latest.After(now) {
		return latest
	}
	return until
}

// report writes the audits of a verdict and answers for the function when it refuses.
func (d *Defender) report(s *state, i Invocation, data []byte, verdict waas.Verdict) *answer.Answer {
	now := d.config.Now()
	r := requestReport{defender: d, state: s, invocation: i, data: data, verdict: verdict, eventID: eventID(d.config.NewID())}
	var refusal *answer.Answer
	if verdict.Effect == autodefend.Prevent {
		a := answer.To(r.refusal())
		refusal = &a
		r.status = a.StatusCode
	}
	for _, detection := range oneOfAClass(verdict.Detections) {
		d.firewall.add(r.audit(detection, now), now)
	}
	return refusal
}

// unread says that an event could not be looked at. Verdict: it passes, unless the rule fails closed.
func (d *Defender) unread(s *state, i Invocation, cause error) *answer.Answer {
	d.config.Log.Error("inspect event", "requestID", i.RequestID, "error", cause.Error())
	trigger := event.Direct
	effect := s.envelope.WAAS.UnfinishedEffect(string(trigger))
	return d.report(s, i, nil, waas.Verdict{
		Event:  &event.Event{Trigger: trigger},
		Effect: effect,
		Detections: []waas.Detection{{
			Type: autodefend.ClassLimitExceeded, Rule: "size", Effect: effect, Field: event.Field{Record: -1},
			Message: "Inspection limit exceeded: the event could not be inspected",
		}},
		Unfinished: true,
	})
}

// oneOfAClass leaves the first detection of each class, those that refuse before the others: an attack that many rules
// know is one attack.
func oneOfAClass(all []waas.Detection) []waas.Detection {
	var some []waas.Detection
	for _, effect := range []autodefend.Effect{autodefend.Prevent, autodefend.Alert} {
		for _, detection := range all {
			if detection.Effect == effect && !hasClass(some, detection.Type) {
				some = append(some, detection)
			}
		}
	}
	return some
}

func hasClass(all []waas.Detection, class autodefend.AttackClass) bool {
	for _, detection := range all {
		if detection.Type == class {
			return true
		}
	}
	return false
}

// eventID gives an id the form of a UUID.
func eventID(id string) string {
	const length = 32
	if len(id) != length {
		return id
	}
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
}

// Firewall is what the start line says of the firewall.
type Firewall struct {
	Rule  string           `json:"rule"`
	Level policy.WAASLevel `json:"level"`
	// Classes are the effects of the classes that are looked for.
	Classes map[autodefend.AttackClass]autodefend.Effect `json:"classes"`
}

// firewallLine describes the firewall of a policy; nil when it's off.
func firewallLine(s *state) *Firewall {
	if s.firewall == nil {
		return nil
	}
	rule := s.envelope.WAAS
	f := &Firewall{Rule: rule.Name, Level: cmp.Or(rule.Own.Level, policy.LevelDefault), Classes: map[autodefend.AttackClass]autodefend.Effect{}}
	for _, class := range autodefend.AttackClasses() {
		if e := rule.Application().Protection(class).Effect; e != "" && e != autodefend.Disable {
			f.Classes[class] = e
		}
	}
	return f
}

// firewallOf makes the engine of a policy; nil when it inspects nothing. The engine before it passes on its memory.
func (d *Defender) firewallOf(rule *policy.WAASRule, before *state) (*waas.Engine, error) {
	if rule == nil || rule.Disabled || rule.Application() == nil {
		return nil, nil //nolint:nilnil // off is no error
	}
	var memory *waas.Engine
	if before != nil {
		memory = before.firewall
	}
	return waas.New(rule, waas.After(memory), waas.Clock(d.config.Now))
}
