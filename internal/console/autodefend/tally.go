package autodefend

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// tally counts functions for a coverage report.
type tally struct {
	functions, defended                           int
	accounts, regions, runtimes, decisions, rules map[string]*api.CoverageCount
	checks                                        map[autodefend.Check]*api.CoverageCheck
	seen                                          time.Time
}

func newTally() *tally {
	return &tally{
		accounts: map[string]*api.CoverageCount{}, regions: map[string]*api.CoverageCount{},
		runtimes: map[string]*api.CoverageCount{}, decisions: map[string]*api.CoverageCount{},
		rules: map[string]*api.CoverageCount{}, checks: map[autodefend.Check]*api.CoverageCheck{},
	}
}

// columns pairs the tally's maps with a report's lists.
func (t *tally) columns(r *api.CoverageReport) []struct {
	to   map[string]*api.CoverageCount
	list *[]api.CoverageCount
} {
	return []struct {
		to   map[string]*api.CoverageCount
		list *[]api.CoverageCount
	}{
		{t.accounts, &r.Accounts},
		{t.regions, &r.Regions},
		{t.runtimes, &r.Runtimes},
		{t.decisions, &r.Decisions},
		{t.rules, &r.Rules},
	}
}

// add counts one function.
func (t *tally) add(info api.FunctionInfo) {
	defended := 0
	if info.Defended {
		defended = 1
	}
	t.functions++
	t.defended += defended
	for to, value := range map[*map[string]*api.CoverageCount]string{
		&t.accounts: info.AccountID, &t.regions: info.Region, &t.runtimes: info.Runtime,
		&t.decisions: string(info.Own.Decision), &t.rules: info.Own.Rule,
	} {
		count(*to, value, 1, defended)
	}
	t.saw(info.ScanTime)
	if info.Defended {
		return
	}
	counted := map[autodefend.Check]bool{}
	for _, r := range info.Own.Reasons {
		if !counted[r.Check] {
			t.check(api.CoverageCheck{Check: r.Check, Count: 1, Message: r.Message, Hint: r.Hint, Example: info.ID})
		}
		counted[r.Check] = true
	}
}

// merge adds what another tally reported.
func (t *tally) merge(r api.CoverageReport) {
	t.functions += r.Functions
	t.defended += r.Defended
	for _, column := range t.columns(&r) {
		for _, c := range *column.list {
			count(column.to, c.Value, c.Count, c.Defended)
		}
	}
	for _, c := range r.Checks {
		t.check(c)
	}
	t.saw(r.Seen)
}

// count adds to one value.
func count(to map[string]*api.CoverageCount, value string, functions, defended int) {
	if to[value] == nil {
		to[value] = &api.CoverageCount{Value: value}
	}
	to[value].Count += functions
	to[value].Defended += defended
}

func (t *tally) check(c api.CoverageCheck) {
	if have := t.checks[c.Check]; have != nil {
		have.Count += c.Count
		return
	}
	t.checks[c.Check] = &c
}

// saw keeps the oldest time.
func (t *tally) saw(at time.Time) {
	if !at.IsZero() && (t.seen.IsZero() || at.Before(t.seen)) {
		t.seen = at
	}
}

// report lists the counts, the most frequent first.
func (t *tally) report() api.CoverageReport {
	r := api.CoverageReport{Functions: t.functions, Defended: t.defended, Checks: []api.CoverageCheck{}, Seen: t.seen}
	for _, column := range t.columns(&r) {
		*column.list = []api.CoverageCount{}
		for _, value := range slices.Sorted(maps.Keys(column.to)) {
			*column.list = append(*column.list, *column.to[value])
		}
		slices.SortStableFunc(*column.list, func(a, b api.CoverageCount) int { return cmp.Compare(b.Count, a.Count) })
	}
	for _, check := range slices.Sorted(maps.Keys(t.checks)) {
		r.Checks = append(r.Checks, *t.checks[check])
	}
	slices.SortStableFunc(r.Checks, func(a, b api.CoverageCheck) int { return cmp.Compare(b.Count, a.Count) })
	return r
}
