package event

import (
	"strings"
	"unicode/utf8"
)

// sample is how much of a text is looked at to call it binary.
const sample = 512

// isBinary judges by the look: a NUL byte, or one byte of ten that no text has.
func isBinary(s string) bool {
	s = s[:min(len(s), sample)]
	odd := 0
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == 0:
			return true
		case c < '\t' || '\r' < c && c < ' ' && c != 0x1B || c == 0x7F:
			odd++
			i++
		case c < utf8.RuneSelf:
			i++
		default:
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 && utf8.FullRuneInString(s[i:]) {
				odd++
			}
			i += size
		}
	}
	return odd*10 > len(s)
}

// isMedia says whether s is an image, a film, an archive or a document by its
// first bytes: nothing in it is a text for a handler.
func isMedia(s string) bool {
	for _, magic := range [...]string{
		"\x89PNG\r\n", "\xFF\xD8\xFF", "GIF87a", "GIF89a", "RIFF", "PK\x03\x04", "%PDF-", "\x1f\x8b", "BZh",
		"\x28\xB5\x2F\xFD", "\xFD7zXZ", "7z\xBC\xAF", "Rar!", "OggS", "ID3", "\x00\x00\x01\x00", "\x7FELF", "wOF", "fLaC",
	} {
		if strings.HasPrefix(s, magic) {
			return true
		}
	}
	return len(s) > 8 && s[4:8] == "ftyp"
}

const (
	// shortestRun is the shortest text in binary data that counts.
	shortestRun = 8
	// shortData is up to which size of the data texts of shortestHere bytes count: a few NULs don't hide a short attack.
	shortData    = 64
	shortestHere = 2
)

// runs adds the readable stretches of binary data: protocol buffers, Avro and
// MessagePack hold their strings as they are.
func (d *decoder) runs(s string, p Place, name string) {
	from, shortest := 0, shortestRun
	if len(s) <= shortData {
		shortest = shortestHere
	}
	for i := 0; i <= len(s); {
		size := 1
		if i < len(s) {
			if size = textAt(s[i:]); size > 0 {
				i += size
				continue
			}
			size = 1
		}
		if i-from >= shortest {
			if d.full(p, name) {
				return
			}
			d.add(p, name, s[from:i])
		}
		i += size
		from = i
	}
}

// textAt is the length of the character at the start of s if it belongs to a text.
func textAt(s string) int {
	c := s[0]
	switch {
	case c >= ' ' && c < 0x7F || c == '\t' || c == '\n' || c == '\r':
		return 1
	case c < utf8.RuneSelf:
		return 0
	}
	r, size := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError {
		return 0
	}
	return size
}
