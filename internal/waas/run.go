package waas

import (
	"context"
	"strings"
	"time"

	"github.com/autodefend/autodefend/internal/waas/event"
	"github.com/autodefend/autodefend/internal/waas/match"
	"github.com/autodefend/autodefend/internal/waas/rules"
	"github.com/autodefend/autodefend/internal/waas/transform"
)

// text is one of the distinct outcomes of the transformation chains for a value.
type text struct {
	text    string
	marks   transform.Marks
	nodes   nodeSet
	groups  *match.Bitset
	scanned bool
}

// scratch is what one inspection leaves to the next: the machine with its automata, and memory to work in.
type scratch struct {
	machine *match.Machine
	table   *table
	values  []value
	texts   []text
	aside   text // a chained condition's text
	seen    map[sight]struct{}
	fired   []uint16 // the rules that fired on the value at hand
	groups  []int
}

// sight is a text at a place: seen once without a finding, it needs no second look.
type sight struct {
	variables rules.VariableSet
	spared    classSet
	text      string
}

// seenMost bounds the memory of what was seen, in texts.
const seenMost = 2048

// run is one inspection.
type run struct {
	*scratch
	engine   *Engine
	context  context.Context
	deadline time.Time
	timed    bool
	work     int // bytes gone over since the clock was last read
	event    *event.Event
	sink     sink
	looks    classSet // the classes that are looked for
	level    rules.Level
	starts   []start // first conditions of chained rules that held
}

// start is a first condition that held.
type start struct {
	rule uint16
	hit  hit
}

// hit is a text for which a condition held.
type hit struct {
	value     *value // where it comes from; nil for a count
	text      string
	condition *rules.Condition
	groups    []string // captured by the condition, or by one before it
}

// stopped says that there is nothing to be found that would make a difference, or no time for it.
func (r *run) stopped() bool { return r.sink.stopped || r.sink.late }

// spend counts work and looks at the clock now and then.
func (r *run) spend(bytes int) {
	const often = 16 << 10
	r.work += bytes + 64
	if r.work < often {
		return
	}
	r.work = 0
	now, known := r.engine.now()
	if r.context.Err() != nil || r.timed && known && now.After(r.deadline) {
		r.sink.late = true
	}
}

// record inspects what belongs together: all of an event that is no batch, or one record.
func (r *run) record(values []value) {
	r.values, r.starts = values, r.starts[:0]
	for i := range values {
		r.inspect(&values[i])
		if r.stopped() {
			return
		}
	}
	r.chains()
	r.counts()
}

// inspect finds what fires on one value.
func (r *run) inspect(v *value) {
	if v.text == "" && v.variables&r.table.emptyMatters == 0 {
		return
	}
	r.spend(len(v.text))
	key := sight{v.variables, v.spared, v.text}
	known := v.variables&r.table.named == 0
	if known {
		if _, ok := r.seen[key]; ok {
			return
		}
	}
	r.transformAll(v)
	found := false
	r.fired = r.fired[:0]
	for i := range r.texts {
		found = r.candidates(v, &r.texts[i]) || found
		if r.stopped() {
			return
		}
	}
	if known && !found && len(r.seen) < seenMost {
		r.seen[key] = struct{}{}
	}
}

// transformAll goes down the tree of transformation chains and leaves the distinct texts in r.texts.
func (r *run) transformAll(v *value) {
	r.texts = r.texts[:0]
	r.distinct(v.text)
	plan := r.table.plan(r.texts[0].marks)
	r.texts[0].nodes = plan.same
	for _, id := range plan.doing {
		r.subtree(v, int(id))
	}
}

// subtree does the steps at a node, whose parent's text is the value's, and below it.
func (r *run) subtree(v *value, id int) {
	nodes, places := r.table.nodes, r.table.at
	places[nodes[id].Parent] = 0
	for end := int(nodes[id].End); id < end; {
		n := &nodes[id]
		if n.Variables&v.variables == 0 || n.Level > r.level {
			id = int(n.End)
			continue
		}
		at := places[n.Parent]
		if !r.texts[at].marks.Leaves(n.Transform) {
			at = r.transformed(at, n.Transform)
		}
		places[id] = at
		r.texts[at].nodes.add(rules.NodeID(id))
		id++
	}
}

// transformed is the place among the texts of the text at a place with t applied.
func (r *run) transformed(at uint8, t rules.Transform) uint8 {
	old := r.texts[at].text
	s := transform.Apply(t, old)
	if s == old {
		return at
	}
	r.spend(len(s))
	to := r.distinct(s)
	if t == rules.Lowercase && r.texts[at].marks.ASCII() && !r.texts[to].scanned {
		r.share(at, to)
	}
	return to
}

