package waas

import (
	"strings"
	"unicode/utf8"

	"github.com/corazawaf/libinjection-go"

	"github.com/autodefend/autodefend/internal/waas/match"
	"github.com/autodefend/autodefend/internal/waas/rules"
	"github.com/autodefend/autodefend/internal/waas/transform"
)

// span is the part of a text that an operator objects to.
type span struct{ start, end int }

// test says whether a condition's operator, turned round if it is negated, holds for a text. argument is the
// condition's with macros replaced.
func (r *run) test(c *rules.Condition, argument string, t *text) bool {
	if len(c.Needs) > 0 && !r.hits(t).HasAll(c.Needs) && !r.engine.unfiltered {
		return c.Negated
	}
	return r.operate(c, argument, t) != c.Negated
}

func (r *run) operate(c *rules.Condition, argument string, t *text) bool {
	if c.Program != rules.NoProgram {
		return r.machine.Match(int(c.Program), match.Program(rules.Program(c.Program)), t.text)
	}
	switch c.Operator {
	case rules.Pm, rules.PmFromFile:
		return r.hits(t).HasAll(c.Needs)
	case rules.DetectSQLi:
		if t.marks.Plain() {
			return false
		}
		found, _ := libinjection.IsSQLi(t.text)
		return found
	case rules.DetectXSS:
		return markup(t.text) && libinjection.IsXSS(t.text)
	default:
		return compare(c.Operator, t.text, argument)
	}
}

// markup says whether a text has what libinjection must see to find script: a tag, comment or declaration begins with
// '<', and an attribute without '=' has no value to object to.
func markup(text string) bool {
	return strings.IndexByte(text, '<') >= 0 || strings.IndexByte(text, '=') >= 0
}

// compare runs the operators that need neither automaton nor library.
func compare(o rules.Operator, text, argument string) bool {
	switch o {
	case rules.StrEq:
		return text == argument
	case rules.Contains:
		return strings.Contains(text, argument)
	case rules.Within:
		return strings.Contains(argument, text)
	case rules.BeginsWith:
		return strings.HasPrefix(text, argument)
	case rules.EndsWith:
		return strings.HasSuffix(text, argument)
	case rules.Eq:
		return number(text) == number(argument)
	case rules.Gt:
		return number(text) > number(argument)
	case rules.Lt:
		return number(text) < number(argument)
	case rules.ValidateByteRange:
		return outside(text, argument) >= 0
	case rules.ValidateURLEncoding:
		return badPercent(text) >= 0
	case rules.ValidateUTF8Encoding:
		return !utf8.ValidString(text)
	default:
		return false
	}
}

// number reads a decimal number; what isn't one counts as 0.
func number(s string) int {
	n, negative := 0, strings.HasPrefix(s, "-")
	if negative {
		s = s[1:]
	}
	if s == "" || len(s) > 18 {
		return 0
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0
		}
		n = n*10 + int(s[i]-'0')
	}
	if negative {
		return -n
	}
	return n
}

// outside is the index of the first byte that isn't in the bitmap, or -1.
func outside(text, bitmap string) int {
	for i := range len(text) {
		if b := text[i]; bitmap[b/8]>>(b%8)&1 == 0 {
			return i
		}
	}
	return -1
}

// badPercent is the index of the first percent sign without two hexadecimal digits, or -1.
func badPercent(text string) int {
	for i := 0; ; i += 3 {
		next := strings.IndexByte(text[i:], '%')
		if next < 0 {
			return -1
		}
		i += next
		if i+2 >= len(text) || !hexadecimal(text[i+1]) || !hexadecimal(text[i+2]) {
			return i
		}
	}
}

func hexadecimal(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

// where finds what a condition that held for a text objects to: for expressions their match, for others what is
// known of it.
func (r *run) where(c *rules.Condition, text string) span {
	whole := span{0, len(text)}
	switch {
	case c.Negated:
		return whole
	case c.Program != rules.NoProgram:
		start, end, ok := r.machine.Find(int(c.Program), match.Program(rules.Program(c.Program)), text)
		if ok {
			return span{start, end}
		}
	case c.Operator == rules.ValidateByteRange:
		if i := outside(text, c.Argument); i >= 0 {
			return span{i, i + 1}
		}
	case c.Operator == rules.ValidateURLEncoding:
		if i := badPercent(text); i >= 0 {
			return span{i, min(i+3, len(text))}
		}
	case c.Operator == rules.Contains:
		if i := strings.Index(text, c.Argument); i >= 0 {
			return span{i, i + len(c.Argument)}
		}
	case c.Operator == rules.Pm:
		return anyWord(text, c.Argument)
	}
	return whole
}

// anyWord finds the first of the words, one a line, that occurs in text when ASCII letters have no case.
func anyWord(text, words string) span {
	lower := transform.Apply(rules.Lowercase, text)
	for word := range strings.SplitSeq(words, "\n") {
		if i := strings.Index(lower, strings.ToLower(word)); i >= 0 && word != "" && len(lower) == len(text) {
			return span{i, i + len(word)}
		}
	}
	return span{0, len(text)}
}
