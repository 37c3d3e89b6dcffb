package transform

import "github.com/autodefend/autodefend/internal/waas/rules"

// Marks says which kinds of bytes a text has. One look at the text then tells for every transformation whether
// it can change anything.
type Marks uint16

// The kinds of bytes that matter to some transformation.
const (
	blank     Marks = 1 << iota // ' '
	space                       // the other ASCII white space
	null                        // NUL
	upper                       // A-Z
	escape                      // backslash
	quote                       // " ' ^ , ;
	slash                       // /
	dot                         // . :
	star                        // *
	comment                     // < - #
	percent                     // % +
	ampersand                   // &
	high                        // beyond ASCII
	word                        // A-Z a-z 0-9 _
	other                       // all others
)

// MarksOf looks at every byte of s.
func MarksOf(s string) Marks {
	kinds := &kindOfByte
	var m Marks
	for i := range len(s) {
		m |= kinds[s[i]]
	}
	return m
}

// Plain says that the text has only ASCII letters, digits and underscores.
func (m Marks) Plain() bool { return m&^(word|upper) == 0 }

// ASCII says that the text has no byte beyond ASCII.
func (m Marks) ASCII() bool { return m&high == 0 }

// Leaves says that t doesn't change a text with these marks. It errs on the side of false.
func (m Marks) Leaves(t rules.Transform) bool {
	return int(t) < rules.Transforms && m&touched[t] == 0 && t != rules.Base64Decode && t != rules.Length
}

//nolint:gochecknoglobals // read-only data, laid out by the compiler
var kindOfByte = [256]Marks{
	0: null, 1: other, 2: other, 3: other, 4: other, 5: other, 6: other, 7: other, 8: other,
	'\t': space, '\n': space, '\v': space, '\f': space, '\r': space,
	14: other, 15: other, 16: other, 17: other, 18: other, 19: other, 20: other, 21: other, 22: other,
	23: other, 24: other, 25: other, 26: other, 27: other, 28: other, 29: other, 30: other, 31: other,
	' ': blank, '!': other, '"': quote, '#': comment, '$': other, '%': percent, '&': ampersand, '\'': quote,
	'(': other, ')': other, '*': star, '+': percent, ',': quote, '-': comment, '.': dot, '/': slash,
	'0': word, '1': word, '2': word, '3': word, '4': word, '5': word, '6': word, '7': word, '8': word, '9': word,
	':': dot, ';': quote, '<': comment, '=': other, '>': other, '?': other, '@': other,
	'A': upper, 'B': upper, 'C': upper, 'D': upper, 'E': upper, 'F': upper, 'G': upper, 'H': upper, 'I': upper, 'J': upper, 'K': upper, 'L': upper, 'M': upper,
	'N': upper, 'O': upper, 'P': upper, 'Q': upper, 'R': upper, 'S': upper, 'T': upper, 'U': upper, 'V': upper, 'W': upper, 'X': upper, 'Y': upper, 'Z': upper,
	'[': other, '\\': escape, ']': other, '^': quote, '_': word, '`': other,
	'a': word, 'b': word, 'c': word, 'd': word, 'e': word, 'f': word, 'g': word, 'h': word, 'i': word, 'j': word, 'k': word, 'l': word, 'm': word,
	'n': word, 'o': word, 'p': word, 'q': word, 'r': word, 's': word, 't': word, 'u': word, 'v': word, 'w': word, 'x': word, 'y': word, 'z': word,
	'{': other, '|': other, '}': other, '~': other, 127: other,
	0x80: high, 0x81: high, 0x82: high, 0x83: high, 0x84: high, 0x85: high, 0x86: high, 0x87: high,
	0x88: high, 0x89: high, 0x8a: high, 0x8b: high, 0x8c: high, 0x8d: high, 0x8e: high, 0x8f: high,
	0x90: high, 0x91: high, 0x92: high, 0x93: high, 0x94: high, 0x95: high, 0x96: high, 0x97: high,
	0x98: high, 0x99: high, 0x9a: high, 0x9b: high, 0x9c: high, 0x9d: high, 0x9e: high, 0x9f: high,
	0xa0: high, 0xa1: high, 0xa2: high, 0xa3: high, 0xa4: high, 0xa5: high, 0xa6: high, 0xa7: high,
	0xa8: high, 0xa9: high, 0xaa: high, 0xab: high, 0xac: high, 0xad: high, 0xae: high, 0xaf: high,
	0xb0: high, 0xb1: high, 0xb2: high, 0xb3: high, 0xb4: high, 0xb5: high, 0xb6: high, 0xb7: high,
	0xb8: high, 0xb9: high, 0xba: high, 0xbb: high, 0xbc: high, 0xbd: high, 0xbe: high, 0xbf: high,
	0xc0: high, 0xc1: high, 0xc2: high, 0xc3: high, 0xc4: high, 0xc5: high, 0xc6: high, 0xc7: high,
	0xc8: high, 0xc9: high, 0xca: high, 0xcb: high, 0xcc: high, 0xcd: high, 0xce: high, 0xcf: high,
	0xd0: high, 0xd1: high, 0xd2: high, 0xd3: high, 0xd4: high, 0xd5: high, 0xd6: high, 0xd7: high,
	0xd8: high, 0xd9: high, 0xda: high, 0xdb: high, 0xdc: high, 0xdd: high, 0xde: high, 0xdf: high,
	0xe0: high, 0xe1: high, 0xe2: high, 0xe3: high, 0xe4: high, 0xe5: high, 0xe6: high, 0xe7: high,
	0xe8: high, 0xe9: high, 0xea: high, 0xeb: high, 0xec: high, 0xed: high, 0xee: high, 0xef: high,
	0xf0: high, 0xf1: high, 0xf2: high, 0xf3: high, 0xf4: high, 0xf5: high, 0xf6: high, 0xf7: high,
	0xf8: high, 0xf9: high, 0xfa: high, 0xfb: high, 0xfc: high, 0xfd: high, 0xfe: high, 0xff: high,
}

// touched are the kinds of bytes without which a transformation has nothing to do.
//
//nolint:gochecknoglobals // read-only data, laid out by the compiler
var touched = [rules.Transforms]Marks{
	rules.CmdLine:            blank | space | upper | escape | quote,
	rules.CompressWhitespace: blank | space | high,
	rules.CSSDecode:          escape,
	rules.EscapeSeqDecode:    escape,
	rules.HTMLEntityDecode:   ampersand,
	rules.JSDecode:           escape,
	rules.Lowercase:          upper | high,
	rules.NormalizePath:      slash | dot,
	rules.NormalizePathWin:   slash | dot | escape | blank,
	rules.RemoveCommentsChar: slash | star | comment,
	rules.RemoveNulls:        null,
	rules.RemoveWhitespace:   blank | space | high,
	rules.ReplaceComments:    star,
	rules.URLDecode:          percent,
	rules.URLDecodeUni:       percent,
	rules.UTF8ToUnicode:      high,
}
