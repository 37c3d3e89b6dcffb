package event

import (
	"strconv"
	"strings"
)

// maxDepth bounds Limits.Depth: the walker calls itself for each level.
const maxDepth = 1000

// scope says what the strings of a JSON document become.
type scope struct {
	names, values Place
	prefix        string // what the document is: "" or the first part of each Field.Name
	envelopes     int    // how many more documents in a string leaf are opened
}

// outcome is how far a document could be read.
type outcome uint8

const (
	readWhole  outcome = iota
	readPart           // it ends early because it was cut, or a limit was reached
	readBroken         // it is no JSON
)

// walker reads one JSON document strictly and turns its leaves into fields:
// strings and numbers, and the name of each member. Everything read before an
// error is kept.
type walker struct {
	*decoder
	scope
	doc    string
	pos    int
	stable bool // doc lives as long as the Event
	loose  bool // a string had what strict parsers refuse
	open   bool // doc was cut, it may end anywhere
}

// walk makes fields of a JSON document, or of several one after the other as
// in lines of JSON. The outcome is that of the first that fails.
func (d *decoder) walk(doc string, sc scope, stable, cut bool) outcome {
	outer := d.path
	d.path = outer[len(outer):]
	w := walker{decoder: d, scope: sc, doc: doc, stable: stable, open: cut}
	result := w.documents()
	d.path = outer
	return result
}

func (w *walker) documents() outcome {
	for n := 0; ; n++ {
		w.space()
		if w.pos >= len(w.doc) {
			if n == 0 && !w.open {
				return readBroken
			}
			break
		}
		if n > 0 && !isObject(w.doc[w.pos:]) && !isArray(w.doc[w.pos:]) {
			return readBroken
		}
		if !w.value(1, "") {
			return w.failure()
		}
	}
	if w.loose {
		return readBroken
	}
	return readWhole
}

// failure says why a document couldn't be read to its end.
func (w *walker) failure() outcome {
	if w.exhausted() || w.open && w.pos >= len(w.doc) {
		return readPart
	}
	return readBroken
}

func (w *walker) exhausted() bool { return w.left <= 0 || len(w.Fields) >= w.lim.Count }

func (w *walker) space() { w.pos = skipSpace(w.doc, w.pos) }

func (w *walker) eat(c byte) bool {
	if w.pos < len(w.doc) && w.doc[w.pos] == c {
		w.pos++
		return true
	}
	return false
}

// value reads the value at pos; key is the member's it belongs to.
func (w *walker) value(depth int, key string) bool {
	w.space()
	if w.pos >= len(w.doc) {
		return false
	}
	switch c := w.doc[w.pos]; {
	case c == '"':
		return w.stringLeaf(key)
	case c == '{' || c == '[':
		if depth > w.lim.Depth {
			return w.tooDeep()
		}
		if c == '{' {
			return w.object(depth)
		}
		return w.array(depth, key)
	case c == '-' || '0' <= c && c <= '9':
		return w.number()
	}
	return w.word()
}

func (w *walker) object(depth int) bool {
	w.pos++
	w.space()
	if w.eat('}') {
		return true
	}
	base := len(w.path)
	for {
		w.space()
		raw, ok := w.quoted()
		if !ok {
			return false
		}
		key := w.string(raw)
		w.segment(key)
		name := w.name()
		if w.full(w.names, name) {
			return false
		}
		w.add(w.names, name, key)
		w.space()
		if !w.eat(':') || !w.value(depth+1, key) {
			return false
		}
		w.path = w.path[:base]
		w.space()
		if !w.eat(',') {
			return w.eat('}')
		}
	}
}

// array gives its elements the key of the member it is the value of.
func (w *walker) array(depth int, key string) bool {
	w.pos++
	w.space()
	if w.eat(']') {
		return true
	}
	base := len(w.path)
	for i := 0; ; i++ {
		w.path = append(w.path, '/')
		w.path = strconv.AppendInt(w.path, int64(i), 10)
		if !w.value(depth+1, key) {
			return false
		}
		w.path = w.path[:base]
		w.space()
		if !w.eat(',') {
			return w.eat(']')
		}
	}
}

// quoted steps over a string and gives what is between its quotes. Where the
// document was cut inside, that is the rest.
func (w *walker) quoted() (string, bool) {
	if w.pos >= len(w.doc) || w.doc[w.pos] != '"' {
		return "", false
	}
	from := w.pos + 1
	for i := from; i < len(w.doc); i++ {
		switch c := w.doc[i]; {
		case c == '"':
			w.pos = i + 1
			return w.doc[from:i], true
		case c == '\\':
			i++
		case c < ' ':
			w.loose = true
		}
	}
	w.pos = len(w.doc)
	return w.doc[from:], w.open
}

