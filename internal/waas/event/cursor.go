package event

import "strings"

// cursor goes over the members of an object or the elements of an array whose
// text it has, without looking into them. It is meant for what AWS made: it
// checks no more than it needs to find the next member.
type cursor struct {
	doc string
	pos int
	key string // raw, between the quotes; "" in arrays
	val string // raw text of the value
	arr bool
	bad bool // what follows is no JSON
}

// over starts at an object or array; with anything else there is no next.
func over(doc string) cursor {
	c := cursor{doc: doc}
	c.space()
	if c.pos >= len(doc) || doc[c.pos] != '{' && doc[c.pos] != '[' {
		c.bad = true
		c.pos = len(doc)
		return c
	}
	c.arr = doc[c.pos] == '['
	c.pos++
	return c
}

// next steps to the next member and reports whether there is one.
func (c *cursor) next() bool {
	c.space()
	if c.pos >= len(c.doc) {
		return c.stop()
	}
	switch c.doc[c.pos] {
	case '}', ']':
		if (c.doc[c.pos] == ']') != c.arr {
			return c.stop()
		}
		c.pos = len(c.doc)
		return false
	case ',':
		c.pos++
		c.space()
	}
	if !c.arr && !c.member() {
		return c.stop()
	}
	c.space()
	end, ok := skipValue(c.doc, c.pos)
	if !ok {
		return c.stop()
	}
	c.val, c.pos = c.doc[c.pos:end], end
	return true
}

// member reads a key and its colon.
func (c *cursor) member() bool {
	if c.pos >= len(c.doc) || c.doc[c.pos] != '"' {
		return false
	}
	end, ok := skipString(c.doc, c.pos)
	if !ok {
		return false
	}
	c.key, c.pos = c.doc[c.pos+1:end-1], end
	c.space()
	if c.pos >= len(c.doc) || c.doc[c.pos] != ':' {
		return false
	}
	c.pos++
	return true
}

func (c *cursor) stop() bool {
	c.bad = true
	c.pos = len(c.doc)
	return false
}

func (c *cursor) space() { c.pos = skipSpace(c.doc, c.pos) }

func skipSpace(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\n' || s[i] == '\t' || s[i] == '\r') {
		i++
	}
	return i
}

// skipString gives the index after the string that starts at i.
func skipString(s string, i int) (int, bool) {
	from := i + 1
	for i = from; ; i++ {
		n := strings.IndexByte(s[i:], '"')
		if n < 0 {
			return len(s), false
		}
		i += n
		if !isEscaped(s[from:i]) {
			return i + 1, true
		}
	}
}

// isEscaped says whether what follows s in a string is escaped: by an odd number
// of backslashes.
func isEscaped(s string) bool {
	n := len(s)
	for n > 0 && s[n-1] == '\\' {
		n--
	}
	return (len(s)-n)%2 == 1
}

// skipValue gives the index after the value that starts at i. Brackets are
// counted, not matched by kind.
func skipValue(s string, i int) (int, bool) {
	if i >= len(s) {
		return i, false
	}
	switch s[i] {
	case '"':
		return skipString(s, i)
	case '{', '[':
		return skipNested(s, i)
	}
	from := i
	for i < len(s) && !isDelimiter(s[i]) {
		i++
	}
	return i, i > from
}

func skipNested(s string, i int) (int, bool) {
	depth := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case '"':
			end, ok := skipString(s, i)
			if !ok {
				return end, false
			}
			i = end - 1
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			if depth == 0 {
				return i + 1, true
			}
		}
	}
	return len(s), false
}

// isDelimiter says whether c ends a number or a word.
func isDelimiter(c byte) bool {
	switch c {
	case ',', '}', ']', ':', '"', '{', '[', ' ', '\n', '\t', '\r':
		return true
	}
	return false
}

// member is a member of an object: its raw key and the raw text of its value.
type member struct{ key, val string }

// object is an object whose members are looked up by name.
type object []member

// maxMembers is how many members of an object are looked at to recognise it. No
// trigger has half as many.
const maxMembers = 64

// open reads the members of an object, at most maxMembers. Anything else, and an
// object that breaks off, gives an empty one.
func open(doc string) object {
	c := over(doc)
	if c.arr {
		return nil
	}
	var o object
	for len(o) < maxMembers && c.next() {
		if o == nil {
			o = make(object, 0, 16)
		}
		o = append(o, member{c.key, c.val})
	}
	if c.bad {
		return nil
	}
	return o
}

// get gives the raw text of a member, "" when there is none or it is null.
// Of several the last counts, as in JSON.parse.
func (o object) get(key string) string {
	for i := len(o) - 1; i >= 0; i-- {
		if o[i].key == key {
			if o[i].val == "null" {
				return ""
			}
			return o[i].val
		}
	}
	return ""
}

// has says whether there is such a member, null or not.
func (o object) has(key string) bool {
	for i := range o {
		if o[i].key == key {
			return true
		}
	}
	return false
}

// within gives the object that is a member's value.
func (o object) within(key string) object { return open(o.get(key)) }

// plain gives the string a member has, raw between its quotes: fit for comparing
// with what AWS writes, which needs no escapes. "" when it is no string.
func (o object) plain(key string) string { return plain(o.get(key)) }

func plain(raw string) string {
	if len(raw) < 2 || raw[0] != '"' {
		return ""
	}
	return raw[1 : len(raw)-1]
}

// isObject and isArray judge by the first byte.
func isObject(raw string) bool { return raw != "" && raw[0] == '{' }
func isArray(raw string) bool  { return raw != "" && raw[0] == '[' }
func isString(raw string) bool { return raw != "" && raw[0] == '"' }

// first gives the raw text of an array's first element, or of an object's.
func first(raw string) string {
	c := over(raw)
	if !c.next() {
		return ""
	}
	return c.val
}
