package transform

import "strings"

// removeCommentsChar drops the marks of comments and keeps what stands between them:
// /* */ <!-- --> -- #.
func removeCommentsChar(s string) string {
	start := 0
	for start < len(s) && commentMark(s, start) == 0 {
		start++
	}
	if start == len(s) {
		return s
	}
	out := make([]byte, start, len(s))
	copy(out, s[:start])
	for i := start; i < len(s); {
		if n := commentMark(s, i); n > 0 {
			i += n
			continue
		}
		out = append(out, s[i])
		i++
	}
	return string(out)
}

// commentMark gives the length of the mark at i, 0 where there is none.
func commentMark(s string, i int) int {
	switch s[i] {
	case '#':
		return 1
	case '/', '*', '<', '-':
	default:
		return 0
	}
	switch rest := s[i:]; {
	case strings.HasPrefix(rest, "/*"), strings.HasPrefix(rest, "*/"):
		return 2
	case strings.HasPrefix(rest, "<!--"):
		return 4
	case strings.HasPrefix(rest, "-->"):
		return 3
	case strings.HasPrefix(rest, "--"):
		return 2
	default:
		return 0
	}
}

// replaceComments makes one space of every /* comment */, of an open one too.
func replaceComments(s string) string {
	start := strings.Index(s, "/*")
	if start < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for start >= 0 {
		out = append(append(out, s[:start]...), ' ')
		s = s[start+2:]
		end := strings.Index(s, "*/")
		if end < 0 {
			return string(out)
		}
		s = s[end+2:]
		start = strings.Index(s, "/*")
	}
	return string(append(out, s...))
}