// string gives the text of a raw string.
func (w *walker) string(raw string) string {
	s, faults := w.unquote(raw, w.left+1, w.stable)
	if faults&badEscape != 0 && !w.open {
		w.loose = true
	}
	if faults&loneSurrogate != 0 {
		w.fault(UTF8, w.values, w.name(), "half of a surrogate pair")
	}
	return s
}

func (w *walker) stringLeaf(key string) bool {
	raw, ok := w.quoted()
	if !ok {
		return false
	}
	name := w.name()
	if w.full(w.values, name) {
		return false
	}
	w.leaf(key, name, w.string(raw))
	return true
}

// leaf adds a string, or what's in it where the kind of document says that it
// holds another.
func (w *walker) leaf(key, name, value string) {
	switch {
	case w.envelopes > 0 && w.nested(key, name, value):
	case key == "query" && w.values == JSON && w.graphQL(value, name, JSON):
	default:
		w.add(w.values, name, value)
	}
}

// number adds a number as it is written.
func (w *walker) number() bool {
	from := w.pos
	for w.pos < len(w.doc) && !isDelimiter(w.doc[w.pos]) {
		w.pos++
	}
	raw := w.doc[from:w.pos]
	if !isNumber(raw) {
		w.pos = from
		return false
	}
	name := w.name()
	if w.full(w.values, name) {
		return false
	}
	if !w.stable {
		raw = w.arena.copy(raw[:min(len(raw), w.left+1)])
	}
	w.add(w.values, name, raw)
	return true
}

// isNumber says whether s is a number as JSON writes it.
func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	end := skipDigits(s, 0)
	if end == 0 || s[0] == '0' && end > 1 {
		return false
	}
	s = s[end:]
	if strings.HasPrefix(s, ".") {
		if end = skipDigits(s, 1); end == 1 {
			return false
		}
		s = s[end:]
	}
	if s == "" {
		return true
	}
	if s[0] != 'e' && s[0] != 'E' {
		return false
	}
	s = s[1:]
	if s != "" && (s[0] == '+' || s[0] == '-') {
		s = s[1:]
	}
	return s != "" && skipDigits(s, 0) == len(s)
}

func skipDigits(s string, i int) int {
	for i < len(s) && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	return i
}

// word steps over true, false and null.
func (w *walker) word() bool {
	for _, word := range [...]string{"true", "false", "null"} {
		rest := w.doc[w.pos:]
		if len(rest) >= len(word) && rest[:len(word)] == word {
			w.pos += len(word)
			return true
		}
		if w.open && word[:min(len(word), len(rest))] == rest {
			w.pos = len(w.doc)
			return false
		}
	}
	return false
}

// tooDeep makes one text of all that is nested too deep.
func (w *walker) tooDeep() bool {
	end, ok := skipNested(w.doc, w.pos)
	if !ok && !w.open {
		return false
	}
	name := w.name()
	w.exceed(LimitDepth, w.values, name)
	raw := w.doc[w.pos:end]
	w.pos = end
	if !w.stable {
		raw = w.arena.copy(raw[:min(len(raw), w.left+1)])
	}
	w.add(w.values, name, raw)
	return ok
}

// segment extends the path by a member's name, escaped as in a JSON pointer. As
// no name is longer than maxName, neither is what it adds.
func (d *decoder) segment(key string) {
	d.path = append(d.path, '/')
	for i := 0; i < len(key) && i <= maxName; i++ {
		switch c := key[i]; c {
		case '/':
			d.path = append(d.path, '~', '1')
		case '~':
			d.path = append(d.path, '~', '0')
		default:
			d.path = append(d.path, c)
		}
	}
}

// name is the Field.Name of the value at hand.
func (w *walker) name() string { return w.pathName(w.prefix) }

// pathName is prefix and path as a name. Names have a budget of their own: a
// document can have many long ones although it is short.
func (d *decoder) pathName(prefix string) string {
	const cut = "…"
	size := min(len(prefix)+len(d.path), maxName)
	if size > d.nameBytes {
		return cut
	}
	d.nameBytes -= size
	d.arena.begin(size)
	if len(prefix)+len(d.path) <= maxName {
		d.arena.b.WriteString(prefix)
		d.arena.b.Write(d.path)
		return d.arena.end()
	}
	room := maxName - len(cut)
	d.arena.b.WriteString(prefix[:min(len(prefix), room)])
	room -= d.arena.size()
	d.arena.b.Write(d.path[:min(len(d.path), room)])
	return d.arena.copy(whole(d.arena.end()) + cut)
}
