// Package compile turns regular expressions into what package match runs: static
// programs, the literals that a matching text must have, and one scanner for all
// of them. It works when rules are generated, never inside a function.
package compile

import (
	"fmt"
	"regexp/syntax"
	"strconv"
	"unicode/utf8"
)

// Expression compiles a regular expression, read with the flags of the @rx
// operator (dot matches newlines, ^ and $ match at lines), for
// [match.Machine.Match] and [match.Machine.Find]. An expression that names
// bytes which are no UTF-8 (\xac\xed) works on bytes and, as in Coraza, without
// those flags. It reports an expression that does not parse or that would need
// more than 16,384 instructions or 250 classes of characters.
func Expression(expr string) ([]byte, error) {
	return program(expr, false)
}

// Capturing is [Expression] with the groups kept, for
// [match.Machine.Submatch]. The program is larger and slower.
func Capturing(expr string) ([]byte, error) {
	return program(expr, true)
}

func program(expr string, groups bool) ([]byte, error) {
	tree, bytewise, err := parse(expr)
	if err != nil {
		return nil, fmt.Errorf("compile expression: %w", err)
	}
	prog, err := syntax.Compile(tree)
	if err != nil {
		return nil, fmt.Errorf("compile expression: %w", err)
	}
	l := lowering{prog: prog, bytewise: bytewise, groups: groups}
	out, err := l.program()
	if err != nil {
		return nil, fmt.Errorf("compile expression: %w", err)
	}
	return out, nil
}

// parse reads an expression as @rx does and tells whether it works on bytes.
func parse(expr string) (*syntax.Regexp, bool, error) {
	flags := syntax.Perl | syntax.DotNL
	flags &^= syntax.OneLine
	bytewise := NamesBytes(expr)
	if bytewise {
		flags = syntax.Perl
	}
	tree, err := syntax.Parse(expr, flags)
	if err != nil {
		return nil, false, err
	}
	return tree.Simplify(), bytewise, nil
}

// NamesBytes reports whether the expression, its \x escapes replaced by the bytes
// they name, is not UTF-8. Coraza asks the same question to choose between
// matching runes and matching bytes, and its answer decides what a rule detects.
func NamesBytes(expr string) bool {
	var plain []byte
	for i := 0; i < len(expr); {
		b, width := escapedByte(expr[i:])
		plain = append(plain, b)
		i += width
	}
	return !utf8.Valid(plain)
}

// escapedByte reads one byte or one \x escape. Of a braced escape only the first
// two digits count.
func escapedByte(s string) (byte, int) {
	if len(s) < 4 || s[0] != '\\' || s[1] != 'x' {
		return s[0], 1
	}
	digits, width := s[2:4], 4
	if s[2] == '{' {
		digits, width = bracedDigits(s)
	}
	v, err := strconv.ParseUint(digits, 16, 8)
	if err != nil {
		return s[0], 1
	}
	return byte(v), width
}

// bracedDigits returns the first two digits of \x{...} and the escape's width.
func bracedDigits(s string) (string, int) {
	for i := 3; i < len(s); i++ {
		if s[i] == '}' {
			if i < 5 {
				return "", 0
			}
			return s[3:5], i + 1
		}
	}
	return "", 0
}
