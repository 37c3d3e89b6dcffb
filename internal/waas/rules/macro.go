package rules

import (
	"strconv"
	"strings"
)

// ExpandMacro replaces every macro %{name} of a text by what lookup returns for the name. Names are lower case:
// "tx.0" to "tx.9" for captured groups, "matched_var", "request_headers.NAME" and "args.NAME" for the first such
// header or parameter (the empty string if there is none).
func ExpandMacro(text string, lookup func(name string) string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "%{")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		out.WriteString(lookup(name))
		text = after
	}
}

// Text returns the operator's argument for people to read, as SecLang writes it where that is possible.
func (c *Condition) Text() string {
	switch c.Operator {
	case ValidateByteRange:
		return ranges(c.Argument)
	case Pm:
		return strings.ReplaceAll(c.Argument, "\n", " ")
	default:
		return c.Argument
	}
}

// ranges writes a bitmap of 256 bits as "9-10,13".
func ranges(bitmap string) string {
	var out []string
	has := func(b int) bool { return b < 256 && bitmap[b/8]>>(b%8)&1 != 0 }
	for b := 0; b < 256; b++ {
		if !has(b) {
			continue
		}
		first := b
		for has(b + 1) {
			b++
		}
		text := strconv.Itoa(first)
		if b > first {
			text += "-" + strconv.Itoa(b)
		}
		out = append(out, text)
	}
	return strings.Join(out, ",")
}
