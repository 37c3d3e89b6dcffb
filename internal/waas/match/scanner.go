package match

import (
	"strings"

	"github.com/autodefend/autodefend/internal/waas/match/layout"
)

// Scanner finds out in one pass which sets of literals have a member in a text.
// It is data at rest, as compile.Scanner makes it.
type Scanner string

// Two characters are other cases of ASCII letters.
const (
	longS  = "\u017f" // of s
	kelvin = "\u212a" // of k
)

// Sets returns the number of sets; they are numbered from 0.
func (s Scanner) Sets() int { return number(string(s), layout.OffScanSets) }

// Scan adds to found the sets of which a literal occurs in the text, ASCII
// letters of either case being the same. As in regular expressions that ignore
// case, U+017F counts as s and U+212A as k; folded tells that the text has one of
// them, so that callers who compare like ASCII look again.
func (s Scanner) Scan(text string, found *Bitset) (folded bool) {
	t := s.tables()
	state := uint32(layout.Root)
	for i := 0; i < len(text); i++ {
		b := text[i]
		if b >= 0x80 {
			var width int
			b, width = unfold(text[i:])
			if width > 1 {
				folded = true
				i += width - 1
			}
		}
		label := t.folding[b]
		if label == 0 {
			state = layout.Root
			continue
		}
		var out uint16
		state, out = t.step(state, label)
		if out != 0 {
			t.mark(out, found)
		}
	}
	return folded
}

// unfold returns the ASCII letter that a text's first character is another case
// of and that character's width; otherwise the first byte and 1.
func unfold(text string) (byte, int) {
	switch {
	case text[0] == longS[0] && strings.HasPrefix(text, longS):
		return 's', len(longS)
	case text[0] == kelvin[0] && strings.HasPrefix(text, kelvin):
		return 'k', len(kelvin)
	default:
		return text[0], 1
	}
}

// tables gives names to the parts of a scanner.
type tables struct {
	folding, states, index, lists string
}

func (s Scanner) tables() tables {
	states := 8 * number32(string(s), layout.OffScanStates)
	index := 4 * (number32(string(s), layout.OffScanOutputs) + 1)
	rest := string(s[layout.ScannerHeader:])
	return tables{
		folding: rest[:256],
		states:  rest[256 : 256+states],
		index:   rest[256+states : 256+states+index],
		lists:   rest[256+states+index:],
	}
}

// step returns the state after a byte with the label, and that state's output.
func (t *tables) step(state uint32, label uint8) (uint32, uint16) {
	for {
		s := t.state(state)
		to := uint32(s&(layout.MaxStates-1)) + uint32(label)
		next := t.state(to)
		if uint8(next>>layout.LabelShift) == label {
			return to, uint16(next >> layout.OutShift)
		}
		if state == layout.Root {
			return layout.Root, 0
		}
		state = uint32(s>>layout.FailShift) & (layout.MaxStates - 1)
	}
}

func (t *tables) state(i uint32) uint64 {
	e := t.states[8*i:]
	_ = e[7]
	return uint64(e[0]) | uint64(e[1])<<8 | uint64(e[2])<<16 | uint64(e[3])<<24 |
		uint64(e[4])<<32 | uint64(e[5])<<40 | uint64(e[6])<<48 | uint64(e[7])<<56
}

func (t *tables) mark(output uint16, found *Bitset) {
	from := number32(t.index, 4*int(output))
	to := number32(t.index, 4*int(output)+4)
	for i := from; i < to; i++ {
		found.Set(number(t.lists, 2*i))
	}
}

func number32(s string, off int) int {
	return number(s, off) | number(s, off+2)<<16
}
