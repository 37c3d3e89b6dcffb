package transform

import "strings"

// urlDecode undoes %XX and makes a space of '+'. What is no valid escape stays.
func urlDecode(s string) string {
	return unescapeURL(s, func(s string, i int) (byte, int) {
		if c, ok := hexByte(s, i+1); ok {
			return c, 3
		}
		return s[i], 1
	})
}

// urlDecodeUni is urlDecode with Microsoft's %uXXXX beside %XX: the character's best ASCII likeness, else its
// low byte.
func urlDecodeUni(s string) string {
	return unescapeURL(s, func(s string, i int) (byte, int) {
		if i+1 < len(s) && s[i+1]|0x20 == 'u' {
			if code, n := hexRun(s, i+2, 4); n == 4 {
				return foldUnicode(code), 6
			}
			return s[i], 1
		}
		if c, ok := hexByte(s, i+1); ok {
			return c, 3
		}
		return s[i], 1
	})
}

// unescapeURL copies s, '+' as a space, and lets escape read what stands at each '%': the byte and how much
// of s it is.
func unescapeURL(s string, escape func(string, int) (byte, int)) string {
	start := strings.IndexAny(s, "%+")
	if start < 0 {
		return s
	}
	out := make([]byte, start, len(s))
	copy(out, s[:start])
	changed := false
	for i := start; i < len(s); {
		c, size := s[i], 1
		switch c {
		case '+':
			c, changed = ' ', true
		case '%':
			c, size = escape(s, i)
			changed = changed || size > 1
		}
		out = append(out, c)
		i += size
	}
	if !changed {
		return s
	}
	return string(out)
}

// utf8ToUnicode writes every character beyond ASCII as %uXXXX (more digits where it needs them); bytes that
// are no character are %ufffd.
func utf8ToUnicode(s string) string {
	start := 0
	for start < len(s) && s[start] < 0x80 {
		start++
	}
	if start == len(s) {
		return s
	}
	const digits = "0123456789abcdef"
	out := make([]byte, start, len(s)*2)
	copy(out, s[:start])
	for _, r := range s[start:] {
		if r < 0x80 {
			out = append(out, byte(r))
			continue
		}
		out = append(out, '%', 'u')
		shift := 12
		for r>>(shift+4) != 0 {
			shift += 4
		}
		for ; shift >= 0; shift -= 4 {
			out = append(out, digits[r>>shift&0xf])
		}
	}
	return string(out)
}
