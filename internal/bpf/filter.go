package bpf

import "fmt"

// Action is what seccomp does with a call: the kernel's SECCOMP_RET values.
type Action uint32

// The actions. Of several filters on one thread the kernel takes the one that is first in this list.
const (
	Kill   Action = 0x80000000 // the process dies
	errno  Action = 0x00050000 // see Errno
	Notify Action = 0x7fc00000 // the supervisor answers
	Allow  Action = 0x7fff0000 // the kernel goes on

	actionMask Action = 0xffff0000
)

// Errno is the action that fails the call with error number n, at most 4095. With 0 the call does nothing and succeeds.
func Errno(n uint16) Action { return errno | Action(n) }

// String names the action as in rules: "notify", "errno 1".
func (a Action) String() string {
	switch a & actionMask {
	case Kill:
		return "kill"
	case errno:
		return fmt.Sprintf("errno %d", uint32(a&^actionMask))
	case Notify:
		return "notify"
	case Allow:
		return "allow"
	}
	return fmt.Sprintf("action %#x", uint32(a))
}

// Condition compares one argument, 64 bits wide, after masking it. The kernel looks at the lower half only of arguments
// that are int in C, so conditions on those use Low as their mask.
type Condition struct {
	Arg   int // 0 to 5
	Mask  uint64
	Not   bool // holds when the masked argument differs from Value
	Value uint64
}

// Low masks the half of an argument that is an int in C.
const Low = 0xffffffff

// Is holds when the int argument equals value.
func Is(arg int, value uint32) Condition {
	return Condition{Arg: arg, Mask: Low, Value: uint64(value)}
}

// IsNot holds when the int argument differs from value.
func IsNot(arg int, value uint32) Condition {
	return Condition{Arg: arg, Mask: Low, Value: uint64(value), Not: true}
}

// HasAny holds when the argument has one of bits.
func HasAny(arg int, bits uint64) Condition {
	return Condition{Arg: arg, Mask: bits, Not: true}
}

// NotNull holds when the argument is a pointer that isn't NULL.
func NotNull(arg int) Condition { return HasAny(arg, ^uint64(0)) }

// Holds says whether the condition is true of args. It is what the assembled instructions compute.
func (c Condition) Holds(args [6]uint64) bool {
	return (args[c.Arg]&c.Mask == c.Value) != c.Not
}

// String is the condition as a person would write it: "arg1&0xffffffff != 0".
func (c Condition) String() string {
	op, arg := "==", fmt.Sprintf("arg%d", c.Arg)
	if c.Not {
		op = "!="
	}
	if c.Mask != ^uint64(0) {
		arg += fmt.Sprintf("&%#x", c.Mask)
	}
	return fmt.Sprintf("%s %s %#x", arg, op, c.Value)
}

// Rule says what happens to a call when all its conditions hold. A call that the architecture doesn't have makes the
// rule void there.
type Rule struct {
	Call string // as in the manual: "openat"
	When []Condition
	Then Action
}

// Filter is a list of rules. Of several rules for one call the first whose conditions hold counts; a call that no rule
// speaks of is allowed.
type Filter struct {
	Name  string
	Rules []Rule
}

// Calls gives rules without conditions for several calls.
func Calls(then Action, calls ...string) []Rule {
	rules := make([]Rule, 0, len(calls))
	for _, call := range calls {
		rules = append(rules, Rule{Call: call, Then: then})
	}
	return rules
}

// Decide is the plain reading of the filter for a call on arch, without any BPF. Programs must agree with it.
func (f Filter) Decide(arch Arch, data Data) Action {
	if data.Arch != arch.audit || arch.foreign(data.Number) {
		return Errno(enosys)
	}
	for _, rule := range f.Rules {
		number, ok := arch.Number(rule.Call)
		if ok && number == data.Number && holds(rule.When, data.Args) {
			return rule.Then
		}
	}
	return Allow
}

func holds(all []Condition, args [6]uint64) bool {
	for _, c := range all {
		if !c.Holds(args) {
			return false
		}
	}
	return true
}
