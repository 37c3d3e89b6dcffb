package waas

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/waas/event"
	"github.com/autodefend/autodefend/internal/waas/match"
	"github.com/autodefend/autodefend/internal/waas/rules"
)

// Engine inspects events by one rule of the policy. It is safe for concurrent use; inspections follow one another.
type Engine struct {
	rule       *policy.WAASRule // nil: nothing is looked for
	limits     event.Limits
	skipBody   bool
	exceptions [rules.Classes]*policy.Exceptions
	excepting  bool
	custom     []customRule
	everything bool
	unfiltered bool
	core       bool
	clock      func() time.Time

	*shared
}

// shared is what engines of one process have in common.
type shared struct {
	mu      sync.Mutex
	scratch scratch // guarded by mu
}

// Option changes how an Engine works.
type Option func(*Engine)

// Everything makes an Engine report all it finds: it doesn't stop at the first detection that refuses the event.
func Everything() Option { return func(e *Engine) { e.everything = true } }

// Unfiltered makes an Engine run every condition whose targets fit, whatever literals a text has. The findings are
// the same, and this is how tests know.
func Unfiltered() Option { return func(e *Engine) { e.unfiltered = true } }

// CorePlaces makes an Engine show each text to the rules only where the Core Rule Set has it, so that tests can compare
// the findings with those of another engine.
func CorePlaces() Option { return func(e *Engine) { e.core = true } }

// Clock gives an Engine the time. Without one it ends in time only when the context ends, and to custom rules no
// token has expired.
func Clock(now func() time.Time) Option { return func(e *Engine) { e.clock = now } }

// now is the time, if there is a clock.
func (e *Engine) now() (time.Time, bool) {
	if e.clock == nil {
		return time.Time{}, false
	}
	return e.clock(), true
}

// After makes an Engine take over the memory of the one before it: its automata are the same for any policy.
func After(before *Engine) Option {
	return func(e *Engine) {
		if before != nil {
			e.shared = before.shared
		}
	}
}

// New returns an Engine for a rule of the policy, which the caller leaves unchanged from then on; of nil, one that
// finds nothing. Only the rule's own patterns are compiled: the error joins all mistakes in them.
func New(rule *policy.WAASRule, options ...Option) (*Engine, error) {
	e := &Engine{rule: rule, limits: event.DefaultLimits()}
	for _, o := range options {
		o(e)
	}
	if e.shared == nil {
		e.shared = new(shared)
	}
	if rule == nil || rule.Application() == nil {
		e.rule = nil
		return e, nil
	}
	if err := e.compile(rule.Application()); err != nil {
		return nil, fmt.Errorf("compile firewall rule %q: %w", rule.Name, err)
	}
	return e, nil
}

func (e *Engine) compile(app *policy.WAASApplication) error {
	e.skipBody = app.Body.Skip
	e.limits.BodyBytes = max(app.Body.InspectedBytes(), 1)
	e.limits.TotalBytes = max(e.limits.TotalBytes, 2*e.limits.BodyBytes)
	for class := range rules.Class(rules.Classes) {
		exceptions, err := policy.CompileExceptions(app.Protection(attackClass(class)).Exceptions)
		if err != nil {
			return fmt.Errorf("%s: %w", class, err)
		}
		e.exceptions[class] = exceptions
		e.excepting = e.excepting || exceptions != nil
	}
	var err error
	e.custom, err = compileCustom(e.rule.Own.CustomRules)
	return err
}

// Inspect says what the rule finds in an event. The context's deadline is the time it may take: what wasn't looked
// at then is a detection of its own. The verdict doesn't refer to data.
func (e *Engine) Inspect(ctx context.Context, data []byte) Verdict {
	return e.InspectEvent(ctx, event.Decode(data, e.limits))
}

// InspectEvent is Inspect for an event that is decoded.
func (e *Engine) InspectEvent(ctx context.Context, ev *event.Event) Verdict {
	trigger := string(ev.Trigger)
	if e.rule == nil || e.rule.TriggerEffect(trigger) == autodefend.Disable {
		return Verdict{Event: ev}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.scratch.begin(ctx, e, ev)
	r.all()
	return r.sink.verdict
}

// begin makes a run that uses the scratch memory.
func (s *scratch) begin(ctx context.Context, e *Engine, ev *event.Event) *run {
	if s.machine == nil {
		s.machine = match.New(0)
		s.table = newTable(rules.All(), rules.Nodes(), rules.Groups)
		s.aside.set("")
	}
	if s.seen == nil {
		s.seen = make(map[sight]struct{})
	}
	clear(s.seen)
	r := &run{scratch: s, engine: e, context: ctx, event: ev, level: level(e.rule.Own.Level)}
	r.deadline, r.timed = ctx.Deadline()
	r.sink = newSink(e, ev)
	for class, effect := range r.sink.effects {
		if effect != autodefend.Disable && effect != "" && !e.exceptions[class].Request(ev.Request.Path) {
			r.looks.add(rules.Class(class))
		}
	}
	return r
}

// level is the rules' word for the policy's.
func level(l policy.WAASLevel) rules.Level {
	switch l {
	case policy.LevelCore:
		return rules.Core
	case policy.LevelStrict:
		return rules.Strict
	default:
		return rules.Default
	}
}

// all inspects the whole event, record by record when it is a batch.
func (r *run) all() {
	fields := r.event.Fields
	for record := -1; record < len(r.event.Records) && !r.sink.late; record++ {
		n := 0
		for n < len(fields) && fields[n].Record == record {
			n++
		}
		r.sink.record, r.sink.stopped = record, false
		r.one(record, fields[:n])
		fields = fields[n:]
	}
	if r.sink.late {
		r.sink.unfinished()
	}
	r.sink.finish()
	r.release()
}

// one inspects the fields of a record, or those of the event itself for record -1: custom rules come first, then
// what is malformed or was left out, then the rules.
func (r *run) one(record int, fields []event.Field) {
	if record >= 0 || len(r.event.Records) == 0 {
		if r.customRules(record) || r.stopped() {
			return
		}
	}
	r.sink.limits()
	if r.looks.has(rules.MalformedRequest) {
		r.faults()
	}
	if r.stopped() {
		return
	}
	var synthetic [requestFields]event.Field
	values := appendValues(r.values[:0], fields, r.event.Request.RawPath, r.engine.core)
	if record < 0 {
		values = appendRequest(values, r.event, synthetic[:0])
	}
	r.record(r.spare(values))
}

// release lets go of what the scratch memory would keep of the event.
func (r *run) release() {
	clear(r.values[:cap(r.values)])
	if cap(r.values) > keepValues {
		r.values = nil
	}
	r.texts = r.texts[:cap(r.texts)]
	for i := range r.texts {
		r.texts[i].set("")
	}
	r.aside.set("")
	clear(r.seen)
}

// keepValues is how many values the scratch memory keeps room for.
const keepValues = 2048
