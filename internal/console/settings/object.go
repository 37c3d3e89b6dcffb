package settings

import (
	"bytes"
	"encoding/json"
	"strings"
)

// object is a JSON object whose members keep their order and their text.
type object struct{ members []member }

type member struct {
	name string
	raw  json.RawMessage
}

// readObject splits an object; false for anything else.
func readObject(raw []byte) (object, bool) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return object{}, false
	}
	var o object
	for dec.More() {
		t, err := dec.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return object{}, false
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return object{}, false
		}
		o.members = append(o.members, member{name, value})
	}
	_, err := dec.Token()
	return o, err == nil
}

// readArray splits an array; false for anything else. Null is an empty one.
func readArray(raw []byte) ([]json.RawMessage, bool) {
	var all []json.RawMessage
	err := json.Unmarshal(raw, &all)
	return all, err == nil
}

// get returns a member's value, whatever the case of its name; nil when it isn't there.
func (o *object) get(name string) json.RawMessage {
	for _, m := range o.members {
		if strings.EqualFold(m.name, name) {
			return m.raw
		}
	}
	return nil
}

// has reports whether a member is there, be it null.
func (o *object) has(name string) bool { return o.get(name) != nil }

// text returns a member that is a string; "" for everything else.
func (o *object) text(name string) string {
	var s string
	if err := json.Unmarshal(o.get(name), &s); err != nil {
		return ""
	}
	return s
}

// set gives a member a value, in its place or at the end.
func (o *object) set(name string, raw json.RawMessage) {
	for i, m := range o.members {
		if strings.EqualFold(m.name, name) {
			o.members[i].raw = raw
			return
		}
	}
	o.members = append(o.members, member{name, raw})
}

// remove takes a member out.
func (o *object) remove(name string) {
	kept := o.members[:0:0]
	for _, m := range o.members {
		if !strings.EqualFold(m.name, name) {
			kept = append(kept, m)
		}
	}
	o.members = kept
}

// raw returns the object as JSON.
func (o *object) raw() json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o.members {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(marshal(m.name))
		b.WriteByte(':')
		b.Write(m.raw)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// rawArray returns values as a JSON array.
func rawArray(all []json.RawMessage) json.RawMessage {
	return append(append([]byte{'['}, bytes.Join(asBytes(all), []byte{','})...), ']')
}

func asBytes(all []json.RawMessage) [][]byte {
	out := make([][]byte, len(all))
	for i, raw := range all {
		out[i] = raw
	}
	return out
}

// marshal is json.Marshal without the escapes for web pages, of values that always can be written.
func marshal(value any) json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return json.RawMessage("null")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
