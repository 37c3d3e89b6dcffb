package transform

import (
	"strings"
	"unicode/utf8"
)

// cssDecode undoes CSS escapes: a backslash with up to six hexadecimal digits is a character (and eats one
// white space behind it), a backslash before a line end is nothing, before anything else it just goes.
func cssDecode(s string) string {
	start := strings.IndexByte(s, '\\')
	if start < 0 {
		return s
	}
	out := make([]byte, start, len(s))
	copy(out, s[:start])
	for i := start; i < len(s); {
		if s[i] != '\\' {
			out = append(out, s[i])
			i++
			continue
		}
		i++
		if i == len(s) {
			break
		}
		code, digits := hexRun(s, i, 6)
		switch {
		case digits > 0:
			out = utf8.AppendRune(out, cssRune(code))
			i += digits
			if i < len(s) && (s[i] == ' ' || s[i] >= '\t' && s[i] <= '\r') {
				i++
			}
		case s[i] == '\n':
			i++
		default:
			out = append(out, s[i])
			i++
		}
	}
	return string(out)
}

// cssRune resolves an escaped code point: none for zero, plain ASCII for its full-width twins.
func cssRune(code rune) rune {
	switch {
	case code == 0:
		return utf8.RuneError
	case code >= 0xff01 && code <= 0xff5e:
		return code - 0xfee0
	default:
		return code
	}
}
