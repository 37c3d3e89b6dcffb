package transform

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// compressWhitespace makes one space of every run of Latin white space. The byte 0xA0 outside a valid
// character is a no-break space too, as text in Latin-1 has it.
func compressWhitespace(s string) string {
	start := compressStart(s)
	if start < 0 {
		return s
	}
	out := make([]byte, start, len(s))
	copy(out, s[:start])
	inSpace := false
	for i := start; i < len(s); {
		size, space := latinSpace(s, i)
		switch {
		case !space:
			out = append(out, s[i:i+size]...)
		case !inSpace:
			out = append(out, ' ')
		}
		inSpace = space
		i += size
	}
	return string(out)
}

// compressStart finds the first white space that would not stay as it is: any but a lone ' '.
func compressStart(s string) int {
	for i := 0; i < len(s); {
		size, space := latinSpace(s, i)
		if space {
			if s[i] != ' ' {
				return i
			}
			if i+1 < len(s) {
				if _, next := latinSpace(s, i+1); next {
					return i
				}
			}
		}
		i += size
	}
	return -1
}

// latinSpace says how long the character at i is and whether it is Latin white space.
func latinSpace(s string, i int) (int, bool) {
	c := s[i]
	if c < utf8.RuneSelf {
		return 1, c == ' ' || c >= '\t' && c <= '\r'
	}
	r, size := utf8.DecodeRuneInString(s[i:])
	return size, r == 0x85 || r == 0xA0 || c == 0xA0
}

// removeWhitespace drops all Unicode white space, and makes U+FFFD of bytes that are no character.
func removeWhitespace(s string) string {
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		c := s[i]
		if c >= utf8.RuneSelf {
			return strings.Map(dropSpace, s)
		}
		if c != ' ' && (c < '\t' || c > '\r') {
			out = append(out, c)
		}
	}
	if len(out) == len(s) {
		return s
	}
	return string(out)
}

func dropSpace(r rune) rune {
	if unicode.IsSpace(r) {
		return -1
	}
	return r
}

func removeNulls(s string) string {
	return strings.ReplaceAll(s, "\x00", "")
}

// lowercase knows all of Unicode, and makes U+FFFD of bytes that are no character.
func lowercase(s string) string {
	return strings.ToLower(s)
}
