package event

import (
	"strings"
	"unicode/utf8"
)

// maxName is how long a Field.Name may be.
const maxName = 256

// decoder collects what one event gives.
type decoder struct {
	Event
	lim       Limits
	left      int // of TotalBytes
	nameBytes int // bytes that names of JSON values and XML elements may still have
	unpacked  int // of Limits.Unpacked
	record    int
	cut       bool // something was cut: the rest of the record needs no syntax
	arena     arena
	path      []byte // of the JSON value or XML element at hand
}

func newDecoder(size int, l Limits) *decoder {
	l = l.orDefaults()
	d := &decoder{lim: l, left: l.TotalBytes, nameBytes: 2 * l.TotalBytes, unpacked: l.Unpacked, record: -1}
	d.arena.chunk = min(max(2*size, firstChunk), lastChunk)
	d.Fields = make([]Field, 0, min(max(size/12, 16), 512, l.Count))
	return d
}

// orDefaults fills in what isn't set and keeps the rest far from overflow: no
// event is larger than some megabytes.
func (l Limits) orDefaults() Limits {
	const largest = 1 << 28
	standard := DefaultLimits()
	for _, f := range [...]struct {
		limit    *int
		standard int
	}{
		{&l.BodyBytes, standard.BodyBytes},
		{&l.TotalBytes, standard.TotalBytes},
		{&l.Depth, standard.Depth},
		{&l.Count, standard.Count},
		{&l.Unpacked, standard.Unpacked},
	} {
		if *f.limit <= 0 {
			*f.limit = f.standard
		}
		*f.limit = min(*f.limit, largest)
	}
	l.Depth = min(l.Depth, maxDepth)
	return l
}

// add makes a text a Field, as far as the limits allow. Both strings must be
// independent of Decode's data.
func (d *decoder) add(p Place, name, value string) {
	if len(d.Fields) >= d.lim.Count {
		d.exceed(LimitCount, p, name)
		return
	}
	if len(value) > d.left {
		d.exceed(LimitTotalBytes, p, name)
		value = whole(value[:d.left])
		if value == "" {
			return
		}
	}
	d.left -= len(value)
	d.check(p, name, value)
	d.Fields = append(d.Fields, Field{Place: p, Name: name, Value: value, Record: d.record})
}

// pair adds a name and its value.
func (d *decoder) pair(names, values Place, name, value string) {
	label := d.label(name)
	d.add(names, label, name)
	d.add(values, label, value)
}

// full says whether nothing can be added any more, and reports it.
func (d *decoder) full(p Place, name string) bool {
	switch {
	case d.left <= 0:
		d.exceed(LimitTotalBytes, p, name)
	case len(d.Fields) >= d.lim.Count:
		d.exceed(LimitCount, p, name)
	default:
		return false
	}
	return true
}

// label cuts a name to what Field.Name may have.
func (d *decoder) label(name string) string {
	if len(name) <= maxName {
		return name
	}
	d.arena.begin(maxName + 8)
	d.arena.b.WriteString(whole(name[:maxName-len("…")]))
	d.arena.b.WriteString("…")
	return d.arena.end()
}

// whole takes the bytes of a character that was cut in two off the end.
func whole(s string) string {
	for i := len(s) - 1; i >= 0 && i > len(s)-utf8.UTFMax; i-- {
		if utf8.RuneStart(s[i]) {
			if !utf8.FullRuneInString(s[i:]) {
				return s[:i]
			}
			break
		}
	}
	return s
}

// exceed reports a limit, once for each place of a record.
func (d *decoder) exceed(l Limit, p Place, key string) {
	for i := len(d.Exceeded) - 1; i >= 0 && d.Exceeded[i].Record == d.record; i-- {
		if d.Exceeded[i].Limit == l && d.Exceeded[i].Place == p {
			return
		}
	}
	d.Exceeded = append(d.Exceeded, Exceeded{Limit: l, Max: d.lim.of(l), Place: p, Key: key, Record: d.record})
}

