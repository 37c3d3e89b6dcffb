package expression

import (
	"strings"

	"github.com/autodefend/autodefend"
)

// kind is what a token is.
type kind uint8

// The kinds of tokens.
const (
	end     kind = iota
	word         // a name or a keyword
	quoted       // a string, without its quotes
	pattern      // a regular expression, without its slashes
	integer
	sign // ( ) [ ] , and comparisons
)

// token is one token and where it begins, in bytes from 0.
type token struct {
	kind kind
	text string
	at   int
}

// String returns the token for a message.
func (t token) String() string {
	switch t.kind {
	case end:
		return "the end"
	case quoted:
		return `"` + t.text + `"`
	case pattern:
		return "/" + t.text + "/"
	default:
		return t.text
	}
}

// mistake is an error at a place of the text.
func mistake(at int, hint, format string, args ...any) *autodefend.Error {
	e := autodefend.Errorf(autodefend.CodeInvalid, "column %d: "+format, append([]any{at + 1}, args...)...)
	if hint == "" {
		return e
	}
	return e.WithHint("%s", hint)
}

// lexer splits a text into tokens.
type lexer struct {
	text string
	at   int
}

// next returns the next token.
func (l *lexer) next() (token, error) {
	for l.at < len(l.text) && strings.IndexByte(" \t\r\n", l.text[l.at]) >= 0 {
		l.at++
	}
	start := l.at
	if start == len(l.text) {
		return token{kind: end, at: start}, nil
	}
	switch c := l.text[start]; {
	case c == '"':
		return l.quoted()
	case c == '/':
		return l.pattern()
	case digit(c):
		return token{integer, l.run(digit), start}, nil
	case letter(c):
		return token{word, l.run(func(c byte) bool { return letter(c) || digit(c) || c == '.' }), start}, nil
	default:
		return l.sign()
	}
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' }

// run takes the longest piece of a kind.
func (l *lexer) run(is func(byte) bool) string {
	start := l.at
	for l.at < len(l.text) && is(l.text[l.at]) {
		l.at++
	}
	return l.text[start:l.at]
}

// quoted takes a string. A backslash stands before a quote, a backslash, n, r and t.
func (l *lexer) quoted() (token, error) {
	start := l.at
	var b strings.Builder
	for l.at++; l.at < len(l.text); l.at++ {
		switch c := l.text[l.at]; c {
		case '"':
			l.at++
			return token{quoted, b.String(), start}, nil
		case '\\':
			l.at++
			if l.at == len(l.text) {
				break
			}
			i := strings.IndexByte(`"\nrt`, l.text[l.at])
			if i < 0 {
				return token{}, mistake(l.at-1, `a backslash is written \\`, `\%c means nothing in a string`, l.text[l.at])
			}
			b.WriteByte("\"\\\n\r\t"[i])
		default:
			b.WriteByte(c)
		}
	}
	return token{}, mistake(start, "", "the string has no end")
}

// pattern takes a regular expression. Only a slash needs a backslash; all others are the expression's.
func (l *lexer) pattern() (token, error) {
	start := l.at
	var b strings.Builder
	for l.at++; l.at < len(l.text); l.at++ {
		switch c := l.text[l.at]; {
		case c == '/':
			l.at++
			return token{pattern, b.String(), start}, nil
		case c == '\\' && l.at+1 < len(l.text):
			l.at++
			if l.text[l.at] != '/' {
				b.WriteByte(c)
			}
			b.WriteByte(l.text[l.at])
		default:
			b.WriteByte(c)
		}
	}
	return token{}, mistake(start, `a slash in it is written \/`, "the pattern has no end")
}

// sign takes a parenthesis, a comma or a comparison.
func (l *lexer) sign() (token, error) {
	for _, s := range []string{"!=", "<=", ">=", "<", ">", "=", "(", ")", "[", "]", ","} {
		if strings.HasPrefix(l.text[l.at:], s) {
			l.at += len(s)
			return token{sign, s, l.at - len(s)}, nil
		}
	}
	rest := []rune(l.text[l.at:min(l.at+4, len(l.text))])
	hint := ""
	if rest[0] == '\'' {
		hint = "strings stand in double quotes"
	}
	return token{}, mistake(l.at, hint, "%q means nothing here", string(rest[0]))
}
