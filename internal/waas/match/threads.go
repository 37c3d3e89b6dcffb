package match

import "github.com/autodefend/autodefend/internal/waas/match/layout"

// threads finds the leftmost match and its groups by following all paths through
// a program at once, in order of preference.
type threads struct {
	seen    marks
	stack   []branch
	current crowd // at the next character, in order of preference
	pending crowd // after the last character, not yet walked on
	slots   []int32
	best    []int32
}

// crowd is a list of instructions, each with the slots of its path.
type crowd struct {
	pcs   []uint16
	slots []int32
}

// branch is a place to walk on from or, when slot is not negative, a slot to set
// back to old.
type branch struct {
	pc   uint16
	slot int
	old  int32
}

// run looks for a match that begins at from or later and is found before it has
// read beyond to. It returns two slots per group, -1 for groups that took no
// part, or nil. The result is valid until the next call.
func (t *threads) run(v *view, text string, from, to, groups int) []int32 {
	t.slots = resize(t.slots, 2*groups)
	t.best = t.best[:0]
	t.pending.reset()
	kind := v.kindBefore(text, from)
	for i := from; ; {
		class, width := v.classes, 0
		if i < len(text) {
			class, width = v.read(text, i)
		}
		t.gather(v, i, v.holding(kind, class))
		t.step(v, i, class)
		if i >= to || len(t.pending.pcs) == 0 && len(t.best) > 0 {
			break
		}
		kind = v.kinds[class]
		i += width
	}
	if len(t.best) == 0 {
		return nil
	}
	return t.best
}

// gather walks on from the pending instructions and, while no match is known,
// from the start of the program.
func (t *threads) gather(v *view, at int, hold uint8) {
	t.seen.begin(v.size())
	t.current.reset()
	n := len(t.slots)
	for k, pc := range t.pending.pcs {
		copy(t.slots, t.pending.slots[k*n:])
		t.add(v, pc, at, hold)
	}
	if len(t.best) > 0 {
		return
	}
	for k := range t.slots {
		t.slots[k] = -1
	}
	t.slots[0] = int32(at)
	t.add(v, v.start, at, hold)
}

// step lets the current instructions read a character of the class. Those less
// preferred than a match are dropped.
func (t *threads) step(v *view, at, class int) {
	t.pending.reset()
	n := len(t.slots)
	for k, pc := range t.current.pcs {
		op, arg, next := v.at(pc)
		slots := t.current.slots[k*n : (k+1)*n]
		if op == layout.OpMatch {
			t.best = append(t.best[:0], slots...)
			t.best[1] = int32(at)
			return
		}
		if class != v.classes && v.accepts(op, arg, class) {
			t.pending.add(next, slots)
		}
	}
}

// add appends what can be reached from pc without reading, most preferred first.
func (t *threads) add(v *view, pc uint16, at int, hold uint8) {
	t.stack = append(t.stack[:0], branch{pc: pc, slot: -1})
	for len(t.stack) > 0 {
		b := t.stack[len(t.stack)-1]
		t.stack = t.stack[:len(t.stack)-1]
		if b.slot >= 0 {
			t.slots[b.slot] = b.old
			continue
		}
		if !t.seen.add(b.pc) {
			continue
		}
		t.visit(v, b.pc, at, hold)
	}
}

func (t *threads) visit(v *view, pc uint16, at int, hold uint8) {
	op, arg, next := v.at(pc)
	switch op {
	case layout.OpFail:
	case layout.OpAlt:
		t.stack = append(t.stack, branch{pc: arg, slot: -1}, branch{pc: next, slot: -1})
	case layout.OpEmpty:
		if uint8(arg)&hold != 0 {
			t.stack = append(t.stack, branch{pc: next, slot: -1})
		}
	case layout.OpGroup:
		if slot := int(arg); slot < len(t.slots) {
			t.stack = append(t.stack, branch{slot: slot, old: t.slots[slot]})
			t.slots[slot] = int32(at)
		}
		t.stack = append(t.stack, branch{pc: next, slot: -1})
	default:
		t.current.add(pc, t.slots)
	}
}

func (c *crowd) reset() {
	c.pcs, c.slots = c.pcs[:0], c.slots[:0]
}

func (c *crowd) add(pc uint16, slots []int32) {
	c.pcs = append(c.pcs, pc)
	c.slots = append(c.slots, slots...)
}

func resize(s []int32, n int) []int32 {
	if cap(s) < n {
		return make([]int32, n)
	}
	return s[:n]
}
