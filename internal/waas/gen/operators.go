package main

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/autodefend/autodefend/internal/waas/match/compile"
	"github.com/autodefend/autodefend/internal/waas/rules"
)

// operator compiles the condition's operator.
func (c *compiler) operator(out *draft, condition *draftCondition, operator secOperator) error {
	at := condition.place
	named, ok := operatorNamed(operator.name)
	if !ok {
		return at.errorf("operator @%s isn't understood", operator.name)
	}
	condition.Operator = named
	switch named {
	case rules.Rx:
		condition.Argument, condition.expression = operator.argument, operator.argument
		// Chained conditions are too rare to scan their texts for literals.
		if len(out.conditions) == 0 {
			condition.needs, _ = compile.Literals(operator.argument)
		}
	case rules.Pm:
		words := strings.Fields(operator.argument)
		condition.Argument = strings.Join(words, "\n")
		return c.dictionary(out, condition, words)
	case rules.PmFromFile:
		words, err := c.list(at, operator.argument)
		if err != nil {
			return err
		}
		condition.Argument = operator.argument
		return c.dictionary(out, condition, words)
	case rules.ValidateByteRange:
		return byteRange(condition, operator.argument)
	case rules.DetectSQLi, rules.DetectXSS, rules.ValidateURLEncoding, rules.ValidateUTF8Encoding:
		if operator.argument != "" {
			return at.errorf("@%s takes no argument", operator.name)
		}
		if named == rules.ValidateURLEncoding {
			condition.needs = [][]string{{"%"}}
		}
	default:
		return c.comparison(out, condition, operator.argument)
	}
	return nil
}

// operatorNamed finds an operator by SecLang's name.
func operatorNamed(name string) (rules.Operator, bool) {
	for o := range rules.Operator(rules.Operators) {
		if o.String() == name {
			return o, true
		}
	}
	return 0, false
}

// comparison compiles an operator that compares the value with its argument.
func (c *compiler) comparison(out *draft, condition *draftCondition, argument string) error {
	text, err := c.macros(out, condition.place, argument)
	if err != nil {
		return err
	}
	condition.Argument, condition.Macro = text, strings.Contains(text, "%{")
	switch condition.Operator {
	case rules.Eq, rules.Gt, rules.Lt:
		if _, err := strconv.Atoi(text); err != nil && !condition.Macro {
			return condition.place.errorf("%q is no number", text)
		}
	case rules.StrEq, rules.Contains, rules.BeginsWith, rules.EndsWith:
		if text == "" {
			return condition.place.errorf("@%s has no argument", condition.Operator)
		}
		if !condition.Macro {
			condition.needs = [][]string{{strings.Map(lowerASCII, text)}}
		}
	}
	return nil
}

// dictionary compiles a list of words: into a group of literals, or in a chained condition into an expression.
func (c *compiler) dictionary(out *draft, condition *draftCondition, words []string) error {
	if len(words) == 0 {
		return condition.place.errorf("the list of words is empty")
	}
	for i, word := range words {
		words[i] = strings.Map(lowerASCII, word)
	}
	words = shortest(words)
	if len(out.conditions) == 0 {
		condition.needs = [][]string{words}
		return nil
	}
	for i := range words {
		words[i] = regexp.QuoteMeta(words[i])
	}
	condition.expression = "(?i:" + strings.Join(words, "|") + ")"
	return nil
}

// lowerASCII makes ASCII letters small: others keep their case, as in @pm.
func lowerASCII(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

// shortest sorts the words and takes out those that contain another one: where they occur, that does too.
func shortest(words []string) []string {
	words = slices.Compact(slices.Sorted(slices.Values(words)))
	return slices.DeleteFunc(slices.Clone(words), func(word string) bool {
		return slices.ContainsFunc(words, func(other string) bool { return other != word && strings.Contains(word, other) })
	})
}

// list reads the words of pmFromFile: one a line, without comments.
func (c *compiler) list(at place, name string) ([]string, error) {
	text, err := fs.ReadFile(c.data, path.Base(name))
	if err != nil {
		return nil, at.errorf("read the list of words: %w", err)
	}
	var words []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			words = append(words, line)
		}
	}
	return words, nil
}

// byteRange compiles the bytes that ValidateByteRange allows into a bitmap, and those it forbids into literals.
func byteRange(condition *draftCondition, argument string) error {
	var bitmap [32]byte
	for part := range strings.SplitSeq(argument, ",") {
		from, to, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			to = from
		}
		first, err1 := strconv.ParseUint(from, 10, 8)
		last, err2 := strconv.ParseUint(to, 10, 8)
		if err1 != nil || err2 != nil || first > last {
			return condition.place.errorf("%q is no range of bytes", part)
		}
		for b := first; b <= last; b++ {
			bitmap[b/8] |= 1 << (b % 8)
		}
	}
	var forbidden []string
	for b := range 256 {
		if bitmap[b/8]>>(b%8)&1 == 0 {
			forbidden = append(forbidden, string([]byte{byte(b)}))
		}
	}
	condition.Argument = string(bitmap[:])
	if len(forbidden) <= 64 {
		condition.needs = [][]string{forbidden}
	}
	return nil
}
