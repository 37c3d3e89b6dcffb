package journal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of a difference.
const (
	maxDiff  = 8 << 10 // bytes of the text
	maxValue = 256     // bytes of one value
	maxDepth = 64      // members within members
)

// Diff tells two pieces of JSON apart: one line for each member that changed, with its path. It has at most 8 KiB and
// says how many lines it left out. Values of members that hold secrets are "[redacted]"; what isn't JSON isn't shown.
func Diff(before, after []byte) string {
	d := differ{}
	was, had := decode(before)
	is, has := decode(after)
	d.value("", was, is, had, has, 0)
	if d.left > 0 {
		fmt.Fprintf(&d.text, "... and %d more\n", d.left)
	}
	return strings.TrimSuffix(d.text.String(), "\n")
}

// notJSON stands for what can't be compared, so that it isn't shown either.
type notJSON struct{ raw string }

// decode reads JSON; false for nothing.
func decode(raw []byte) (any, bool) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, false
	}
	var v any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return notJSON{string(raw)}, true
	}
	return v, true
}

// differ collects lines.
type differ struct {
	text strings.Builder
	left int // lines that had no room
}

// value compares one value at a path; had and has tell whether there is one before and after.
func (d *differ) value(path string, was, is any, had, has bool, depth int) {
	switch {
	case !had && !has || had && has && same(was, is):
		return
	case depth < maxDepth && had && has && d.within(path, was, is, depth):
		return
	case !had:
		d.line("+", path, show(is, depth))
	case !has:
		d.line("-", path, show(was, depth))
	default:
		d.line("~", path, show(was, depth)+" -> "+show(is, depth))
	}
}

// within compares the members of two objects or the elements of two lists; false when the values are neither.
func (d *differ) within(path string, was, is any, depth int) bool {
	if a, ok := was.(map[string]any); ok {
		b, ok := is.(map[string]any)
		if ok {
			d.members(path, a, b, depth)
		}
		return ok
	}
	if a, ok := was.([]any); ok {
		b, ok := is.([]any)
		if ok {
			d.elements(path, a, b, depth)
		}
		return ok
	}
	return false
}

func (d *differ) members(path string, was, is map[string]any, depth int) {
	names := slices.Collect(maps.Keys(was))
	for name := range is {
		if _, both := was[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		a, had := was[name]
		b, has := is[name]
		if secret(name) {
			d.hidden(join(path, name), a, b, had, has)
			continue
		}
		d.value(join(path, name), a, b, had, has, depth+1)
	}
}

// hidden tells that a secret changed, and nothing else of it.
func (d *differ) hidden(path string, was, is any, had, has bool) {
	switch {
	case !had && !has || had && has && same(was, is):
	case !had:
		d.line("+", path, redacted)
	case !has:
		d.line("-", path, redacted)
	default:
		d.line("~", path, redacted)
	}
}

// elements compares lists. Elements with names are compared with their namesakes, so that one that is put in doesn't
// make all that follow differ; others by their places.
func (d *differ) elements(path string, was, is []any, depth int) {
	a, aNamed := byName(was)
	b, bNamed := byName(is)
	if !aNamed || !bNamed {
		for i := range max(len(was), len(is)) {
			d.value(path+"["+strconv.Itoa(i)+"]", at(was, i), at(is, i), i < len(was), i < len(is), depth+1)
		}
		return
	}
	order := append(slices.Clone(a.names), slices.DeleteFunc(slices.Clone(b.names), func(n string) bool { _, both := a.of[n]; return both })...)
	for _, name := range order {
		x, had := a.of[name]
		y, has := b.of[name]
		d.value(path+"["+strconv.Quote(name)+"]", x, y, had, has, depth+1)
	}
	kept := func(names []string, in named) []string {
		return slices.DeleteFunc(slices.Clone(names), func(n string) bool { _, both := in.of[n]; return !both })
	}
	if !slices.Equal(kept(a.names, b), kept(b.names, a)) {
		d.line("~", path, "the order changed")
	}
}

// named are the elements of a list by their names.
type named struct {
	names []string
	of    map[string]any
}

// byName gives the elements of a list names; false when they have none, or the same.
func byName(list []any) (named, bool) {
	n := named{of: make(map[string]any, len(list))}
	for _, e := range list {
		name := nameOf(e)
		if _, twice := n.of[name]; twice || name == "" {
			return n, false
		}
		n.names = append(n.names, name)
		n.of[name] = e
	}
	return n, true
}

func nameOf(e any) string {
	o, ok := e.(map[string]any)
	if !ok {
		return ""
	}
	for _, member := range []string{"name", "_id", "credentialId", "appID"} {
		switch v := o[member].(type) {
		case string:
			if v != "" {
				return v
			}
		case json.Number:
			return v.String()
		}
	}
	return ""
}

func at(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func same(a, b any) bool {
	x, err := json.Marshal(a)
	y, other := json.Marshal(b)
	if p, ok := a.(notJSON); ok {
		q, ok := b.(notJSON)
		return ok && p == q
	}
	return err == nil && other == nil && bytes.Equal(x, y)
}

// line adds one line, if there is room.
func (d *differ) line(sign, path, value string) {
	if path == "" {
		path = "(all)"
	}
	text := sign + " " + clip(path) + ": " + value + "\n"
	if d.text.Len()+len(text) > maxDiff-len("... and 1000000 more\n") {
		d.left++
		return
	}
	d.text.WriteString(text)
}

// show writes a value without its secrets.
func show(v any, depth int) string {
	if _, ok := v.(notJSON); ok {
		return "(not JSON)"
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(redact(v, depth)); err != nil {
		return "(not shown)"
	}
	return clip(strings.TrimSuffix(b.String(), "\n"))
}

// clip shortens a text to maxValue bytes, at the border of a character.
func clip(s string) string {
	if len(s) <= maxValue {
		return s
	}
	n := maxValue
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "..."
}
