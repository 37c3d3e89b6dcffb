package match

import (
	"slices"

	"github.com/autodefend/autodefend/internal/waas/match/layout"
)

// begin returns the state without leaves after a character of the kind.
func (m *Machine) begin(a *automaton, kind uint8) uint16 {
	state, ok := m.start(a, kind)
	if !ok {
		m.makeRoom(a)
		state, _ = m.start(a, kind)
	}
	return state
}

func (m *Machine) start(a *automaton, kind uint8) (uint16, bool) {
	if s := a.starts[kind]; s != unknown {
		return s, true
	}
	s, ok := a.intern(&m.mem, nil, kind)
	if ok {
		a.starts[kind] = s
	}
	return s, ok
}

// makeRoom drops the states of this automaton, and of all when that may not be
// enough.
func (m *Machine) makeRoom(a *automaton) {
	m.flushes++
	if len(a.rows) >= maxBlock/2 || len(a.leaves) >= maxBlock/4 {
		a.release(&m.mem)
		return
	}
	for _, other := range m.automata {
		if other != nil {
			other.forget()
		}
	}
	m.mem.releaseAll()
}

// base returns where the seed alone leads from after a character of the kind, and
// false when there is no room. It keeps now.
func (m *Machine) base(a *automaton, kind uint8, class int) (uint16, bool) {
	start, ok := m.start(a, kind)
	if !ok {
		return 0, false
	}
	to := a.rows[a.entry(start, class)]
	if to != unknown {
		return to, true
	}
	kept := m.now
	m.now = append(m.spare[:0], a.seeds[kind].leaves...)
	to, ok = m.enter(a, start, class, m.advance(a, kind, class, unknown))
	m.now, m.spare = kept, m.now
	return to, ok
}

// transition works out the transition of a state on a class and remembers it. The
// result is false when there is no room for the state it leads to.
func (m *Machine) transition(a *automaton, state uint16, class int) (uint16, bool) {
	kind := a.kind(state)
	base, ok := m.base(a, kind, class)
	if !ok || a.starts[kind] == state {
		return base, ok
	}
	m.now = append(m.now[:0], a.set(state)...)
	return m.enter(a, state, class, m.advance(a, kind, class, base))
}

// enter turns the outcome of advance into an entry of the state's row.
func (m *Machine) enter(a *automaton, state uint16, class int, to uint16) (uint16, bool) {
	if to == unknown {
		slices.Sort(m.next)
		next, ok := a.intern(&m.mem, m.next, a.kinds[class])
		if !ok {
			return 0, false
		}
		to = next
	}
	a.rows[a.entry(state, class)] = to
	return to, true
}

// advance reads a character of the class after one of the kind, from the leaves
// in now. base is where the seed leads, or unknown when now is the seed. The
// leaves after the character are in next when the outcome is unknown.
func (m *Machine) advance(a *automaton, kind uint8, class int, base uint16) uint16 {
	if base == hitBefore {
		return hitBefore
	}
	skip := a.seeds[kind]
	if base == unknown {
		skip = nil
	}
	if m.pass(a, kind, class, skip) {
		return hitBefore
	}
	if base == hit {
		return hit
	}
	if class == a.classes {
		return dead
	}
	to := a.kinds[class]
	if m.step(a, class, to) || a.seeds[to].matched {
		return hit
	}
	if base < special {
		m.join(a.set(base))
	}
	if len(m.next) == 0 && a.anchored {
		return dead
	}
	return unknown
}

// join adds leaves to next.
func (m *Machine) join(leaves []uint16) {
	for _, pc := range leaves {
		if m.walk.seen.add(pc) {
			m.next = append(m.next, pc)
		}
	}
	m.walk.steps += uint64(len(leaves))
}

// pass adds to now what lies behind the assertions that hold between a character
// of the kind and one of the class. It reports whether a match ends there.
func (m *Machine) pass(a *automaton, kind uint8, class int, skip *seed) bool {
	hold := a.holding(kind, class)
	m.passed = m.passed[:0]
	begun := false
	for _, pc := range m.now {
		op, arg, next := a.at(pc)
		if op != layout.OpEmpty || uint8(arg)&hold == 0 {
			continue
		}
		if !begun {
			m.walk.seen.begin(a.size())
			begun = true
		}
		var matched bool
		m.passed, matched = m.walk.from(&a.view, next, hold, 0xff, skip, m.passed)
		if matched {
			return true
		}
	}
	m.now = append(m.now, m.passed...)
	return false
}

// step reads a character of the class: next becomes the leaves after it, without
// those of the seed. It reports whether a match ends with the character.
func (m *Machine) step(a *automaton, class int, kind uint8) bool {
	m.next = m.next[:0]
	m.walk.seen.begin(a.size())
	hold := behind(kind)
	for _, pc := range m.now {
		m.walk.steps++
		op, arg, next := a.at(pc)
		if !a.accepts(op, arg, class) {
			continue
		}
		var matched bool
		m.next, matched = m.walk.from(&a.view, next, hold, layout.Behind, a.seeds[kind], m.next)
		if matched {
			return true
		}
	}
	return false
}
