package event

import (
	"unicode/utf16"
	"unicode/utf8"
)

// toUTF8 gives a body in UTF-8 as far as its charset needs it to be read:
// UTF-16 and Latin 1. Others keep ASCII as it is, which is what attacks
// are written in.
func (d *decoder) toUTF8(s, charset string) string {
	switch {
	case charset == "utf-16le", len(s) > 1 && s[0] == 0xFF && s[1] == 0xFE:
		return d.fromUTF16(s, 0, 1)
	case charset == "utf-16be", charset == "utf-16", len(s) > 1 && s[0] == 0xFE && s[1] == 0xFF:
		return d.fromUTF16(s, 1, 0)
	case charset == "iso-8859-1", charset == "latin1", charset == "windows-1252":
		return d.fromLatin1(s)
	}
	return s
}

// fromUTF16 decodes pairs of bytes; low and high are their places in a pair.
func (d *decoder) fromUTF16(s string, low, high int) string {
	d.arena.begin(len(s) / 2 * 3)
	for i := 0; i+1 < len(s); i += 2 {
		r := rune(s[i+high])<<8 | rune(s[i+low])
		if utf16.IsSurrogate(r) && i+3 < len(s) {
			pair := utf16.DecodeRune(r, rune(s[i+2+high])<<8|rune(s[i+2+low]))
			if pair != utf8.RuneError {
				i += 2
			}
			r = pair
		}
		if r != 0xFEFF {
			d.arena.b.WriteRune(r)
		}
	}
	return d.arena.end()
}

func (d *decoder) fromLatin1(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	d.arena.begin(2 * len(s))
	for i := range len(s) {
		d.arena.b.WriteRune(rune(s[i]))
	}
	return d.arena.end()
}
