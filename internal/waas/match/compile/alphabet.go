package compile

import (
	"fmt"
	"regexp/syntax"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/autodefend/autodefend/internal/waas/match/layout"
)

// alphabet divides the characters into classes that a program cannot tell apart.
type alphabet struct {
	classes int
	ofByte  [256]byte // for runes, only those below utf8.RuneSelf
	kinds   []byte
	ranges  []classRange // from 0x80 on; empty for bytes
	sets    []string     // bit sets of classes

	operands map[int]operand // of the instructions that read a character
}

// classRange reaches from first to the next range's first.
type classRange struct {
	first rune
	class byte
}

type operand struct {
	op  byte
	arg int
}

// runes is a sorted list of pairs: first and last rune of ranges.
type runes []rune

func (r runes) has(c rune) bool {
	for i := 0; i < len(r); i += 2 {
		if r[i] <= c && c <= r[i+1] {
			return true
		}
	}
	return false
}

func newAlphabet(prog *syntax.Prog, bytewise bool) (*alphabet, error) {
	limit := rune(unicode.MaxRune)
	if bytewise {
		limit = 0xff
	}
	texts, named := namedRunes(prog)
	asked := placesAsked(prog)
	cuts := cutPoints(named, asked, limit)
	a := &alphabet{operands: map[int]operand{}}
	members, err := a.divide(cuts, named, asked)
	if err != nil {
		return nil, err
	}
	if bytewise {
		a.bytes(cuts, members)
	} else {
		a.runes(cuts, members)
	}
	a.fillOperands(texts, named, cuts, members)
	return a, nil
}

// namedRunes lists the character sets of a program, each once, and which
// instruction uses which.
func namedRunes(prog *syntax.Prog) (map[int]int, []runes) {
	uses := map[int]int{}
	seen := map[string]int{}
	var named []runes
	for pc := range prog.Inst {
		in := &prog.Inst[pc]
		switch in.Op {
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		default:
			continue
		}
		set := acceptedBy(in)
		key := string(set)
		n, ok := seen[key]
		if !ok {
			n = len(named)
			seen[key] = n
			named = append(named, set)
		}
		uses[pc] = n
	}
	return uses, named
}

// acceptedBy lists what an instruction accepts, other cases of a letter included.
func acceptedBy(in *syntax.Inst) runes {
	if len(in.Rune) != 1 {
		return runes(in.Rune)
	}
	first := in.Rune[0]
	all := []rune{first}
	if syntax.Flags(in.Arg)&syntax.FoldCase != 0 {
		for r := unicode.SimpleFold(first); r != first; r = unicode.SimpleFold(r) {
			all = append(all, r)
		}
	}
	slices.Sort(all)
	var set runes
	for _, r := range all {
		set = append(set, r, r)
	}
	return set
}

// places are the places in a text that a program's assertions ask about.
type places struct{ lines, words bool }

func placesAsked(prog *syntax.Prog) places {
	var p places
	for i := range prog.Inst {
		if prog.Inst[i].Op != syntax.InstEmptyWidth {
			continue
		}
		switch syntax.EmptyOp(prog.Inst[i].Arg) {
		case syntax.EmptyBeginLine, syntax.EmptyEndLine:
			p.lines = true
		case syntax.EmptyWordBoundary, syntax.EmptyNoWordBoundary:
			p.words = true
		}
	}
	return p
}

// kind says what a character means to the assertions.
func (p places) kind(r rune) byte {
	switch {
	case p.lines && r == '\n':
		return layout.KindNewline
	case p.words && wordRunes().has(r):
		return layout.KindWord
	default:
		return layout.KindOther
	}
}

// cutPoints lists where the runes fall apart: no set begins or ends between two
// neighbours of the list.
func cutPoints(named []runes, asked places, limit rune) []rune {
	cuts := []rune{0}
	if limit > 0xff {
		cuts = append(cuts, utf8.RuneSelf)
	}
	sets := slices.Clone(named)
	if asked.lines {
		sets = append(sets, runes{'\n', '\n'})
	}
	if asked.words {
		sets = append(sets, wordRunes())
	}
	for _, set := range sets {
		for i := 0; i < len(set); i += 2 {
			cuts = append(cuts, set[i], set[i+1]+1)
		}
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	for len(cuts) > 0 && cuts[len(cuts)-1] > limit {
		cuts = cuts[:len(cuts)-1]
	}
	return cuts
}

func wordRunes() runes {
	return runes{'0', '9', 'A', 'Z', '_', '_', 'a', 'z'}
}

// divide gives each piece between two cuts a class; pieces that lie in the same
// sets share one.
func (a *alphabet) divide(cuts []rune, named []runes, asked places) ([]int, error) {
	members := make([]int, len(cuts))
	seen := map[string]int{}
	for i, first := range cuts {
		key := make([]byte, len(named), len(named)+1)
		for n, set := range named {
			if set.has(first) {
				key[n] = 1
			}
		}
		kind := asked.kind(first)
		key = append(key, kind)
		class, ok := seen[string(key)]
		if !ok {
			class = a.classes
			a.classes++
			a.kinds = append(a.kinds, kind)
			seen[string(key)] = class
		}
		members[i] = class
	}
	if a.classes > layout.MaxClasses {
		return nil, fmt.Errorf("%d classes of characters, limit %d", a.classes, layout.MaxClasses)
	}
	return members, nil
}

func classAt(cuts []rune, members []int, r rune) byte {
	i, found := slices.BinarySearch(cuts, r)
	if !found {
		i--
	}
	return byte(members[i])
}

func (a *alphabet) bytes(cuts []rune, members []int) {
	for b := range a.ofByte {
		a.ofByte[b] = classAt(cuts, members, rune(b))
	}
}

func (a *alphabet) runes(cuts []rune, members []int) {
	for b := range utf8.RuneSelf {
		a.ofByte[b] = classAt(cuts, members, rune(b))
	}
	for i, first := range cuts {
		class := byte(members[i])
		if first < utf8.RuneSelf {
			continue
		}
		if n := len(a.ranges); n > 0 && a.ranges[n-1].class == class {
			continue
		}
		a.ranges = append(a.ranges, classRange{first, class})
	}
}

// fillOperands decides, for each set, whether it is everything, one class or several.
func (a *alphabet) fillOperands(uses map[int]int, named []runes, cuts []rune, members []int) {
	ops := make([]operand, len(named))
	bits := map[string]int{}
	for n, set := range named {
		ops[n] = a.choose(set, cuts, members, bits)
	}
	for pc, n := range uses {
		a.operands[pc] = ops[n]
	}
}

func (a *alphabet) choose(set runes, cuts []rune, members []int, bits map[string]int) operand {
	row := make([]byte, (a.classes+7)/8)
	in := map[int]bool{}
	for i, first := range cuts {
		if set.has(first) {
			in[members[i]] = true
			row[members[i]/8] |= 1 << (members[i] % 8)
		}
	}
	switch len(in) {
	case 0:
		return operand{op: layout.OpFail}
	case a.classes:
		return operand{op: layout.OpAny}
	case 1:
		for class := range in {
			return operand{layout.OpOne, class}
		}
	}
	n, ok := bits[string(row)]
	if !ok {
		n = len(a.sets)
		bits[string(row)] = n
		a.sets = append(a.sets, string(row))
	}
	return operand{layout.OpSet, n}
}

// operand returns the operation of an instruction that reads a character.
func (a *alphabet) operand(pc int) (byte, int) {
	o := a.operands[pc]
	return o.op, o.arg
}