// share gives a text the literals of another that differs from it in the case of ASCII letters only.
func (r *run) share(from, to uint8) {
	hits := r.hits(&r.texts[from])
	t := &r.texts[to]
	t.scanned = true
	for i := hits.Next(0); i >= 0; i = hits.Next(i + 1) {
		t.groups.Set(i)
	}
}

// distinct finds a text among the texts, or puts it there.
func (r *run) distinct(s string) uint8 {
	for i := range r.texts {
		if r.texts[i].text == s {
			return uint8(i)
		}
	}
	if len(r.texts) < cap(r.texts) {
		r.texts = r.texts[:len(r.texts)+1]
	} else {
		r.texts = append(r.texts, text{})
	}
	r.texts[len(r.texts)-1].set(s)
	return uint8(len(r.texts) - 1)
}

func (t *text) set(s string) {
	if t.groups == nil {
		t.groups = match.NewBitset(rules.Groups)
	} else if t.scanned {
		t.groups.Reset()
	}
	*t = text{text: s, marks: transform.MarksOf(s), groups: t.groups}
}

// hits are the literal groups that occur in a text.
func (r *run) hits(t *text) *match.Bitset {
	if !t.scanned {
		t.scanned = true
		match.Scanner(rules.Literals()).Scan(t.text, t.groups)
	}
	return t.groups
}

// candidates tests the rules that may fire on a text of a value and says whether one did.
func (r *run) candidates(v *value, t *text) bool {
	found := r.among(r.table.alwaysOf(v.variables), v, t)
	if r.engine.unfiltered {
		for _, group := range r.table.byGroup {
			found = r.among(group, v, t) || found
		}
		return found
	}
	hits := r.hits(t)
	for g := hits.Next(0); g >= 0 && !r.stopped(); g = hits.Next(g + 1) {
		if len(r.table.byGroup[g]) > 0 {
			found = r.among(r.table.byGroup[g], v, t) || found
		}
	}
	return found
}

func (r *run) among(list []uint16, v *value, t *text) bool {
	found := false
	for _, id := range list {
		first := &r.table.first[id]
		if first.variables&v.variables == 0 || !first.nodes.meets(&t.nodes) {
			continue
		}
		rule := &r.table.rules[id]
		if !r.looks.has(rule.Class) || v.spared.has(rule.Class) || !rule.Runs(r.level) {
			continue
		}
		found = r.try(id, rule, v, t) || found
		if r.stopped() {
			break
		}
	}
	return found
}

// try tests a rule's first condition.
func (r *run) try(id uint16, rule *rules.Rule, v *value, t *text) bool {
	c := &rule.Conditions[0]
	if !r.fits(c, v) || !r.test(c, c.Argument, t) {
		return false
	}
	r.spend(len(t.text))
	if len(rule.Conditions) > 1 {
		r.starts = append(r.starts, start{id, r.holds(c, v, t)})
		return true
	}
	for _, other := range r.fired {
		if other == id {
			return true
		}
	}
	r.fired = append(r.fired, id)
	r.detect(rule, r.holds(c, v, t))
	return true
}

// holds notes a text for which a condition held.
func (r *run) holds(c *rules.Condition, v *value, t *text) hit {
	h := hit{value: v, text: t.text, condition: c}
	if c.Captures == 0 || c.Program == rules.NoProgram {
		return h
	}
	r.groups = r.machine.Submatch(int(c.Program), match.Program(rules.Program(c.Program)), t.text, r.groups[:0])
	h.groups = make([]string, min(int(c.Captures), len(r.groups)/2))
	for i := range h.groups {
		if from, to := r.groups[2*i], r.groups[2*i+1]; from >= 0 {
			h.groups[i] = t.text[from:to]
		}
	}
	return h
}

// fits says whether a value is among a condition's targets.
func (r *run) fits(c *rules.Condition, v *value) bool {
	in := false
	for i := range c.Targets {
		target := &c.Targets[i]
		if !v.variables.Has(target.Variable) || !r.selects(target, v) {
			continue
		}
		if target.Exclude {
			return false
		}
		in = in || !target.Count
	}
	return in
}

// selects says whether a target's selector is about a value of its variable.
func (r *run) selects(target *rules.Target, v *value) bool {
	switch {
	case target.Selector == "":
		return true
	case target.Program != rules.NoProgram:
		return r.machine.Match(int(target.Program), match.Program(rules.Program(target.Program)), v.member())
	default:
		return strings.EqualFold(target.Selector, v.member())
	}
}
