package match

import (
	"unicode/utf8"

	"github.com/autodefend/autodefend/internal/waas/match/layout"
)

// Program is one compiled expression, as compile.Expression makes it. It is data
// at rest: a slice of an embedded string, read where it lies.
type Program string

// view gives names to the parts of a program.
type view struct {
	classOf  [256]uint8
	classes  int // the class after the last stands for the end of the text
	kinds    string
	ranges   string
	sets     string
	setBytes int
	code     string
	start    uint16
	groups   int
}

func (p Program) view() view {
	v := view{
		classes: int(p[layout.OffClasses]),
		start:   uint16(number(string(p), layout.OffStart)),
		groups:  int(p[layout.OffGroups]),
	}
	v.setBytes = (v.classes + 7) / 8
	rest := string(p[layout.Header:])
	cut := func(n int) string {
		part := rest[:n]
		rest = rest[n:]
		return part
	}
	v.fillClasses(cut, p[layout.OffFlags])
	v.kinds = cut(v.classes)
	v.ranges = cut(layout.RangeSize * number(string(p), layout.OffRanges))
	v.sets = cut(v.setBytes * number(string(p), layout.OffSets))
	v.code = cut(layout.InstSize * number(string(p), layout.OffCode))
	return v
}

// fillClasses takes the classes of bytes.
func (v *view) fillClasses(cut func(int) string, flags byte) {
	if flags&layout.FlagBytes != 0 {
		copy(v.classOf[:], cut(len(v.classOf)))
		return
	}
	for i := copy(v.classOf[:], cut(utf8.RuneSelf)); i < len(v.classOf); i++ {
		v.classOf[i] = layout.MultiByte
	}
}

// size is the number of instructions.
func (v *view) size() int { return len(v.code) / layout.InstSize }

// at returns the operation, argument and successor of instruction pc.
func (v *view) at(pc uint16) (byte, uint16, uint16) {
	in := v.code[int(pc)*layout.InstSize:]
	_ = in[layout.InstSize-1]
	word := uint32(in[0]) | uint32(in[1])<<8 | uint32(in[2])<<16 | uint32(in[3])<<24
	return byte(word & layout.OpMask), uint16(word >> layout.ArgShift & layout.ArgMask), uint16(word >> layout.NextShift)
}

// accepts reports whether an instruction reads a character of the class.
func (v *view) accepts(op byte, arg uint16, class int) bool {
	switch op {
	case layout.OpAny:
		return true
	case layout.OpOne:
		return int(arg) == class
	case layout.OpSet:
		return v.sets[int(arg)*v.setBytes+class>>3]>>(class&7)&1 != 0
	default:
		return false
	}
}

// read returns the class and width of the character at text[i].
func (v *view) read(text string, i int) (int, int) {
	c := v.classOf[text[i]]
	if c != layout.MultiByte {
		return int(c), 1
	}
	return v.readRune(text[i:])
}

// readRune is read for what isn't ASCII. A byte that is no UTF-8 counts as U+FFFD
// of width 1, as in package regexp.
func (v *view) readRune(text string) (int, int) {
	r, width := utf8.DecodeRuneInString(text)
	lo, hi := 0, len(v.ranges)/layout.RangeSize
	for hi-lo > 1 {
		mid := int(uint(lo+hi) >> 1)
		if v.rangeStart(mid) <= r {
			lo = mid
		} else {
			hi = mid
		}
	}
	return int(v.ranges[lo*layout.RangeSize+3]), width
}

func (v *view) rangeStart(i int) rune {
	e := v.ranges[i*layout.RangeSize:]
	_ = e[2]
	return rune(e[0]) | rune(e[1])<<8 | rune(e[2])<<16
}

// kindBefore tells what stands before text[i].
func (v *view) kindBefore(text string, i int) uint8 {
	if i == 0 {
		return layout.KindBegin
	}
	class := int(v.classOf[text[i-1]])
	if class == layout.MultiByte { // no word character and no newline
		return layout.KindOther
	}
	return v.kinds[class]
}

// holding returns the assertions that hold between a character of kind before
// and one of the class after.
func (v *view) holding(before uint8, after int) uint8 {
	hold := behind(before)
	word := false
	if after == v.classes {
		hold |= layout.EndLine | layout.EndText
	} else {
		word = v.kinds[after] == layout.KindWord
		if v.kinds[after] == layout.KindNewline {
			hold |= layout.EndLine
		}
	}
	if word != (before == layout.KindWord) {
		return hold | layout.WordBoundary
	}
	return hold | layout.NoWordBoundary
}

// behind returns those of the assertions in layout.Behind that hold after a
// character of the kind.
func behind(kind uint8) uint8 {
	switch kind {
	case layout.KindBegin:
		return layout.BeginLine | layout.BeginText
	case layout.KindNewline:
		return layout.BeginLine
	default:
		return 0
	}
}

func number(s string, off int) int {
	return int(s[off]) | int(s[off+1])<<8
}
