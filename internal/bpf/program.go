package bpf

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Instruction is the kernel's struct sock_filter.
type Instruction struct {
	Code   uint16
	Jt, Jf uint8
	K      uint32
}

// Program is what the kernel runs for every system call.
type Program []Instruction

// Codes of the instructions that programs here are made of.
const (
	loadWord    = 0x20 // A = the word at offset K
	and         = 0x54 // A &= K
	jump        = 0x05 // over K instructions
	jumpEqual   = 0x15 // A == K: over Jt instructions, else Jf
	jumpAtLeast = 0x35 // A >= K
	ret         = 0x06 // the action is K
)

// Offsets into the kernel's struct seccomp_data.
const (
	offsetNumber = 0
	offsetArch   = 4
	offsetArgs   = 16
	dataSize     = 64
)

// maxInstructions is the kernel's BPF_MAXINSNS.
const maxInstructions = 4096

const enosys = 38

// errUnknownCall is returned for a rule that names a call which neither architecture has.
var errUnknownCall = errors.New("unknown system call")

// Assemble turns the filter into a program for arch. It fails when a rule names an unknown call or a condition can't be
// expressed.
func (f Filter) Assemble(arch Arch) (Program, error) {
	blocks, err := f.blocks(arch)
	if err != nil {
		return nil, fmt.Errorf("assemble filter %s for %s: %w", f.Name, arch, err)
	}
	program := Program{
		{Code: loadWord, K: offsetArch},
		{Code: jumpEqual, K: arch.audit, Jt: 1},
		{Code: ret, K: uint32(Errno(enosys))},
		{Code: loadWord, K: offsetNumber},
	}
	if arch.x32 {
		program = append(program, Instruction{Code: jumpAtLeast, K: x32Bit, Jf: 1}, Instruction{Code: ret, K: uint32(Errno(enosys))})
	}
	program = append(program, tree(blocks)...)
	if len(program) > maxInstructions {
		return nil, fmt.Errorf("assemble filter %s for %s: %d instructions, at most %d", f.Name, arch, len(program), maxInstructions)
	}
	return program, nil
}

// block is what happens to one call. It ends in a return on every way.
type block struct {
	number uint32
	code   Program
}

// blocks gives one block for each call of arch that a rule speaks of, by number.
func (f Filter) blocks(arch Arch) ([]block, error) {
	rules := make(map[uint32][]Rule)
	for _, rule := range f.Rules {
		if _, known := lookUp(rule.Call); !known {
			return nil, fmt.Errorf("%w %q", errUnknownCall, rule.Call)
		}
		if number, ok := arch.Number(rule.Call); ok {
			rules[number] = append(rules[number], rule)
		}
	}
	blocks := make([]block, 0, len(rules))
	for number, list := range rules {
		code, err := assembleCall(list)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", list[0].Call, err)
		}
		blocks = append(blocks, block{number, code})
	}
	slices.SortFunc(blocks, func(a, b block) int { return int(a.number) - int(b.number) })
	return blocks, nil
}

// assembleCall tries the rules of one call in turn.
func assembleCall(rules []Rule) (Program, error) {
	var code Program
	for _, rule := range rules {
		one, err := assembleRule(rule)
		if err != nil {
			return nil, err
		}
		code = append(code, one...)
		if len(rule.When) == 0 {
			return code, nil // nothing gets past it
		}
	}
	return append(code, Instruction{Code: ret, K: uint32(Allow)}), nil
}

// assembleRule returns when all conditions hold and else runs on behind itself. It is put together from its end: each
// condition knows how many instructions follow until the rule's end.
func assembleRule(rule Rule) (Program, error) {
	code := Program{{Code: ret, K: uint32(rule.Then)}}
	for _, condition := range slices.Backward(rule.When) {
		test, err := assembleCondition(condition, len(code))
		if err != nil {
			return nil, err
		}
		code = append(test, code...)
	}
	return code, nil
}

// assembleCondition runs on behind itself when c holds and else jumps over rest further instructions.
func assembleCondition(c Condition, rest int) (Program, error) {
	if c.Arg < 0 || c.Arg > 5 || c.Value&^c.Mask != 0 || c.Mask == 0 {
		return nil, fmt.Errorf("condition %s can't be tested", c)
	}
	if rest > 200 {
		return nil, fmt.Errorf("condition %s is too far from its rule's end", c)
	}
	low, high := half(c, 0), half(c, 32)
	over := uint8(rest)
	switch {
	case high == nil:
		return closeHalf(low, c.Not, over), nil
	case low == nil:
		return closeHalf(high, c.Not, over), nil
	case c.Not: // one half that differs is enough
		low[len(low)-1].Jf = uint8(len(high))
		return append(low, closeHalf(high, true, over)...), nil
	}
	low[len(low)-1].Jf = uint8(len(high)) + over
	return append(low, closeHalf(high, false, over)...), nil
}

