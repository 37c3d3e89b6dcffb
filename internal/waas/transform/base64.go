package transform

// base64Decode decodes as far as it can: up to the first byte outside the alphabet, padding or a space. Line
// ends are skipped, padding is not needed, and a last lone digit is dropped.
func base64Decode(s string) string {
	if s == "" {
		return s
	}
	out := make([]byte, 0, len(s)*3/4+3)
	bits, n := uint32(0), 0
	for i := range len(s) {
		if s[i] == '\r' || s[i] == '\n' {
			continue
		}
		digit, ok := base64Digit(s[i])
		if !ok {
			break
		}
		bits = bits<<6 | uint32(digit)
		n++
		if n == 4 {
			out = append(out, byte(bits>>16), byte(bits>>8), byte(bits))
			bits, n = 0, 0
		}
	}
	switch n {
	case 2:
		out = append(out, byte(bits>>4))
	case 3:
		out = append(out, byte(bits>>10), byte(bits>>2))
	}
	return string(out)
}

func base64Digit(c byte) (byte, bool) {
	switch {
	case c >= 'A' && c <= 'Z':
		return c - 'A', true
	case c >= 'a' && c <= 'z':
		return c - 'a' + 26, true
	case c >= '0' && c <= '9':
		return c - '0' + 52, true
	case c == '+':
		return 62, true
	case c == '/':
		return 63, true
	default:
		return 0, false
	}
}