func (l Limits) of(name Limit) int {
	switch name {
	case LimitBodyBytes:
		return l.BodyBytes
	case LimitTotalBytes:
		return l.TotalBytes
	case LimitDepth:
		return l.Depth
	case LimitCount:
		return l.Count
	case LimitUnpacked:
		return l.Unpacked
	}
	return 0
}

// fault reports something malformed, once for each kind and place of a record.
func (d *decoder) fault(k FaultKind, p Place, key, detail string) {
	for i := len(d.Faults) - 1; i >= 0 && d.Faults[i].Record == d.record; i-- {
		if d.Faults[i].Kind == k && d.Faults[i].Place == p {
			return
		}
	}
	d.Faults = append(d.Faults, Fault{Kind: k, Place: p, Key: key, Detail: detail, Record: d.record})
}

// check looks for bytes that have no business in a text.
func (d *decoder) check(p Place, name, s string) {
	i := 0
	for i < len(s) && s[i] >= ' ' && s[i] < 0x7F {
		i++
	}
	if i == len(s) {
		return
	}
	s = s[i:]
	if !utf8.ValidString(s) {
		d.fault(UTF8, p, name, "bytes that are not UTF-8")
	}
	for j := range len(s) {
		if c := s[j]; (c < ' ' || c == 0x7F) && !allowed(p, c) {
			d.fault(ControlBytes, p, name, controlName(c))
			return
		}
	}
}

// allowed says whether a control byte is ordinary in a place: lines in what
// people write, form feeds and vertical tabs in what they paste, colours in logs.
func allowed(p Place, c byte) bool {
	switch p {
	case Message, MessageName, Body, JSON, Multipart, Form, XML:
		return c != 0
	case Query, XMLAttribute:
		return '\t' <= c && c <= '\r'
	case Header, PartHeader, Cookie:
		return c == '\t'
	}
	return false
}

func controlName(c byte) string {
	if c == 0 {
		return "a NUL byte"
	}
	return "control byte 0x" + string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15])
}

// mark remembers a state to go back to when a guess about a text was wrong.
type mark struct{ fields, faults, exceeded, left int }

func (d *decoder) mark() mark {
	return mark{len(d.Fields), len(d.Faults), len(d.Exceeded), d.left}
}

func (d *decoder) reset(m mark) {
	d.Fields = d.Fields[:m.fields]
	d.Faults = d.Faults[:m.faults]
	d.Exceeded = d.Exceeded[:m.exceeded]
	d.left = m.left
}

// limitBody cuts a text to Limits.BodyBytes.
func (d *decoder) limitBody(p Place, name, s string) string {
	if len(s) <= d.lim.BodyBytes {
		return s
	}
	d.exceed(LimitBodyBytes, p, name)
	d.cut = true
	return whole(s[:d.lim.BodyBytes])
}

// text gives the string of a raw JSON value that AWS wrote; numbers and words as
// they stand, objects and arrays as their text. At most limit bytes are made.
func (d *decoder) text(raw string, limit int) string {
	if !isString(raw) {
		return d.arena.copy(raw[:min(len(raw), limit)])
	}
	s, _ := d.unquote(plain(raw), limit, false)
	return s
}

// meta gives the string a member has, for the audit: short, never a Field.
func (d *decoder) meta(o object, key string) string {
	const longest = 4 << 10
	raw := o.get(key)
	if !isString(raw) {
		return ""
	}
	return d.text(raw, longest)
}

// join gives a+sep+b as one string.
func (d *decoder) join(a, sep, b string) string {
	d.arena.begin(len(a) + len(sep) + len(b))
	d.arena.b.WriteString(a)
	d.arena.b.WriteString(sep)
	d.arena.b.WriteString(b)
	return d.arena.end()
}

// hasPrefixFold is strings.HasPrefix without regard to ASCII case.
func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
