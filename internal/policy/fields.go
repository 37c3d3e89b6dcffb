package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/autodefend/autodefend"
)

// member is one member of a JSON object.
type member struct {
	name string
	raw  json.RawMessage
}

// kept is what an object had when it was read and its Go type doesn't say: which members were there, by lower-case
// name, and those that mean nothing to us. Writing the object gives them back.
type kept struct {
	present map[string]bool
	unknown []member
}

func (k *kept) keep() *kept { return k }

// walker is a type whose JSON members are listed once, for reading and for writing. It gets keep by embedding kept.
type walker interface {
	walk(f *fields)
	keep() *kept
}

// fields walks the members of one JSON object in one of two directions. Reading finds a member whatever its case, as
// Go's own decoder does; mistakes are collected with the path of the member.
type fields struct {
	path string
	errs *[]error

	// Reading.
	given []member
	used  []bool

	// Writing.
	writing bool
	terse   bool            // only what says something to the Defender
	present map[string]bool // members that were there when it was read: written even when empty
	out     []member
}

// fail records a mistake at a member.
func (f *fields) fail(name, hint, format string, args ...any) {
	*f.errs = append(*f.errs, mistake(joinPath(f.path, name), hint, format, args...))
}

// mistake is an error in a policy, at a path such as rules[0].dns.effect.
func mistake(path, hint, format string, args ...any) error {
	e := autodefend.Errorf(autodefend.CodeInvalid, "%s: %s", path, fmt.Sprintf(format, args...))
	if hint == "" {
		return e
	}
	return e.WithHint("%s", hint)
}

func joinPath(path, name string) string {
	if path == "" || name == "" {
		return path + name
	}
	return path + "." + name
}

// take returns a member's value; nil when it isn't there or is null.
func (f *fields) take(name string) json.RawMessage {
	var found json.RawMessage
	for i, m := range f.given {
		if f.used[i] || !strings.EqualFold(m.name, name) {
			continue
		}
		f.used[i] = true
		if found != nil {
			f.fail(name, "", "is given twice")
		}
		found = m.raw
	}
	if string(found) == "null" {
		return nil
	}
	return found
}

// put writes a member when it says something, or when it was there before.
func (f *fields) put(name string, empty bool, value any) {
	if empty && (f.terse || !f.present[strings.ToLower(name)]) {
		return
	}
	raw, err := marshal(value)
	if err != nil {
		f.fail(name, "", "%s", err)
		return
	}
	f.out = append(f.out, member{name, raw})
}

// marshal is json.Marshal without the escapes for web pages.
func marshal(value any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// value walks one member of a type that encoding/json knows. want says in words what it should be.
func value[T any](f *fields, name, want string, to *T, empty bool) {
	if f.writing {
		f.put(name, empty, *to)
		return
	}
	raw := f.take(name)
	if raw == nil {
		return
	}
	if err := json.Unmarshal(raw, to); err != nil {
		f.fail(name, "", "want %s, have %s", want, excerpt(raw))
	}
}

// excerpt shortens foreign JSON for a message.
func excerpt(raw []byte) string {
	const most = 40
	if len(raw) <= most {
		return string(raw)
	}
	return string(bytes.ToValidUTF8(raw[:most], nil)) + "..."
}

func (f *fields) text(name string, to *string) { value(f, name, "a string", to, *to == "") }

func (f *fields) flag(name string, to *bool) { value(f, name, "true or false", to, !*to) }

func (f *fields) number(name string, to *int) { value(f, name, "a whole number", to, *to == 0) }

func (f *fields) texts(name string, to *[]string) {
	value(f, name, "a list of strings", to, len(*to) == 0)
}

// choice walks a member that is one of a few words, whatever the case of its letters.
func choice[T ~string](f *fields, name, what string, to *T, words ...T) {
	s := string(*to)
	f.text(name, &s)
	if f.writing {
		return
	}
	*to = T(strings.ToLower(s))
	if *to == "" {
		return
	}
	hint := "use one of:"
	for _, w := range words {
		if *to == w {
			return
		}
		hint += " " + string(w)
	}
	f.fail(name, hint, "%q isn't %s", s, what)
}

// effect walks an effect.
func (f *fields) effect(name string, to *autodefend.Effect) {
	choice(f, name, "an effect", to, autodefend.Disable, autodefend.Alert, autodefend.Prevent, autodefend.Block)
}

// object walks a member that is an object. One that says nothing isn't written.
func (f *fields) object(name string, to walker) {
	if f.writing {
		raw := writeObject(to, f.terse, f.errs)
		f.put(name, string(raw) == "{}", raw)
		return
	}
	if raw := f.take(name); raw != nil {
		readObject(joinPath(f.path, name), raw, to, f.errs)
	}
}

// list walks a member that is a list of objects.
func list[T any, P interface {
	*T
	walker
}](f *fields, name string, to *[]T,
) {
	if !f.writing {
		if raw := f.take(name); raw != nil {
			*to = readList[T, P](joinPath(f.path, name), raw, f.errs)
		}
		return
	}
	var raws []json.RawMessage
	if *to != nil {
		raws = make([]json.RawMessage, len(*to))
	}
	for i := range *to {
		raws[i] = writeObject(P(&(*to)[i]), f.terse, f.errs)
	}
	f.put(name, len(raws) == 0, raws)
}

// readList reads a list of objects.
func readList[T any, P interface {
	*T
	walker
}](path string, raw []byte, errs *[]error,
) []T {
	var raws []json.RawMessage
	if err := json.Unmarshal(raw, &raws); err != nil {
		*errs = append(*errs, mistake(path, "", "want a list of objects, have %s", excerpt(raw)))
		return nil
	}
	all := make([]T, len(raws))
	for i, raw := range raws {
		readObject(fmt.Sprintf("%s[%d]", path, i), raw, P(&all[i]), errs)
	}
	return all
}

// readObject reads one object and keeps what its type doesn't know.
func readObject(path string, raw []byte, to walker, errs *[]error) {
	given, ok := members(raw)
	if !ok {
		*errs = append(*errs, mistake(path, "", "want an object, have %s", excerpt(raw)))
		return
	}
	f := fields{path: path, errs: errs, given: given, used: make([]bool, len(given))}
	to.walk(&f)
	k := to.keep()
	*k = kept{present: make(map[string]bool)}
	for i, m := range given {
		if f.used[i] {
			k.present[strings.ToLower(m.name)] = true
			continue
		}
		k.unknown = append(k.unknown, m)
	}
}

// members splits an object, in order.
func members(raw []byte) ([]member, bool) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, false
	}
	var all []member
	for dec.More() {
		t, err := dec.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, false
		}
		var m json.RawMessage
		if err := dec.Decode(&m); err != nil {
			return nil, false
		}
		all = append(all, member{name, m})
	}
	return all, true
}

// writeObject returns the JSON of an object; terse leaves out what is empty and what isn't ours.
func writeObject(from walker, terse bool, errs *[]error) json.RawMessage {
	k := from.keep()
	f := fields{errs: errs, writing: true, terse: terse, present: k.present}
	from.walk(&f)
	if !terse {
		f.out = append(f.out, k.unknown...)
	}
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range f.out {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := marshal(m.name)
		if err != nil {
			*errs = append(*errs, err)
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(m.raw)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// refuseUnknown makes members that nobody took a mistake: in what is our own, a misspelt name must not be lost. page says what
// there is.
func (f *fields) refuseUnknown(page string) {
	for i, m := range f.given {
		if !f.used[i] {
			f.fail(m.name, page+" lists what there is", "there is no such member")
		}
	}
}
