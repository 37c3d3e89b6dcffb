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
		switch c := s[i]; c {
		case '"', '\'', '\\', '^', ',', ';', '\t', '\r', '\n':
			return i
		case ' ':
			if i+1 < len(s) && (s[i+1] == ' ' || s[i+1] == '/' || s[i+1] == '(' || s[i+1] < ' ' || s[i+1] == ',' || s[i+1] == ';') {
				return i
			}
			// A quote after the space may bring a slash next to it: that quote is found by itself, but the
			// copy has to begin at this space.
			if i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\'' || s[i+1] == '\\' || s[i+1] == '^') {
				return i
			}
		default:
			if c >= 'A' && c <= 'Z' {
				return i
			}
		}
	}
	return -1
}
