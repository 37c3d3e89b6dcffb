package match_test

import (
	"math/rand/v2"
	"regexp/syntax"
	"strings"
	"testing"
	"unicode"

	"github.com/autodefend/autodefend/internal/waas/match/compile"
)

// author writes texts that an expression matches, or nearly.
type author struct {
	rng      *rand.Rand
	tree     *syntax.Regexp
	bytewise bool
	out      []byte
}

func newAuthor(t testing.TB, expr string, seed uint64) *author {
	t.Helper()
	flags := syntax.Perl | syntax.DotNL&^syntax.OneLine
	tree, err := syntax.Parse(expr, flags)
	if err != nil {
		t.Fatal(err)
	}
	return &author{
		rng:      rand.New(rand.NewPCG(seed, 1)),
		tree:     tree,
		bytewise: compile.NamesBytes(expr),
	}
}

// text walks through the expression, then perhaps damages what it wrote.
func (a *author) text() string {
	a.out = a.out[:0]
	for range a.rng.IntN(3) {
		a.noise()
	}
	a.walk(a.tree)
	for range a.rng.IntN(3) {
		a.noise()
	}
	for range a.rng.IntN(3) {
		a.damage()
	}
	return string(a.out)
}

func (a *author) noise() {
	some := []string{"a", " ", "\n", "_", "'", "\xff", "é", "\u017f", "\u212a", "\ufffd", "\xe2\x84", "select ", ";", "0", "$(", "\\"}
	a.out = append(a.out, some[a.rng.IntN(len(some))]...)
}

func (a *author) damage() {
	if len(a.out) == 0 {
		return
	}
	i := a.rng.IntN(len(a.out))
	switch a.rng.IntN(5) {
	case 0:
		a.out[i] = byte(a.rng.IntN(256))
	case 1:
		a.out = append(a.out[:i], a.out[i+1:]...)
	case 2:
		a.out[i] ^= 0x20
	case 3:
		a.out = append(a.out, a.out[i:]...)
	default:
		rest := string(a.out[i:])
		a.out = a.out[:i]
		a.noise()
		a.out = append(a.out, rest...)
	}
}

func (a *author) walk(re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			a.letter(r, re.Flags&syntax.FoldCase != 0)
		}
	case syntax.OpCharClass:
		a.member(re.Rune)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		a.member([]rune{' ', '~', 'a', 'z', 0x80, 0x300})
	case syntax.OpCapture:
		a.walk(re.Sub[0])
	case syntax.OpStar:
		a.repeat(re.Sub[0], 0, 3)
	case syntax.OpPlus:
		a.repeat(re.Sub[0], 1, 3)
	case syntax.OpQuest:
		a.repeat(re.Sub[0], 0, 1)
	case syntax.OpRepeat:
		most := re.Max
		if most < 0 || most > re.Min+3 {
			most = re.Min + 3
		}
		a.repeat(re.Sub[0], re.Min, most)
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			a.walk(sub)
		}
	case syntax.OpAlternate:
		a.walk(re.Sub[a.rng.IntN(len(re.Sub))])
	case syntax.OpBeginLine, syntax.OpEndLine:
		if a.rng.IntN(4) == 0 {
			a.out = append(a.out, '\n')
		}
	}
}

func (a *author) repeat(re *syntax.Regexp, least, most int) {
	n := least
	if most > least {
		n += a.rng.IntN(most - least + 1)
	}
	for range n {
		a.walk(re)
	}
}

func (a *author) member(ranges []rune) {
	if len(ranges) == 0 {
		return
	}
	i := 2 * a.rng.IntN(len(ranges)/2)
	span := min(int(ranges[i+1]-ranges[i])+1, 200)
	a.letter(ranges[i]+rune(a.rng.IntN(span)), false)
}

func (a *author) letter(r rune, anyCase bool) {
	if anyCase {
		for range a.rng.IntN(4) {
			r = unicode.SimpleFold(r)
		}
	}
	if a.bytewise {
		a.out = append(a.out, byte(r))
		return
	}
	a.out = append(a.out, string(r)...)
}

// long repeats texts up to about n bytes.
func (a *author) long(n int) string {
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(a.text())
	}
	return b.String()
}