// half loads, masks and compares 32 bits of an argument; nil when the mask leaves nothing of them.
func half(c Condition, shift uint) Program {
	mask, value := uint32(c.Mask>>shift), uint32(c.Value>>shift)
	if mask == 0 {
		return nil
	}
	code := Program{{Code: loadWord, K: uint32(offsetArgs + 8*c.Arg + int(shift/8))}} // little-endian on both
	if mask != ^uint32(0) {
		code = append(code, Instruction{Code: and, K: mask})
	}
	return append(code, Instruction{Code: jumpEqual, K: value})
}

// closeHalf sets where the comparison at the end of code jumps: over the rest when it decides against the condition.
func closeHalf(code Program, not bool, over uint8) Program {
	last := &code[len(code)-1]
	if not {
		last.Jt = over
	} else {
		last.Jf = over
	}
	return code
}

// tree finds the block of the number in A by halving; a number without one is allowed. Calls that no rule speaks of, which
// are nearly all, thus cost a handful of comparisons.
func tree(blocks []block) Program {
	const few = 3
	if len(blocks) > few {
		middle := len(blocks) / 2
		left, right := tree(blocks[:middle]), tree(blocks[middle:])
		code := Program{{Code: jumpAtLeast, K: blocks[middle].number, Jf: 1}, {Code: jump, K: uint32(len(left))}}
		return slices.Concat(code, left, right)
	}
	var code Program
	for _, b := range blocks {
		code = append(code, Instruction{Code: jumpEqual, K: b.number, Jt: 1}, Instruction{Code: jump, K: uint32(len(b.code))})
		code = append(code, b.code...)
	}
	return append(code, Instruction{Code: ret, K: uint32(Allow)})
}

// Dump prints the program, one numbered instruction a line with absolute jump targets.
func (p Program) Dump() string {
	var out strings.Builder
	for i, in := range p {
		fmt.Fprintf(&out, "%04d  %s\n", i, in.text(i))
	}
	return out.String()
}

func (in Instruction) text(at int) string {
	switch in.Code {
	case loadWord:
		return "load  " + fieldName(in.K)
	case and:
		return fmt.Sprintf("and   %#x", in.K)
	case jump:
		return fmt.Sprintf("jump  %04d", at+1+int(in.K))
	case jumpEqual:
		return fmt.Sprintf("if == %#x then %04d else %04d", in.K, at+1+int(in.Jt), at+1+int(in.Jf))
	case jumpAtLeast:
		return fmt.Sprintf("if >= %#x then %04d else %04d", in.K, at+1+int(in.Jt), at+1+int(in.Jf))
	case ret:
		return "ret   " + Action(in.K).String()
	}
	return fmt.Sprintf("code %#x", in.Code)
}

func fieldName(offset uint32) string {
	switch {
	case offset == offsetNumber:
		return "number"
	case offset == offsetArch:
		return "architecture"
	case offset >= offsetArgs && offset%8 == 0:
		return fmt.Sprintf("arg%d low", (offset-offsetArgs)/8)
	case offset >= offsetArgs:
		return fmt.Sprintf("arg%d high", (offset-offsetArgs)/8)
	}
	return fmt.Sprintf("offset %d", offset)
}

// Dump prints the filter: its rules in order, with the numbers they have on arch.
func (f Filter) Dump(arch Arch) string {
	var out strings.Builder
	fmt.Fprintf(&out, "filter %s on %s: other calls are allowed, foreign conventions fail with errno %d\n", f.Name, arch, enosys)
	for _, rule := range f.Rules {
		number, ok := arch.Number(rule.Call)
		if !ok {
			continue
		}
		when := make([]string, 0, len(rule.When))
		for _, c := range rule.When {
			when = append(when, c.String())
		}
		condition := ""
		if len(when) > 0 {
			condition = " when " + strings.Join(when, " and ")
		}
		fmt.Fprintf(&out, "%4d %-24s %s%s\n", number, rule.Call, rule.Then, condition)
	}
	return out.String()
}
