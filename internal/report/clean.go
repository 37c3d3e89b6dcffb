package report

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean makes foreign text safe to show: ANSI escape sequences are dropped,
// white space becomes a plain space, and every other character that is
// invisible or changes the direction of writing becomes U+FFFD, so that it's
// seen to have been there.
func clean(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for len(s) > 0 {
		if n := escapeSequence(s); n > 0 {
			s = s[n:]
			continue
		}
		r, size := utf8.DecodeRuneInString(s)
		s = s[size:]
		switch {
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case !visible(r):
			b.WriteRune(utf8.RuneError)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// plain reports whether the text is printable ASCII, which most is.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// visible reports whether a character shows where it stands. The joiners of
// Persian, Indic scripts and emoji are harmless and kept.
func visible(r rune) bool {
	const joiner, nonJoiner = '\u200d', '\u200c'
	if r >= 0x20 && r <= 0x7e { // most text, so worth a short cut
		return true
	}
	return r == joiner || r == nonJoiner || !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs)
}

// escapeSequence returns the length of the ANSI escape sequence that s begins
// with, or 0.
func escapeSequence(s string) int {
	switch {
	case strings.HasPrefix(s, "\x1b["), strings.HasPrefix(s, "\u009b"): // CSI, both 2 bytes long
		for i := 2; i < len(s); i++ {
			if s[i] >= 0x40 && s[i] <= 0x7e {
				return i + 1
			}
			if s[i] < 0x20 || s[i] > 0x7e {
				return i
			}
		}
		return len(s)
	case strings.HasPrefix(s, "\x1b]"): // OSC, up to BEL or ST
		if i := strings.IndexAny(s, "\a\u009c"); i > 0 {
			_, size := utf8.DecodeRuneInString(s[i:])
			return i + size
		}
		if i := strings.Index(s, "\x1b\\"); i > 0 {
			return i + 2
		}
		return 2
	case len(s) > 1 && s[0] == 0x1b && s[1] >= 0x20 && s[1] <= 0x7e:
		return 2
	}
	return 0
}
