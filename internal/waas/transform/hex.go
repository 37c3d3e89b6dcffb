package transform

// nibble gives the value of a hexadecimal digit, or false for any other byte.
func nibble(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	default:
		return 0, false
	}
}

// hexByte reads two hexadecimal digits at i.
func hexByte(s string, i int) (byte, bool) {
	if i+1 >= len(s) {
		return 0, false
	}
	high, ok := nibble(s[i])
	if !ok {
		return 0, false
	}
	low, ok := nibble(s[i+1])
	return high<<4 | low, ok
}

// hexRun reads up to most hexadecimal digits at i and says how many there were.
func hexRun(s string, i, most int) (rune, int) {
	code, n := rune(0), 0
	for n < most && i+n < len(s) {
		digit, ok := nibble(s[i+n])
		if !ok {
			break
		}
		code = code<<4 | rune(digit)
		n++
	}
	return code, n
}

func octal(c byte) bool { return c >= '0' && c <= '7' }
