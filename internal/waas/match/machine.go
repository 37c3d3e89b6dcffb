// Package match runs the static programs and the scanner that package compile
// makes. It answers like package regexp, without its parser and without its cost:
// nothing is built before the first text, deterministic automata grow state by
// state as texts demand, and one budget bounds the memory of all of them.
package match

// DefaultLimit is the memory, in bytes, for the automata of a process.
const DefaultLimit = 5 << 20

// leastLimit holds the largest automaton and what it grows out of.
const leastLimit = 2 << 20

// Machine matches texts against programs. It is not safe for concurrent use.
type Machine struct {
	mem      arena
	automata []*automaton
	walk     walk
	threads  threads

	now    []uint16 // leaves of the state being left
	next   []uint16 // leaves of the state being entered
	passed []uint16 // leaves behind assertions that hold
	spare  []uint16

	set       []uint16 // leaves and kind of a state that has lost its number
	kind      uint8
	dropped   int // where in the text room was last made, or -1
	flushes   int // times room was made
	simulated int // texts that simulate has seen to the end
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

// Find is [Machine.Match] and, on a match, where it lies: start, end and true. The
// range is that of regexp's FindStringIndex when it begins at most 1 KiB before the
// place where the text is first known to match and ends at most 1 KiB after it;
// otherwise it is cut to that, because its only use is to show it.
func (m *Machine) Find(id int, p Program, text string) (int, int, bool) {
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
