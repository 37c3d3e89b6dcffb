package match_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/autodefend/autodefend/internal/waas/match"
)

const leastLimit = 2 << 20

// dice writes n letters out of some.
func dice(seed uint64, some string, n int) string {
	rng := rand.New(rand.NewPCG(seed, 2))
	var b strings.Builder
	for range n {
		b.WriteByte(some[rng.IntN(len(some))])
	}
	return b.String()
}

// exploding expressions have more states than fit.
func exploding() []string {
	return []string{
		`(?:a|b)*a(?:a|b){14}c`,
		`(?:^|b)(?:[ab]{3}|a)*a[ab]{13}$\n`,
		`a[ab]{20}\bc`,
		`(?i)\Ba.{15}k`,
	}
}

func TestExplodingExpressionsStayInTheirBudget(t *testing.T) {
	m := match.New(1)
	for id, expr := range exploding() {
		p, like := program(t, expr), newPeer(t, expr)
		for seed := range uint64(2) {
			text := dice(seed, "ab", 20_000)
			compare(t, m, id, p, like, expr, text)
			compare(t, m, id, p, like, expr, text+"abbbabababbbababababac k\n")
		}
	}
	c := m.Counts()
	if c.Bytes > leastLimit {
		t.Errorf("%d bytes, limit %d", c.Bytes, leastLimit)
	}
	if c.Drops == 0 || c.Simulated == 0 {
		t.Errorf("nothing was driven to its limits: %+v", c)
	}
}

func TestMachinesShareOneBudget(t *testing.T) {
	m := match.New(1)
	expr := exploding()[0]
	p, like := program(t, expr), newPeer(t, expr)
	for id := range 40 {
		compare(t, m, id, p, like, expr, dice(uint64(id), "ab", 6_000))
	}
	if c := m.Counts(); c.Bytes > leastLimit || c.Drops == 0 {
		t.Errorf("40 automata in %d bytes, limit %d, dropped %d times", c.Bytes, leastLimit, c.Drops)
	}
}

// TestWorkPerByteIsBounded counts the instructions visited on texts that are
// made to need new states all the time.
func TestWorkPerByteIsBounded(t *testing.T) {
	const perByte = 150
	m := match.New(0)
	worst := 0.0
	for id, expr := range append(exploding(), crsExpressions(t)...) {
		p := program(t, expr)
		hostile := newAuthor(t, expr, 3)
		for _, text := range []string{hostile.long(3_000), dice(4, "abcs'\"`;|&(){}[]<>=$/\\. \n%0", 3_000)} {
			before := m.Counts().Steps
			matchAll(m, id, p, text)
			cost := float64(m.Counts().Steps-before) / float64(len(text))
			if cost > worst {
				worst = cost
				t.Logf("%.0f instructions per byte: %.80q", cost, expr)
			}
		}
	}
	if worst > perByte {
		t.Errorf("%.0f instructions per byte, limit %d", worst, perByte)
	}
	if c := m.Counts(); c.Bytes > match.DefaultLimit {
		t.Errorf("%d bytes, limit %d", c.Bytes, match.DefaultLimit)
	}
}

// matchAll goes on behind each match, so that the whole text is read.
func matchAll(m *match.Machine, id int, p match.Program, text string) {
	for len(text) > 0 {
		_, end, ok := m.Find(id, p, text)
		if !ok {
			return
		}
		text = text[max(end, 1):]
	}
}

func TestWarmMachineAllocatesNothing(t *testing.T) {
	m := match.New(0)
	exprs := expressions()
	programs := make([]match.Program, len(exprs))
	for id, expr := range exprs {
		programs[id] = program(t, expr)
	}
	run := func() {
		for id, p := range programs {
			for _, text := range values() {
				m.Match(id, p, text)
				m.Find(id, p, text)
			}
		}
	}
	run()
	if n := testing.AllocsPerRun(3, run); n > 0 {
		t.Errorf("%v allocations in a warm run", n)
	}
}
