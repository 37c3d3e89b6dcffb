package transform

import "strings"

// escapeSeqDecode undoes the escapes of C: \n, \x41, \101. A backslash before anything else goes, a last lone
// one stays. Octal values above 0377 keep their low byte.
func escapeSeqDecode(s string) string {
	start := strings.IndexByte(s, '\\')
	if start < 0 || start == len(s)-1 {
		return s
	}
	out := make([]byte, start, len(s))
	copy(out, s[:start])
	for i := start; i < len(s); {
		if s[i] != '\\' || i+1 == len(s) {
			out = append(out, s[i])
			i++
			continue
		}
		c, size := escapeSeq(s, i+1)
		out = append(out, c)
		i += 1 + size
	}
	return string(out)
}

// escapeSeq reads what follows the backslash at i-1: its byte and its length.
func escapeSeq(s string, i int) (byte, int) {
	if s[i] == 'x' || s[i] == 'X' {
		if c, ok := hexByte(s, i+1); ok {
			return c, 3
		}
	}
	if octal(s[i]) {
		value, n := octalRun(s, i)
		return byte(value), n
	}
	return controlEscape(s[i]), 1
}

// octalRun reads one to three octal digits at i.
func octalRun(s string, i int) (int, int) {
	value, n := 0, 0
	for n < 3 && i+n < len(s) && octal(s[i+n]) {
		value = value<<3 | int(s[i+n]-'0')
		n++
	}
	return value, n
}

// controlEscape gives the control byte a letter stands for after a backslash; others stand for themselves.
func controlEscape(c byte) byte {
	switch c {
	case 'a':
		return '\a'
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'v':
		return '\v'
	default:
		return c
	}
}

// jsDecode undoes the escapes of JavaScript: \u0041, \u{41}, \x41, \101, \n. Code points keep only their low
// byte, full-width ASCII becomes plain, a backslash before anything else goes and a last lone one stays.
func jsDecode(s string) string {
	start := strings.IndexByte(s, '\\')
	if start < 0 || start == len(s)-1 {
		return s
	}
	out := make([]byte, start, len(s))
	copy(out, s[:start])
	for i := start; i < len(s); {
		if s[i] != '\\' || i+1 == len(s) {
			out = append(out, s[i])
			i++
			continue
		}
		c, size := jsEscape(s, i+1)
		out = append(out, c)
		i += 1 + size
	}
	return string(out)
}

// jsEscape reads what follows the backslash at i-1: its byte and its length.
func jsEscape(s string, i int) (byte, int) {
	switch c := s[i]; {
	case c == 'u':
		if b, size := jsUnicode(s, i+1); size > 0 {
			return b, 1 + size
		}
	case c == 'x':
		if b, ok := hexByte(s, i+1); ok {
			return b, 3
		}
	case octal(c):
		value, n := octalRun(s, i)
		if value > 0o377 { // a third digit only while the value fits a byte
			value, n = value>>3, 2
		}
		return byte(value), n
	}
	return controlEscape(s[i]), 1
}

// jsUnicode reads "{H…H}" or "HHHH" at i; length 0 means it is neither.
func jsUnicode(s string, i int) (byte, int) {
	if i < len(s) && s[i] == '{' {
		code, n := hexRun(s, i+1, 6)
		if n == 0 || i+1+n >= len(s) || s[i+1+n] != '}' {
			return 0, 0
		}
		if code >= 0xff01 && code <= 0xff5e {
			code += 0x20
		}
		return byte(code), n + 2
	}
	code, n := hexRun(s, i, 4)
	if n < 4 {
		return 0, 0
	}
	if code >= 0xff01 && code < 0xff5f {
		code += 0x20
	}
	return byte(code), 4
}
