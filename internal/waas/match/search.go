package match

import "github.com/autodefend/autodefend/internal/waas/match/layout"

// halt is where an automaton stops gliding: in a state, before a character, with
// an entry that is no state.
type halt struct {
	state, to        uint16
	at, class, width int
}

// glide follows known transitions from text[i] on.
func (a *automaton) glide(state uint16, text string, i int) halt {
	rows, stride := a.rows, a.stride
	for i < len(text) {
		class, width := int(a.classOf[text[i]]), 1
		if class == layout.MultiByte {
			class, width = a.readRune(text[i:])
		}
		to := rows[int(state)*stride+class]
		if to >= special {
			return halt{state, to, i, class, width}
		}
		state = to
		i += width
	}
	return halt{state, rows[a.entry(state, a.classes)], i, a.classes, 0}
}

// search runs the automaton and returns where the first match to end ends.
func (m *Machine) search(a *automaton, text string) (int, bool) {
	if a.seeds[layout.KindBegin].matched {
		return 0, true
	}
	state := m.begin(a, layout.KindBegin)
	m.dropped = -1
	for i := 0; ; {
		h := a.glide(state, text, i)
		if h.to == unknown {
			h.to = m.extend(a, h)
			if h.to == unknown {
				return m.simulate(a, text, h.at)
			}
		}
		if h.to >= special {
			return verdict(h.to, h.at, h.width)
		}
		state, i = h.to, h.at+h.width
	}
}

// verdict says what an entry that is no state means for a character at a place.
func verdict(to uint16, at, width int) (int, bool) {
	switch to {
	case hit:
		return at + width, true
	case hitBefore:
		return at, true
	default:
		return 0, false
	}
}

// extend works out a transition, making room when there is none. When that
// happens so often that building states costs more than it saves, it returns
// unknown and leaves the state's set to simulate.
func (m *Machine) extend(a *automaton, h halt) uint16 {
	to, ok := m.transition(a, h.state, h.class)
	if ok {
		return to
	}
	m.set = append(m.set[:0], a.set(h.state)...)
	m.kind = a.kind(h.state)
	busy := m.dropped >= 0 && h.at-m.dropped < patience*a.count
	m.dropped = h.at
	m.makeRoom(a)
	if busy {
		return unknown
	}
	state, ok := a.intern(&m.mem, m.set, m.kind)
	if !ok {
		return unknown
	}
	to, ok = m.transition(a, state, h.class)
	if !ok {
		return unknown
	}
	return to
}

// patience is how many bytes a state must have read on average, between two
// times of making room in one text, for states to be worth building.
const patience = 10

// simulate goes on from text[i] with the set that extend has left, without
// building states: slower per byte, but in constant memory.
func (m *Machine) simulate(a *automaton, text string, i int) (int, bool) {
	m.simulated++
	m.now = append(m.now[:0], m.set...)
	kind := m.kind
	for {
		class, width := a.classes, 0
		if i < len(text) {
			class, width = a.read(text, i)
		}
		base, ok := m.base(a, kind, class)
		if !ok {
			m.makeRoom(a)
			base, _ = m.base(a, kind, class)
		}
		to := m.advance(a, kind, class, base)
		if to != unknown {
			return verdict(to, i, width)
		}
		m.now, m.next = m.next, m.now
		kind = a.kinds[class]
		i += width
	}
}
