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
// case, U+017F counts as s and U+212A as k; the result tells that the text has one
// of them, so that callers who compare like ASCII look again.
func (s Scanner) Scan(text string, found *Bitset) bool {
	t := s.tables()
	found.expectOutputs(len(t.index) / 4)
	row, base, folded := 0, 0, false
	for i := 0; i < len(text); i++ {
		b := text[i]
		if b == longS[0] || b == kelvin[0] {
			var width int
			b, width = unfold(text[i:])
			folded = folded || width > 1
			i += width - 1
		}
		label := int(t.folding[b])
		if base != 0 {
			if n := t.node(base + label); int(n[4]) == label {
				t.follow(n, text[i+1:], found)
			}
		}
		pair := number32(t.pairs, layout.PairSize*(row+label))
		base = pair & 0xffff
		row = label * t.labels
		if out := uint16(pair >> 16); out != 0 && found.firstOutput(out) {
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
	folding, pairs, nodes, index, lists string
	labels                              int // in a row of pairs
}

func (s Scanner) tables() tables {
	rest := string(s[layout.ScannerHeader:])
	cut := func(n int) string {
		part := rest[:n]
		rest = rest[n:]
		return part
	}
	labels := number(string(s), layout.OffScanLabels) + 1
	return tables{
		folding: cut(256),
		pairs:   cut(layout.PairSize * labels * labels),
		nodes:   cut(layout.NodeSize * number32(string(s), layout.OffScanNodes)),
		index:   cut(4 * (number32(string(s), layout.OffScanOutputs) + 1)),
		lists:   rest,
		labels:  labels,
	}
}

// follow marks the literals that reach the node and those that go on with text.
func (t *tables) follow(n string, text string, found *Bitset) {
	for i := 0; ; i++ {
		if out := uint16(number(n, 2)); out != 0 && found.firstOutput(out) {
			t.mark(out, found)
		}
		base := number(n, 0)
		if base == 0 || i == len(text) {
			return
		}
		b, width := unfold(text[i:])
		i += width - 1
		label := int(t.folding[b])
		n = t.node(base + label)
		if int(n[4]) != label {
			return
		}
	}
}

func (t *tables) node(i int) string { return t.nodes[layout.NodeSize*i:][:layout.NodeSize] }

// mark adds the sets of an output.
func (t *tables) mark(output uint16, found *Bitset) {
	from := number32(t.index, 4*int(output))
	to := number32(t.index, 4*int(output)+4)
	for at := from; at < to; at += layout.MaskSize {
		found.words[number(t.lists, at)] |= number64(t.lists, at+2)
	}
}

func number32(s string, off int) int {
	e := s[off:]
	_ = e[3]
	return int(uint32(e[0]) | uint32(e[1])<<8 | uint32(e[2])<<16 | uint32(e[3])<<24)
}

func number64(s string, off int) uint64 {
	e := s[off:]
	_ = e[7]
	return uint64(e[0]) | uint64(e[1])<<8 | uint64(e[2])<<16 | uint64(e[3])<<24 |
		uint64(e[4])<<32 | uint64(e[5])<<40 | uint64(e[6])<<48 | uint64(e[7])<<56
}
