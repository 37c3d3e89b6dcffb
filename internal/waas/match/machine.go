// Package match runs the static programs and the scanner that package compile
// makes. It answers like package regexp, without its parser and without its cost:
// nothing is built before the first text, deterministic automata grow state by
// state as texts demand, and one budget bounds the memory of all of them.
package match

import (
	"slices"

	"github.com/autodefend/autodefend/internal/waas/match/layout"
)

// DefaultLimit is the memory, in bytes, for the automata of a process.
const DefaultLimit = 6 << 20

// leastLimit holds the largest automaton and what it grows out of.
const leastLimit = 2 << 20

// Machine matches texts against programs. It is not safe for concurrent use.
type Machine struct {
	mem      arena
	automata []*automaton
	walk     walk
	threads  threads

	now     []uint16 // leaves of the state being left
	next    []uint16 // leaves of the state being entered
	passed  []uint16 // leaves behind assertions that hold
	flushes int
}

// New returns a machine whose automata take at most limit bytes, or DefaultLimit
// when limit is 0. Automata are dropped and rebuilt when it is reached; below
// 2 MiB it is raised to that. It allocates nothing before the first text.
func New(limit int) *Machine {
	if limit == 0 {
		limit = DefaultLimit
	}
	return &Machine{mem: arena{limit: max(limit, leastLimit) >> (slabLog + 1)}}
}

// Match reports whether the text contains a match of the program. id is a small
// number that stands for the same program in every call.
func (m *Machine) Match(id int, p Program, text string) bool {
	_, ok := m.search(m.automaton(id, p), text)
	return ok
}

// Find is [Machine.Match] and, on a match, where it lies. The range is that of
// regexp's FindStringIndex when it begins at most 1 KiB before the place where
// the text is first known to match and ends at most 1 KiB after it; otherwise it
// is cut to that, because its only use is to show it.
func (m *Machine) Find(id int, p Program, text string) (start, end int, ok bool) {
	a := m.automaton(id, p)
	known, ok := m.search(a, text)
	if !ok {
		return 0, 0, false
	}
	from := max(0, known-window)
	groups := m.threads.run(&a.view, text, from, min(len(text), known+window), 1)
	if groups == nil {
		return from, known, true
	}
	return int(groups[0]), int(groups[1]), true
}

// window bounds the second pass of Find, in bytes on each side.
const window = 1 << 10

// Submatch returns the range of the leftmost match and of its groups as regexp's
// FindStringSubmatchIndex does, appended to groups; nil when there is no match.
// Groups other than the whole match need a program made by compile.Capturing. Its
// time grows with the text and the size of the program; Match comes first.
func (m *Machine) Submatch(id int, p Program, text string, groups []int) []int {
	a := m.automaton(id, p)
	if _, ok := m.search(a, text); !ok {
		return nil
	}
	for _, at := range m.threads.run(&a.view, text, 0, len(text), a.groups) {
		groups = append(groups, int(at))
	}
	return groups
}

func (m *Machine) automaton(id int, p Program) *automaton {
	if id < len(m.automata) && m.automata[id] != nil {
		return m.automata[id]
	}
	if id >= len(m.automata) {
		m.automata = append(m.automata, make([]*automaton, id+1-len(m.automata))...)
	}
	m.automata[id] = newAutomaton(p, &m.walk)
	return m.automata[id]
}

// search runs the automaton and returns where the first match to end ends.
func (m *Machine) search(a *automaton, text string) (end int, ok bool) {
	if a.seeds[layout.KindBegin].matched {
		return 0, true
	}
	state := m.begin(a, layout.KindBegin)
	for i := 0; i <= len(text); {
		class, width := a.classes, 1
		if i < len(text) {
			class, width = a.read(text, i)
		}
		to := a.rows[a.entry(state, class)]
		if to == unknown {
			state, to = m.extendFrom(a, state, class)
		}
		switch to {
		case hit:
			return i + width, true
		case hitBefore:
			return i, true
		case dead:
			return 0, false
		}
		state = to
		i += width
	}
	return 0, false
}

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
	if s := a.starts[kind]; s != 0 {
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

// extendFrom works out the transition of a state on a class. It returns the
// state too, because that has another number when room had to be made.
func (m *Machine) extendFrom(a *automaton, state uint16, class int) (from, to uint16) {
	to, ok := m.transition(a, state, class)
	if ok {
		return state, to
	}
	leaves, kind := slices.Clone(a.set(state)), a.kind(state)
	m.makeRoom(a)
	state, _ = a.intern(&m.mem, leaves, kind)
	to, _ = m.transition(a, state, class)
	return state, to
}

// transition works out rows[state, class] and remembers it. ok is false when
// there is no room for the state it leads to.
func (m *Machine) transition(a *automaton, state uint16, class int) (to uint16, ok bool) {
	kind := a.kind(state)
	start, ok := m.start(a, kind)
	if !ok {
		return 0, false
	}
	base := uint16(unknown)
	if start != state {
		base = a.rows[a.entry(start, class)]
		if base == unknown {
			base, ok = m.transition(a, start, class)
			if !ok {
				return 0, false
			}
		}
	}
	to, ok = m.advance(a, state, kind, class, base)
	if ok {
		a.rows[a.entry(state, class)] = to
	}
	return to, ok
}

// advance reads a character of the class in a state. base is where the seed
// alone leads, or unknown when this is to be found out.
func (m *Machine) advance(a *automaton, state uint16, kind uint8, class int, base uint16) (uint16, bool) {
	if base == hitBefore {
		return hitBefore, true
	}
	m.now = append(m.now[:0], a.set(state)...)
	skip := a.seeds[kind]
	if base == unknown {
		m.now = append(m.now[:0], skip.leaves...)
		skip = nil
	}
	if m.pass(a, kind, class, skip) {
		return hitBefore, true
	}
	if base == hit {
		return hit, true
	}
	if class == a.classes {
		return dead, true
	}
	to := a.kinds[class]
	if m.step(a, class, to) || a.seeds[to].matched {
		return hit, true
	}
	if base >= first {
		for _, pc := range a.set(base) {
			if m.walk.seen.add(pc) {
				m.next = append(m.next, pc)
			}
		}
	}
	if len(m.next) == 0 && a.anchored {
		return dead, true
	}
	slices.Sort(m.next)
	return a.intern(&m.mem, m.next, to)
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
