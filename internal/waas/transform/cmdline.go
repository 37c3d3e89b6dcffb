package transform

// cmdLine undoes what shells ignore: quotes, backslashes and carets go; runs of white space, commas and
// semicolons become one space; a space before "/" or "(" goes; ASCII letters become small.
func cmdLine(s string) string {
	start := cmdLineStart(s)
	if start < 0 {
		return s
	}
	out := make([]byte, start, len(s))
	copy(out, s[:start])
	changed, space := false, false
	for i := start; i < len(s); i++ {
		c := s[i]
		switch c {
		case '"', '\'', '\\', '^':
			changed = true
		case ' ', ',', ';', '\t', '\r', '\n':
			changed = changed || space || c != ' '
			if !space {
				out = append(out, ' ')
			}
			space = true
		case '/', '(':
			if space {
				out = out[:len(out)-1]
				changed = true
			}
			out = append(out, c)
			space = false
		default:
			if c >= 'A' && c <= 'Z' {
				c += 'a' - 'A'
				changed = true
			}
			out = append(out, c)
			space = false
		}
	}
	if !changed {
		return s
	}
	return string(out)
}

// cmdLineStart finds the first byte that can change: a "/" or a single space only changes with a neighbour,
// so those in a row of ordinary words cost no copy when nothing else does.
func cmdLineStart(s string) int {
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ':
			// A quote behind the space goes, and may bring a slash next to it.
			if i+1 < len(s) && (cmdLineGoes(s[i+1]) || cmdLineSpace(s[i+1]) || s[i+1] == '/' || s[i+1] == '(') {
				return i
			}
		case c >= 'A' && c <= 'Z', cmdLineGoes(c), cmdLineSpace(c):
			return i
		}
	}
	return -1
}

// cmdLineGoes says whether cmdLine drops a byte.
func cmdLineGoes(c byte) bool { return c == '"' || c == '\'' || c == '\\' || c == '^' }

// cmdLineSpace says whether a byte is one that cmdLine takes for a space.
func cmdLineSpace(c byte) bool {
	return c == ' ' || c == ',' || c == ';' || c == '\t' || c == '\r' || c == '\n'
}
