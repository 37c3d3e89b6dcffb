package compile

import (
	"math"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a listing.
const (
	maxListed = 1500
	maxClass  = 40
	// maxWork bounds the texts made for one expression. What comes after them is
	// taken for anything, so that there are fewer literals, or none.
	maxWork = 1 << 20
)

// opening is what a match may begin with. When it is open, the match goes on in
// ways that are not listed.
type opening struct {
	text string
	open bool
}

// openings lists all ways a match may begin.
type openings []opening

func anything() openings { return openings{{"", true}} }
func nothing() openings  { return openings{{"", false}} }

func (o openings) texts() []string {
	texts := make([]string, len(o))
	for i, begin := range o {
		texts[i] = begin.text
	}
	return texts
}

func (o openings) tidy() openings {
	slices.SortFunc(o, func(a, b opening) int {
		switch c := strings.Compare(a.text, b.text); {
		case c != 0 || a.open == b.open:
			return c
		case a.open:
			return -1
		default:
			return 1
		}
	})
	// Of the same text, open and not, both are needed: the second one goes on.
	return slices.Compact(o)
}

// listing lists openings, or endings written backwards.
type listing struct {
	bytewise bool
	back     bool
	known    map[question]openings
	work     int // texts made so far
}

// question is what a listing has been asked: expressions repeat themselves.
type question struct {
	re   *syntax.Regexp
	bits int
}

func newListing(bytewise, back bool) *listing {
	return &listing{bytewise: bytewise, back: back, known: map[question]openings{}}
}

// concat lists the openings of several nodes in a row, telling by about bits.
func (l *listing) concat(nodes []*syntax.Regexp, bits float64) openings {
	if l.work > maxWork {
		return anything()
	}
	o := nothing()
	for i := range nodes {
		at := i
		if l.back {
			at = len(nodes) - 1 - i
		}
		missing := bits - o.leastClosed()
		if missing <= 0 {
			break
		}
		more := l.node(nodes[at], missing)
		o = l.join(o, more, bits)
	}
	return o
}

// leastClosed is how telling the least telling opening is that could go on;
// infinite when none could.
func (o openings) leastClosed() float64 {
	least := math.Inf(1)
	for _, begin := range o {
		if !begin.open {
			least = min(least, bitsOf(begin.text))
		}
	}
	return least
}

// join lets the openings that aren't open go on with more.
func (l *listing) join(o, more openings, bits float64) openings {
	if l.work > maxWork {
		return anything()
	}
	closed := 0
	for _, begin := range o {
		if !begin.open && bitsOf(begin.text) < bits {
			closed++
		}
	}
	size := len(o) - closed + closed*len(more)
	l.work += min(size, maxListed)
	full := size > maxListed
	if full {
		size = len(o)
	}
	out := make(openings, 0, size)
	for _, begin := range o {
		if begin.open || full || bitsOf(begin.text) >= bits {
			out = append(out, opening{begin.text, true})
			continue
		}
		for _, next := range more {
			out = append(out, opening{begin.text + next.text, next.open})
		}
	}
	return out.tidy()
}

// node lists the openings of one node; the result is not to be changed.
func (l *listing) node(re *syntax.Regexp, bits float64) openings {
	q := question{re, int(math.Ceil(bits))}
	o, ok := l.known[q]
	switch {
	case ok:
	case l.work > maxWork:
		return anything()
	default:
		o = l.ask(re, float64(q.bits))
		l.known[q] = o
	}
	return o
}

func (l *listing) ask(re *syntax.Regexp, bits float64) openings {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText,
		syntax.OpEndText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return nothing()
	case syntax.OpLiteral:
		return l.literal(re, bits)
	case syntax.OpCharClass:
		return l.class(re.Rune)
	case syntax.OpCapture:
		return l.node(re.Sub[0], bits)
	case syntax.OpConcat:
		return l.concat(re.Sub, bits)
	case syntax.OpAlternate:
		return l.alternate(re.Sub, bits)
	case syntax.OpQuest:
		return append(nothing(), l.node(re.Sub[0], bits)...).tidy()
	case syntax.OpStar:
		return l.star(re.Sub[0], bits)
	case syntax.OpPlus:
		return l.join(l.node(re.Sub[0], bits), l.star(re.Sub[0], bits), bits)
	default: // OpAnyChar, OpAnyCharNotNL, OpNoMatch
		return anything()
	}
}

// star lists none, or once and then anything.
func (l *listing) star(sub *syntax.Regexp, bits float64) openings {
	o := nothing()
	for _, begin := range l.node(sub, bits) {
		if begin.text == "" && !begin.open {
			continue
		}
		o = append(o, opening{begin.text, true})
	}
	return o.tidy()
}

func (l *listing) alternate(subs []*syntax.Regexp, bits float64) openings {
	var o openings
	for _, sub := range subs {
		o = append(o, l.node(sub, bits)...)
	}
	if l.work += len(o); l.work > maxWork {
		return anything()
	}
	return o.tidy()
}

func (l *listing) literal(re *syntax.Regexp, bits float64) openings {
	o := nothing()
	runes := slices.Clone(re.Rune)
	if l.back {
		slices.Reverse(runes)
	}
	for _, r := range runes {
		one := []rune{r}
		if re.Flags&syntax.FoldCase != 0 {
			for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
				one = append(one, f)
			}
		}
		o = l.join(o, l.oneOf(one), bits)
	}
	return o
}

func (l *listing) class(ranges []rune) openings {
	var all []rune
	for i := 0; i < len(ranges); i += 2 {
		if len(all)+int(ranges[i+1]-ranges[i]) > 3*maxClass {
			return anything()
		}
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			all = append(all, r)
		}
	}
	return l.oneOf(all)
}

// oneOf lists the characters, folded; anything when they are too many or one of
// them has no bytes of its own.
func (l *listing) oneOf(all []rune) openings {
	var o openings
	for _, r := range all {
		if r == utf8.RuneError || l.bytewise && r >= utf8.RuneSelf {
			return anything()
		}
		text := []byte(fold(string(r)))
		if l.back {
			slices.Reverse(text)
		}
		o = append(o, opening{string(text), false})
	}
	o = o.tidy()
	if len(o) > maxClass || len(o) == 0 {
		return anything()
	}
	return o
}

// bitsOf estimates how telling a text is, in ordinary requests.
func bitsOf(text string) float64 {
	sum := 0.0
	for i := range len(text) {
		sum += bitsOfByte(text[i])
	}
	return sum
}

func chanceOf(text string) float64 { return math.Exp2(-bitsOf(text)) }

// bitsOfByte follows the frequencies of letters in English, of digits in
// identifiers and of signs in JSON.
func bitsOfByte(b byte) float64 {
	const letters = "etaoinsrhldcumfpgwybvkxjqz"
	switch {
	case 'a' <= b && b <= 'z':
		for i := range len(letters) {
			if letters[i] == b {
				return 3.5 + 0.25*float64(i)
			}
		}
		return 10
	case '0' <= b && b <= '9', b == '"', b == ' ':
		return 4.5
	case b == ',', b == ':', b == '/', b == '.', b == '-', b == '_':
		return 6
	case b == '=', b == '&', b == '{', b == '}', b == '[', b == ']', b == '\n':
		return 7
	case b == '(', b == ')', b == '\'', b == ';', b == '%', b == '+':
		return 8
	default:
		return 9.5
	}
}
