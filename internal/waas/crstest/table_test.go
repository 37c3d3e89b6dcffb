package crstest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/waas"
	"github.com/autodefend/autodefend/internal/waas/rules"
)

// row counts the tests of one family.
type row struct {
	attacks, exact, any             int
	corazaExact                     int
	negatives, alarms, corazaAlarms int
}

// TestCoreRuleSet judges each of the Core Rule Set's own tests, and compares the rules that fire with Coraza's.
func TestCoreRuleSet(t *testing.T) {
	all, level := stages(t), levels(t)
	peer, ours, plain := corazaPL1(t, nil), engine(t, policy.LevelCore, waas.CorePlaces()), engine(t, policy.LevelCore, waas.Unfiltered(), waas.CorePlaces())
	whole := engine(t, policy.LevelCore)
	known := known()
	rows := map[int]*row{}
	verdicts := judgeAll(peer, all)
	for i := range all {
		s := &all[i]
		data := s.event.json()
		got, want := fired(ours, data), verdicts[i]
		if i%4 == 0 {
			if unfiltered := fired(plain, data); !slices.Equal(got, unfiltered) {
				t.Errorf("%s: %v fire, without the prefilter %v", s.name, got, unfiltered)
			}
		}
		if diff := difference(got, shared(want)); diff != known[s.name].rules {
			t.Errorf("%s: our rules are %v, Coraza's %v: %q instead of %q\n%s", s.name, got, want, diff, known[s.name].rules, data)
		}
		if lost := missing(got, fired(whole, data)); len(lost) > 0 {
			t.Errorf("%s: %v fire only where the Core Rule Set has the texts", s.name, lost)
		}
		if level[s.rule] == 1 {
			count(rows, s, got, want)
		}
	}
	report(t, rows)
}

func count(rows map[int]*row, s *stage, got, want []int) {
	r := rows[s.family]
	if r == nil {
		r = new(row)
		rows[s.family] = r
	}
	add := func(n *int, when bool) {
		if when {
			*n++
		}
	}
	if !s.attack {
		r.negatives++
		add(&r.alarms, slices.Contains(got, s.rule))
		add(&r.corazaAlarms, slices.Contains(want, s.rule))
		return
	}
	r.attacks++
	add(&r.exact, slices.Contains(got, s.rule))
	add(&r.any, len(got) > 0)
	add(&r.corazaExact, slices.Contains(want, s.rule))
}

// report prints the table and holds the nine families to the figures.
func report(t *testing.T, rows map[int]*row) {
	t.Helper()
	var sum row
	line := func(name string, r *row) {
		t.Logf("figure: crs %-5s attacks %4d  rule fires %4d  any rule %4d  (Coraza %4d)  negatives %3d  alarms %d  (Coraza %d)",
			name, r.attacks, r.exact, r.any, r.corazaExact, r.negatives, r.alarms, r.corazaAlarms)
	}
	for family := 900; family < 950; family++ {
		r := rows[family]
		if r == nil || r.corazaExact == 0 {
			continue // Coraza doesn't run it either
		}
		line(fmt.Sprint(family), r)
		if !slices.Contains(nine(), family) {
			continue
		}
		sum.attacks += r.attacks
		sum.exact += r.exact
		sum.any += r.any
		sum.corazaExact += r.corazaExact
		sum.negatives += r.negatives
		sum.alarms += r.alarms
		sum.corazaAlarms += r.corazaAlarms
	}
	line("nine", &sum)
	if sum.attacks < 1800 || sum.any != sum.attacks || sum.exact*1000 < sum.attacks*998 || sum.alarms > sum.corazaAlarms {
		t.Error("every attack must be detected, 99.8 % by the rule under test, and no more false alarms than Coraza's")
	}
}

// TestStrictLevel judges the attack tests of the rules that only the strict level has.
func TestStrictLevel(t *testing.T) {
	ours := engine(t, policy.LevelStrict)
	attacks, exact, detected := 0, 0, 0
	all := stages(t)
	for i := range all {
		s := &all[i]
		if r := rules.Find(s.rule); r == nil || r.Level != rules.Strict || !s.attack {
			continue
		}
		attacks++
		got := fired(ours, s.event.json())
		if len(got) > 0 {
			detected++
		}
		if slices.Contains(got, s.rule) {
			exact++
		} else {
			t.Logf("%s: %v fire", s.name, got)
		}
	}
	t.Logf("figure: crs strict attacks %d  rule fires %d  any rule %d", attacks, exact, detected)
	if attacks < 500 || exact*100 < attacks*98 {
		t.Error("98 % of the attacks must be detected by the rule under test")
	}
}

// shared are those of the rules that our level crs has.
func shared(ids []int) []int {
	return slices.DeleteFunc(slices.Clone(ids), func(id int) bool {
		r := rules.Find(id)
		return r == nil || r.Level > rules.Core
	})
}

// missing are those of the rules that aren't among the others.
func missing(ids, others []int) []int {
	return slices.DeleteFunc(slices.Clone(ids), func(id int) bool { return slices.Contains(others, id) })
}

// difference writes down the rules that only one side has: "+1 -2".
func difference(ours, theirs []int) string {
	text := ""
	for _, id := range ours {
		if !slices.Contains(theirs, id) {
			text += fmt.Sprintf(" +%d", id)
		}
	}
	for _, id := range theirs {
		if !slices.Contains(ours, id) {
			text += fmt.Sprintf(" -%d", id)
		}
	}
	if text == "" {
		return ""
	}
	return text[1:]
}
