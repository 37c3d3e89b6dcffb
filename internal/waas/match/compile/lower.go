package compile

import (
	"encoding/binary"
	"fmt"
	"regexp/syntax"
	"unicode/utf8"

	"github.com/autodefend/autodefend/internal/waas/match/layout"
)

// inst is one instruction of a program before it is numbered for good.
type inst struct {
	op        byte
	arg, next int
}

// lowering turns a syntax.Prog into the bytes of package layout.
type lowering struct {
	prog     *syntax.Prog
	bytewise bool
	groups   bool

	alphabet *alphabet
	code     []inst
	start    int
}

func (l *lowering) program() ([]byte, error) {
	alphabet, err := newAlphabet(l.prog, l.bytewise)
	if err != nil {
		return nil, err
	}
	l.alphabet = alphabet
	l.translate()
	l.shareTails()
	l.dropUnreachable()
	if len(l.code) > layout.MaxCode {
		return nil, fmt.Errorf("%d instructions, limit %d", len(l.code), layout.MaxCode)
	}
	if len(alphabet.sets) > layout.MaxCode {
		return nil, fmt.Errorf("%d sets of characters, limit %d", len(alphabet.sets), layout.MaxCode)
	}
	return l.encode(), nil
}

// translate copies the program instruction by instruction; next still counts
// in the numbers of syntax.Prog.
func (l *lowering) translate() {
	l.code = make([]inst, len(l.prog.Inst))
	for pc := range l.prog.Inst {
		l.code[pc] = l.instruction(pc)
	}
	l.start = l.skip(l.prog.Start)
	for pc := range l.code {
		in := &l.code[pc]
		in.next = l.skip(in.next)
		if in.op == layout.OpAlt {
			in.arg = l.skip(in.arg)
		}
	}
}

func (l *lowering) instruction(pc int) inst {
	in := &l.prog.Inst[pc]
	next := int(in.Out)
	switch in.Op {
	case syntax.InstAlt, syntax.InstAltMatch:
		return inst{layout.OpAlt, int(in.Arg), next}
	case syntax.InstCapture:
		return inst{layout.OpGroup, int(in.Arg), next}
	case syntax.InstEmptyWidth:
		return inst{layout.OpEmpty, assertion(syntax.EmptyOp(in.Arg)), next}
	case syntax.InstMatch:
		return inst{layout.OpMatch, 0, 0}
	case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		op, arg := l.alphabet.operand(pc)
		return inst{op, arg, next}
	default: // InstFail; InstNop is skipped over
		return inst{layout.OpFail, 0, 0}
	}
}

func assertion(op syntax.EmptyOp) int {
	switch op {
	case syntax.EmptyBeginLine:
		return layout.BeginLine
	case syntax.EmptyEndLine:
		return layout.EndLine
	case syntax.EmptyBeginText:
		return layout.BeginText
	case syntax.EmptyEndText:
		return layout.EndText
	case syntax.EmptyWordBoundary:
		return layout.WordBoundary
	default:
		return layout.NoWordBoundary
	}
}

// skip follows instructions that do nothing.
func (l *lowering) skip(pc int) int {
	for {
		in := &l.prog.Inst[pc]
		idle := in.Op == syntax.InstNop || in.Op == syntax.InstCapture && !l.groups
		if !idle {
			return pc
		}
		pc = int(in.Out)
	}
}

// shareTails merges instructions that do the same and go on the same way, until
// none is left: words with a common ending then share it. Those that can come
// back to themselves without reading stay as they are, because the order in which
// such a loop prefers its ways out depends on which of them was seen first.
func (l *lowering) shareTails() {
	idle := make([]bool, len(l.code))
	for pc := range l.code {
		idle[pc] = l.comesBack(pc)
	}
	for {
		seen := make(map[inst]int, len(l.code))
		same := make([]int, len(l.code))
		for pc, in := range l.code {
			first, ok := seen[in]
			switch {
			case idle[pc]:
				same[pc] = pc
			case ok:
				same[pc] = first
			default:
				seen[in] = pc
				same[pc] = pc
			}
		}
		if !l.redirect(same) {
			return
		}
	}
}

// comesBack reports whether the instruction reaches itself without reading.
func (l *lowering) comesBack(pc int) bool {
	seen := map[int]bool{}
	stack := l.unread(pc, nil)
	for len(stack) > 0 {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if at == pc {
			return true
		}
		if !seen[at] {
			seen[at] = true
			stack = l.unread(at, stack)
		}
	}
	return false
}

// unread appends what follows an instruction that reads nothing.
func (l *lowering) unread(pc int, to []int) []int {
	in := l.code[pc]
	switch in.op {
	case layout.OpAlt:
		return append(to, in.arg, in.next)
	case layout.OpEmpty, layout.OpGroup:
		return append(to, in.next)
	default:
		return to
	}
}

// redirect replaces every reference to pc by same[pc] and reports whether one changed.
func (l *lowering) redirect(same []int) bool {
	changed := same[l.start] != l.start
	l.start = same[l.start]
	for pc := range l.code {
		in := &l.code[pc]
		if same[in.next] != in.next {
			in.next = same[in.next]
			changed = true
		}
		if in.op == layout.OpAlt && same[in.arg] != in.arg {
			in.arg = same[in.arg]
			changed = true
		}
	}
	return changed
}

// dropUnreachable renumbers the instructions that a match can reach, in the
// order in which it meets them.
func (l *lowering) dropUnreachable() {
	number := map[int]int{l.start: 0}
	order := []int{l.start}
	visit := func(pc int) int {
		n, ok := number[pc]
		if !ok {
			n = len(order)
			number[pc] = n
			order = append(order, pc)
		}
		return n
	}
	code := make([]inst, 0, len(l.code))
	for i := 0; i < len(order); i++ {
		in := l.code[order[i]]
		if in.op != layout.OpFail && in.op != layout.OpMatch {
			in.next = visit(in.next)
		}
		if in.op == layout.OpAlt {
			in.arg = visit(in.arg)
		}
		code = append(code, in)
	}
	l.code, l.start = code, 0
}

func (l *lowering) encode() []byte {
	a := l.alphabet
	out := make([]byte, layout.Header)
	if l.bytewise {
		out[layout.OffFlags] = layout.FlagBytes
	}
	out[layout.OffClasses] = byte(a.classes)
	le := binary.LittleEndian
	le.PutUint16(out[layout.OffRanges:], uint16(len(a.ranges)))
	le.PutUint16(out[layout.OffSets:], uint16(len(a.sets)))
	le.PutUint16(out[layout.OffCode:], uint16(len(l.code)))
	le.PutUint16(out[layout.OffStart:], uint16(l.start))
	out[layout.OffFormat] = layout.Format
	out[layout.OffGroups] = 1
	if l.groups {
		out[layout.OffGroups] = byte(l.prog.NumCap / 2)
	}
	if l.bytewise {
		out = append(out, a.ofByte[:]...)
	} else {
		out = append(out, a.ofByte[:utf8.RuneSelf]...)
	}
	out = append(out, a.kinds...)
	for _, r := range a.ranges {
		out = append(out, byte(r.first), byte(r.first>>8), byte(r.first>>16), r.class)
	}
	for _, set := range a.sets {
		out = append(out, set...)
	}
	for _, in := range l.code {
		out = le.AppendUint32(out, uint32(in.op)|uint32(in.arg)<<layout.ArgShift|uint32(in.next)<<layout.NextShift)
	}
	return out
}
