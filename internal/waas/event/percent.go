package event

import "strings"

// percentDecode undoes percent encoding once, and with plus also '+' for space.
// What isn't an encoded byte stays as it is and is a fault. s must be stable: it
// is the result when nothing was encoded.
func (d *decoder) percentDecode(s string, plus bool, p Place, key string) string {
	i := 0
	for i < len(s) && s[i] != '%' && (!plus || s[i] != '+') {
		i++
	}
	if i == len(s) {
		return s
	}
	d.arena.begin(len(s))
	b := d.arena.b
	b.WriteString(s[:i])
	bad := false
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+' && plus:
			b.WriteByte(' ')
		case c == '%':
			v, ok := percentByte(s[i:])
			if !ok {
				bad = true
				b.WriteByte(c)
				continue
			}
			b.WriteByte(v)
			i += 2
		default:
			b.WriteByte(c)
		}
	}
	text := d.arena.end()
	if bad {
		d.fault(PercentEncoding, p, key, "% without two hexadecimal digits")
	}
	return text
}

func percentByte(s string) (byte, bool) {
	if len(s) < 3 {
		return 0, false
	}
	hi, ok := unhex(s[1])
	if !ok {
		return 0, false
	}
	lo, ok := unhex(s[2])
	return hi<<4 | lo, ok
}

// form makes fields of name=value&name=value, in a query or a body. s must be
// stable.
func (d *decoder) form(s string, names, values Place) {
	for s != "" {
		pair, rest, _ := strings.Cut(s, "&")
		s = rest
		if pair == "" {
			continue
		}
		if d.full(names, "") {
			return
		}
		name, value, _ := strings.Cut(pair, "=")
		name = d.percentDecode(name, true, names, "")
		label := d.label(name)
		d.add(names, label, name)
		value = d.percentDecode(value, true, values, label)
		if values == Query && name == "query" && d.graphQL(value, label, Query) {
			continue
		}
		d.add(values, label, value)
	}
}

// encodeQuery appends a name or value to a query that is put together again.
func encodeQuery(b *strings.Builder, s string) {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ':
			b.WriteByte('+')
		case c < ' ', c >= 0x7F, c == '%', c == '&', c == '=', c == '+', c == '#', c == '"', c == '<', c == '>':
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		default:
			b.WriteByte(c)
		}
	}
}
