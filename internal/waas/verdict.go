package waas

import (
	"slices"
	"strconv"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/waas/event"
	"github.com/autodefend/autodefend/internal/waas/rules"
)

// Verdict is what an inspection came to.
type Verdict struct {
	Event *event.Event

	// Detections are what was found, at most 64; Effect and Refused count the others too.
	Detections []Detection

	// Effect is what is to happen: prevent, alert, or "" when there is nothing to report.
	Effect autodefend.Effect

	// Refused are the indices in Event.Records of those that must not reach the handler. It is empty when all must
	// not, or the event is no batch.
	Refused []int

	// Unfinished says that the time was over before all was inspected. It is among the detections, too.
	Unfinished bool
}

// Detection is one finding.
type Detection struct {
	Type autodefend.AttackClass
	// Rule is the number of the rule, a custom rule's name, or what is malformed or exceeded.
	Rule string
	// Message is the audit's.
	Message string
	// Field is where it was found. A field of Place event.Whole is the event itself.
	Field event.Field
	// Match is what the rule objects to, at most 256 bytes. It may stand in the value in another encoding.
	Match string
	// Effect is prevent or alert.
	Effect autodefend.Effect
}

// maxDetections bounds what one verdict tells.
const maxDetections = 64

// sink takes what is found and knows what it means.
type sink struct {
	engine  *Engine
	verdict Verdict
	trigger string
	effects [rules.Classes]autodefend.Effect
	record  int  // the record at hand, -1 when the event is no batch
	refused bool // all of the event
	stopped bool // nothing that follows can make a difference, for the record or for the event
	late    bool
}

func newSink(e *Engine, ev *event.Event) sink {
	s := sink{engine: e, verdict: Verdict{Event: ev}, trigger: string(ev.Trigger), record: -1}
	for class := range s.effects {
		s.effects[class] = e.rule.Effect(attackClass(rules.Class(class)), s.trigger)
	}
	return s
}

// detect notes that a rule fired.
func (r *run) detect(rule *rules.Rule, h hit) {
	d := Detection{
		Type:   attackClass(rule.Class),
		Rule:   strconv.Itoa(rule.ID),
		Field:  event.Field{Place: event.Whole, Record: r.sink.record},
		Effect: r.sink.effects[rule.Class],
	}
	if h.value != nil {
		d.Field = *h.value.field
	}
	if len(r.sink.verdict.Detections) >= maxDetections {
		r.sink.add(d) // it counts, but isn't told
		return
	}
	if at := r.where(h.condition, h.text); at.end > at.start {
		d.Match = cut(h.text[at.start:at.end], maxMatch)
	}
	d.Message = message(&d)
	r.sink.add(d)
}

// add notes a detection.
func (s *sink) add(d Detection) {
	if d.Effect == autodefend.Disable || d.Effect == "" {
		return
	}
	v := &s.verdict
	if len(v.Detections) < maxDetections {
		v.Detections = append(v.Detections, d)
	}
	if v.Effect != autodefend.Prevent {
		v.Effect = d.Effect
	}
	if d.Effect != autodefend.Prevent {
		return
	}
	switch {
	case d.Field.Record < 0:
		s.refused = true
	case !slices.Contains(v.Refused, d.Field.Record):
		v.Refused = append(v.Refused, d.Field.Record)
	}
	s.stopped = !s.engine.everything
}

// finish settles what becomes of the records.
func (s *sink) finish() {
	if s.refused {
		s.verdict.Refused = nil
	}
}

// limits notes what the decoder left out of the record at hand.
func (s *sink) limits() {
	for _, x := range s.verdict.Event.Exceeded {
		if x.Record != s.record {
			continue
		}
		s.add(Detection{
			Type: autodefend.ClassLimitExceeded, Rule: string(x.Limit), Message: exceeded(x),
			Field:  event.Field{Place: x.Place, Name: x.Key, Record: x.Record},
			Effect: s.engine.rule.Effect(autodefend.ClassLimitExceeded, s.trigger),
		})
	}
}

// unfinished notes that time was over.
func (s *sink) unfinished() {
	s.verdict.Unfinished = true
	s.add(Detection{
		Type: autodefend.ClassLimitExceeded, Rule: "time",
		Message: "Inspection limit exceeded: there was no time to look at the whole event",
		Field:   event.Field{Place: event.Whole, Record: -1},
		Effect:  s.engine.rule.UnfinishedEffect(s.trigger),
	})
}

// faults notes what is malformed in the record at hand.
func (r *run) faults() {
	for _, f := range r.event.Faults {
		field := event.Field{Place: f.Place, Name: f.Key, Record: f.Record}
		if f.Record != r.sink.record || r.engine.exceptions[rules.MalformedRequest].Field(location(f.Place), f.Key, "") {
			continue
		}
		r.sink.add(Detection{
			Type: autodefend.ClassMalformedRequest, Rule: string(f.Kind), Field: field,
			Message: "Detected Malformed Request attack in " + where(&field) + ": " + f.Detail,
			Effect:  r.sink.effects[rules.MalformedRequest],
		})
	}
}
