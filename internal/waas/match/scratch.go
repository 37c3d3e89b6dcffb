package match

import "github.com/autodefend/autodefend/internal/waas/match/layout"

// marks is a set of instruction numbers that empties in no time.
type marks struct {
	round uint32
	of    []uint32
}

// begin empties the set and makes room for numbers below n.
func (s *marks) begin(n int) {
	if len(s.of) < n {
		s.of = make([]uint32, n)
		s.round = 0
	}
	s.round++
	if s.round == 0 {
		clear(s.of)
		s.round = 1
	}
}

// add reports whether i is new.
func (s *marks) add(i uint16) bool {
	if s.of[i] == s.round {
		return false
	}
	s.of[i] = s.round
	return true
}

// walk follows the instructions that read nothing.
type walk struct {
	seen  marks
	stack []uint16
	steps uint64 // instructions visited since the machine was made
}

// A leaf is an instruction where a walk stops: it reads a character, or it is an
// assertion that the next character decides.

// from adds to leaves what can be reached from pc without reading, where the
// assertions in hold are known to hold and those in decided can be decided;
// others become leaves. What the seed has reached is left out. It reports
// whether the end of the expression was reached.
func (w *walk) from(v *view, pc uint16, hold, decided uint8, s *seed, leaves []uint16) ([]uint16, bool) {
	matched := false
	w.stack = append(w.stack[:0], pc)
	for len(w.stack) > 0 {
		pc := w.stack[len(w.stack)-1]
		w.stack = w.stack[:len(w.stack)-1]
		w.steps++
		if s != nil && s.reaches(pc) || !w.seen.add(pc) {
			continue
		}
		op, arg, next := v.at(pc)
		switch op {
		case layout.OpFail:
		case layout.OpMatch:
			matched = true
		case layout.OpAlt:
			w.stack = append(w.stack, arg, next)
		case layout.OpGroup:
			w.stack = append(w.stack, next)
		case layout.OpEmpty:
			switch {
			case uint8(arg)&hold != 0:
				w.stack = append(w.stack, next)
			case uint8(arg)&decided == 0:
				leaves = append(leaves, pc)
			}
		default:
			leaves = append(leaves, pc)
		}
	}
	return leaves, matched
}

// seed is what an expression can reach before it has read anything: part of every
// state, because a match may begin anywhere. It depends on what stands before.
type seed struct {
	leaves  []uint16
	reached []uint64
	matched bool // the expression matches the empty text here
	waits   bool // some leaf is an assertion
}

func (s *seed) reaches(pc uint16) bool { return s.reached[pc>>6]>>(pc&63)&1 != 0 }

// newSeed walks from the start of a program. The second result tells whether it met
// an assertion about what stands before, so that other kinds may give other seeds.
func (w *walk) newSeed(v *view, kind uint8) (*seed, bool) {
	w.seen.begin(v.size())
	s := &seed{reached: make([]uint64, (v.size()+63)/64)}
	asked := false
	var leaves []uint16
	leaves, s.matched = w.from(v, v.start, behind(kind), layout.Behind, nil, nil)
	s.leaves = append(make([]uint16, 0, len(leaves)), leaves...)
	for pc, round := range w.seen.of[:v.size()] {
		if round != w.seen.round {
			continue
		}
		s.reached[pc>>6] |= 1 << (pc & 63)
		op, arg, _ := v.at(uint16(pc))
		if op == layout.OpEmpty {
			asked = asked || uint8(arg)&layout.Behind != 0
			s.waits = s.waits || uint8(arg)&layout.Behind == 0
		}
	}
	return s, asked
}
