package event

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// escapeFault is what can be wrong in a JSON string. The text is read anyway.
type escapeFault uint8

const (
	badEscape escapeFault = 1 << iota
	loneSurrogate
	rawControl
)

// unquote gives the text of a JSON string, raw between its quotes, and makes at
// most limit bytes (and what's left of a character) of it. A stable raw
// string that needs no change is returned as it is; others are copied.
// What isn't an escape stays as it stands, a lone surrogate is U+FFFD.
func (d *decoder) unquote(raw string, limit int, stable bool) (string, escapeFault) {
	i := strings.IndexByte(raw, '\\')
	if i < 0 || i >= limit {
		raw = raw[:min(len(raw), limit)]
		if stable {
			return raw, 0
		}
		return d.arena.copy(raw), 0
	}
	d.arena.begin(min(len(raw), limit+utf8.UTFMax))
	b := d.arena.b
	var faults escapeFault
	for i >= 0 && d.arena.size()+i < limit {
		b.WriteString(raw[:i])
		r, size, fault := escape(raw[i:])
		faults |= fault
		if fault&badEscape != 0 {
			b.WriteString(raw[i : i+size])
		} else {
			b.WriteRune(r)
		}
		raw = raw[i+size:]
		i = strings.IndexByte(raw, '\\')
	}
	room := max(limit-d.arena.size(), 0)
	b.WriteString(raw[:min(len(raw), room)])
	return d.arena.end(), faults
}

// escape reads the escape at the start of s, which is a backslash.
func escape(s string) (rune, int, escapeFault) {
	if len(s) < 2 {
		return 0, len(s), badEscape
	}
	switch c := s[1]; c {
	case '"', '\\', '/':
		return rune(c), 2, 0
	case 'n':
		return '\n', 2, 0
	case 't':
		return '\t', 2, 0
	case 'r':
		return '\r', 2, 0
	case 'b':
		return '\b', 2, 0
	case 'f':
		return '\f', 2, 0
	case 'u':
		return unicodeEscape(s)
	}
	return 0, 2, badEscape
}

// unicodeEscape reads \uXXXX, or a pair of them.
func unicodeEscape(s string) (rune, int, escapeFault) {
	r, ok := hex4(s)
	if !ok {
		return 0, 2, badEscape
	}
	if !utf16.IsSurrogate(r) {
		return r, 6, 0
	}
	if low, ok := hex4(s[6:]); ok {
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, 12, 0
		}
	}
	return utf8.RuneError, 6, loneSurrogate
}

// hex4 reads the number of \uXXXX.
func hex4(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	var r rune
	for i := 2; i < 6; i++ {
		v, ok := unhex(s[i])
		if !ok {
			return 0, false
		}
		r = r<<4 | rune(v)
	}
	return r, true
}

func unhex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
