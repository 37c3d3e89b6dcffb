package expression

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/autodefend/autodefend/internal/waas/event"
)

// Input is what an expression is asked about.
type Input struct {
	Event *event.Event
	// Record is the index of the record of a batch whose fields count; -1 means all fields.
	Record int
	// Now is what the times in a JWT are compared with.
	Now time.Time
}

// Match says what made an expression hold.
type Match struct {
	// Field is where it was found; that of the last comparison, or of the last pattern if there is one. It's the whole
	// event when nothing was found but something was missing.
	Field event.Field
	// Text is what was found there.
	Text string
	// Groups are what the patterns' groups matched, or the whole matches of patterns without groups.
	Groups []string
}

// Match tells whether the expression holds, and what for. It's safe for concurrent use.
func (x *Expression) Match(in Input) (Match, bool) {
	ev := evaluation{in: &in}
	if x.root.eval(&ev) != yes {
		return Match{}, false
	}
	m := Match{Field: event.Field{Place: event.Whole, Record: in.Record}}
	byPattern := false
	for _, f := range ev.found {
		m.Groups = append(m.Groups, f.groups...)
		if f.groups != nil || !byPattern {
			m.Field, m.Text = f.field, f.text
		}
		byPattern = byPattern || f.groups != nil
	}
	return m, true
}

// Message fills a custom rule's message: %regexMatches stands for what the patterns' groups matched, at most 512 bytes.
func (m *Match) Message(text string) string {
	const most = 512
	groups := strings.Join(m.Groups, ", ")
	if len(groups) > most {
		groups = strings.ToValidUTF8(groups[:most], "") + "…"
	}
	return strings.ReplaceAll(text, "%regexMatches", groups)
}

// truth is what is known of a condition. What asks for something that an event hasn't got, such as the path of a
// message, is unknown, and so is its opposite.
type truth uint8

// The truths, so that "and" is the lesser and "or" the greater.
const (
	no truth = iota
	unknown
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// evaluation is one question.
type evaluation struct {
	in    *Input
	found []finding
}

// finding is a comparison that held.
type finding struct {
	field  event.Field
	text   string
	groups []string // of patterns
}

// node is a part of the tree.
type node interface{ eval(ev *evaluation) truth }

type and struct{ nodes []node }

func (n and) eval(ev *evaluation) truth {
	before, result := len(ev.found), yes
	for _, sub := range n.nodes {
		if result = min(result, sub.eval(ev)); result == no {
			ev.found = ev.found[:before]
			break
		}
	}
	return result
}

type or struct{ nodes []node }

func (n or) eval(ev *evaluation) truth {
	result := no
	for _, sub := range n.nodes {
		if result = max(result, sub.eval(ev)); result == yes {
			break
		}
	}
	return result
}

type not struct{ node node }

func (n not) eval(ev *evaluation) truth {
	before := len(ev.found)
	result := yes - n.node.eval(ev)
	ev.found = ev.found[:before]
	return result
}

// operand is a value, or several, that the event has.
type operand struct {
	attribute attribute
	key       string
	steps     []func(string) string // innermost first
}

// fields returns the operand's values, transformed; false when the event can't have any.
func (o *operand) fields(ev *evaluation) ([]event.Field, bool) {
	if !o.attribute.message && !ev.in.http() {
		return nil, false
	}
	fields := o.attribute.fields(ev.in, o.key)
	if len(fields) == 0 {
		switch o.attribute.shape {
		case mapping:
			fields = []event.Field{{Place: event.Whole, Name: o.key, Record: ev.in.Record}}
		case text, address:
			return nil, false
		case list:
		}
	}
	for _, step := range o.steps {
		for i := range fields {
			fields[i].Value = step(fields[i].Value)
		}
	}
	return fields, true
}

// comparison compares the values of an operand: one that fits is enough.
type comparison struct {
	operand operand
	fits    func(value string) (finding, bool)
}

func (n *comparison) eval(ev *evaluation) truth {
	fields, known := n.operand.fields(ev)
	if !known {
		return unknown
	}
	for _, f := range fields {
		if found, ok := n.fits(f.Value); ok {
			found.field = f
			ev.found = append(ev.found, found)
			return yes
		}
	}
	return no
}

// validJWT tells whether all values are JSON Web Tokens that hold.
type validJWT struct{ operand operand }

func (n *validJWT) eval(ev *evaluation) truth {
	fields, known := n.operand.fields(ev)
	if !known {
		return unknown
	}
	return truthOf(len(fields) > 0 && !slices.ContainsFunc(fields, func(f event.Field) bool { return !jwtValid(f.Value, ev.in.Now) }))
}

// equals compares with a string.
func equals(want string, fold bool) func(string) (finding, bool) {
	return func(value string) (finding, bool) {
		return finding{text: value}, value == want || fold && strings.EqualFold(value, want)
	}
}

// holds looks for a string within a value.
func holds(want string) func(string) (finding, bool) {
	return func(value string) (finding, bool) { return finding{text: want}, strings.Contains(value, want) }
}

// begins looks for a string at the beginning of a value.
func begins(want string, fold bool) func(string) (finding, bool) {
	return func(value string) (finding, bool) {
		ok := strings.HasPrefix(value, want) || fold && len(value) >= len(want) && strings.EqualFold(value[:len(want)], want)
		return finding{text: want}, ok
	}
}

// matches looks for a pattern in a value.
func matches(re *regexp.Regexp) func(string) (finding, bool) {
	return func(value string) (finding, bool) {
		groups := re.FindStringSubmatch(value)
		if groups == nil {
			return finding{}, false
		}
		found := finding{text: groups[0], groups: groups}
		if len(groups) > 1 {
			found.groups = groups[1:]
		}
		return found, true
	}
}

// compares compares with a number; what is no number doesn't fit.
func compares(sign string, want int64) func(string) (finding, bool) {
	return func(value string) (finding, bool) {
		have, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return finding{}, false
		}
		ok := false
		switch sign {
		case "=":
			ok = have == want
		case "<":
			ok = have < want
		case ">":
			ok = have > want
		case "<=":
			ok = have <= want
		case ">=":
			ok = have >= want
		}
		return finding{text: value}, ok
	}
}

// among looks for a value in networks.
func among(networks []netip.Prefix) func(string) (finding, bool) {
	return func(value string) (finding, bool) {
		ip, err := netip.ParseAddr(value)
		if err != nil {
			return finding{}, false
		}
		ip = ip.Unmap().WithZone("")
		return finding{text: value}, slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(ip) })
	}
}

// anyOf fits when one of several does.
func anyOf(all []func(string) (finding, bool)) func(string) (finding, bool) {
	return func(value string) (finding, bool) {
		for _, fits := range all {
			if found, ok := fits(value); ok {
				return found, true
			}
		}
		return finding{}, false
	}
}
