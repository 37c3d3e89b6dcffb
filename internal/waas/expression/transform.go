package expression

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/autodefend/autodefend/internal/waas/rules"
	"github.com/autodefend/autodefend/internal/waas/transform"
)

// function is a transformation of a text.
type function struct {
	name  string
	apply func(string) string
}

// functions lists the transformations, in the order of the documentation.
func functions() []function {
	return []function{
		{"lowercase", strings.ToLower},
		{"compressWhitespace", core(rules.CompressWhitespace)},
		{"removeWhitespace", core(rules.RemoveWhitespace)},
		{"urlQueryDecode", func(s string) string { return percentDecode(strings.ReplaceAll(s, "+", " ")) }},
		{"urlPathDecode", percentDecode},
		{"unicodeDecode", nil}, // made by [folding], which has a table
		{"htmlEntityDecode", core(rules.HTMLEntityDecode)},
		{"base64Decode", base64Decode},
		{"replaceComments", core(rules.ReplaceComments)},
		{"removeCommentSymbols", strings.NewReplacer("/*", "", "*/", "").Replace},
		{"removeTags", strings.NewReplacer("&lt;", " ", "&gt;", " ", "&LT;", " ", "&GT;", " ").Replace},
	}
}

// Functions returns the names of the transformations.
func Functions() []string {
	var all []string
	for _, f := range functions() {
		all = append(all, f.name)
	}
	return all
}

// core is a transformation that the rules have too.
func core(t rules.Transform) func(string) string {
	return func(s string) string { return transform.Apply(t, s) }
}

// percentDecode undoes percent-encoding; what isn't encoded well stays.
func percentDecode(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			high, low := hex(s[i+1]), hex(s[i+2])
			if high >= 0 && low >= 0 {
				out = append(out, byte(high<<4|low))
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}

func hex(c byte) int {
	switch {
	case digit(c):
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	default:
		return -1
	}
}

// base64Decode decodes either alphabet, with padding or without; of what isn't base64 it leaves nothing.
func base64Decode(s string) string {
	s = strings.TrimRight(strings.TrimSpace(s), "=")
	s = strings.NewReplacer("-", "+", "_", "/").Replace(s)
	decoded, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil {
		return ""
	}
	return string(decoded)
}

// folding returns a function that replaces letters with marks, full-width letters and typographic signs with what they
// look like in ASCII. What looks like nothing there stays.
func folding() func(string) string {
	table := make(map[rune]string)
	for _, l := range likenesses() {
		for _, r := range l[1] {
			table[r] = l[0]
		}
	}
	return func(s string) string {
		if isASCII(s) {
			return s
		}
		var b strings.Builder
		for _, r := range s {
			plain, known := table[r]
			switch {
			case known:
				b.WriteString(plain)
			case 0xff01 <= r && r <= 0xff5e:
				b.WriteByte(byte(r - 0xff01 + '!'))
			default:
				b.WriteRune(r)
			}
		}
		return b.String()
	}
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// likenesses lists what characters look like in ASCII: the likeness, then the characters.
func likenesses() [][2]string {
	return [][2]string{
		{"A", "ÀÁÂÃÄÅĀĂĄǍΑА"},
		{"a", "àáâãäåāăąǎαаª"},
		{"B", "ΒВ"},
		{"C", "ÇĆĈĊČС©"},
		{"c", "çćĉċčс"},
		{"D", "ÐĎĐ"},
		{"d", "ďđð"},
		{"E", "ÈÉÊËĒĔĖĘĚΕЕ"},
		{"e", "èéêëēĕėęěе"},
		{"f", "ƒ"},
		{"G", "ĜĞĠĢ"},
		{"g", "ĝğġģ"},
		{"H", "ĤĦΗН"},
		{"h", "ĥħ"},
		{"I", "ÌÍÎÏĨĪĬĮİΙІ"},
		{"i", "ìíîïĩīĭįıі"},
		{"J", "ĴЈ"},
		{"j", "ĵј"},
		{"K", "ĶΚКK"},
		{"k", "ķĸ"},
		{"L", "ĹĻĽĿŁ"},
		{"l", "ĺļľŀł"},
		{"M", "ΜМ"},
		{"N", "ÑŃŅŇΝ"},
		{"n", "ñńņňŉ"},
		{"O", "ÒÓÔÕÖØŌŎŐΟО"},
		{"o", "òóôõöøōŏőοоº"},
		{"P", "ΡР"},
		{"p", "р"},
		{"R", "ŔŖŘ®"},
		{"r", "ŕŗř"},
		{"S", "ŚŜŞŠЅ"},
		{"s", "śŝşšſѕ"},
		{"T", "ŢŤŦΤТ"},
		{"t", "ţťŧ"},
		{"U", "ÙÚÛÜŨŪŬŮŰŲ"},
		{"u", "ùúûüũūŭůűųµ"},
		{"W", "Ŵ"},
		{"w", "ŵ"},
		{"X", "ΧХ"},
		{"x", "х×"},
		{"Y", "ÝŶŸΥ"},
		{"y", "ýÿŷу"},
		{"Z", "ŹŻŽΖ"},
		{"z", "źżž"},
		{"AE", "Æ"},
		{"ae", "æ"},
		{"OE", "Œ"},
		{"oe", "œ"},
		{"ss", "ß"},
		{" ", "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u3000"},
		{"'", "‘’‚‛′ʹʼ´"},
		{`"`, "“”„‟″ʺ"},
		{"-", "‐‑‒–—−\u00ad"},
		{"<", "‹«"},
		{">", "›»"},
		{"/", "⁄∕"},
		{"\\", "∖"},
		{"|", "¦∣"},
		{"~", "˜∼"},
		{"^", "ˆ"},
		{"...", "…"},
		{".", "․·"},
		{":", "∶"},
		{"*", "∗"},
		{"!", "¡ǃ"},
		{"0", "⁰₀"},
		{"1", "¹₁"},
		{"2", "²₂"},
		{"3", "³₃"},
	}
}
