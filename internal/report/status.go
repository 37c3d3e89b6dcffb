package report

import (
	"strconv"

	"github.com/autodefend/autodefend"
)

type coverageDocument struct{ Coverage }

func (d coverageDocument) data() any { return d.Coverage }

func (d coverageDocument) errors() []autodefend.ScopeError { return d.Errors }

func (d coverageDocument) issues() []issue {
	return d.plan().issues()
}

// plan holds the unprotected functions, for what lists them like a plan's.
func (d coverageDocument) plan() planDocument {
	return planDocument{Plan: &autodefend.Plan{Functions: d.verdicts()}}
}

// records has a row per group, then one per unprotected function.
func (d coverageDocument) records() [][]string {
	n := strconv.Itoa
	out := [][]string{{"group", "key", "functions", "protected", "pending", "skipped", "excluded", "percent", "reasons", "hint"}}
	for _, e := range d.Errors {
		out = append(out, []string{"error", scopeText(e), "", "", "", "", "", "", e.Message + " (" + string(e.Code) + ")", e.Hint})
	}
	share := func(group string, s Share) {
		out = append(out, []string{
			group, s.Key, n(s.Functions), n(s.Protected), n(s.Pending), n(s.Skipped), n(s.Excluded), n(s.Percent), "", "",
		})
	}
	s := d.Summary
	share("total", Share{
		Functions: s.Functions, Protected: s.Protected, Pending: s.Changes(), Skipped: s.Skip, Excluded: s.Exclude, Percent: d.Percent,
	})
	for _, g := range d.groups() {
		for _, s := range g.shares {
			share(g.name, s)
		}
	}
	for _, r := range d.Reasons {
		out = append(out, []string{"check", string(r.Check), n(r.Functions), "", "", "", "", "", r.Meaning, ""})
	}
	for _, u := range d.Unprotected {
		out = append(out, []string{"function", u.ARN.String(), "1", "0", "", "", "", "", u.why(), hintsOf(u.Reasons)})
	}
	return out
}

// why is the reasons in one line.
func (u Unprotected) why() string {
	if len(u.Reasons) == 0 && u.Decision == autodefend.Protect {
		return "can be protected now"
	}
	return messagesOf(u.Reasons)
}

type shareGroup struct {
	name   string
	shares []Share
}

func (d coverageDocument) groups() []shareGroup {
	return []shareGroup{{"account", d.Accounts}, {"region", d.Regions}, {"runtime", d.Runtimes}}
}

func (d coverageDocument) page(f Format) page {
	p := page{
		title: "Autodefend status", summary: d.summary(), incomplete: incompletePlan(d.Errors), errors: d.Errors, next: d.next(),
		tiles: append([]tile{{"coverage", strconv.Itoa(d.Percent) + "%", toneNone}}, planTiles(d.Summary)...),
	}
	for _, g := range d.groups() {
		if len(g.shares) == 0 {
			continue
		}
		p.blocks = append(p.blocks, block{heading: "By " + g.name, grid: shareGrid(g)})
	}
	if len(d.Reasons) > 0 {
		p.blocks = append(p.blocks, block{heading: "By reason", grid: d.reasonGrid()})
	}
	p.blocks = append(p.blocks, d.unprotected(f)...)
	return p
}

func (d coverageDocument) next() string {
	switch {
	case len(d.Errors) > 0:
		return "Next: mend the errors and ask again."
	case d.Summary.Changes() > 0:
		return "Next: autodefend apply"
	case d.Summary.Skip > 0:
		return "For every check of one function: autodefend explain FUNCTION"
	case d.Summary.Functions > 0 && d.Percent == 100:
		return "Every function is protected."
	}
	return ""
}

func shareGrid(g shareGroup) *grid {
	out := &grid{caption: "Coverage by " + g.name, columns: []string{g.name, "functions", "protected", "pending", "skipped", "excluded", "coverage"}}
	for _, s := range g.shares {
		row := []cell{{text: s.Key}}
		for _, n := range []int{s.Functions, s.Protected, s.Pending, s.Skipped, s.Excluded} {
			row = append(row, cell{text: strconv.Itoa(n)})
		}
		out.rows = append(out.rows, append(row, cell{text: strconv.Itoa(s.Percent) + "%"}))
	}
	return out
}

func (d coverageDocument) reasonGrid() *grid {
	g := &grid{caption: "Functions left unprotected, by reason", columns: []string{"check", "functions", "meaning"}, flex: 2}
	for _, r := range d.Reasons {
		g.rows = append(g.rows, []cell{{text: string(r.Check)}, {text: strconv.Itoa(r.Functions)}, {text: r.Meaning}})
	}
	return g
}

// unprotected lists the functions, grouped by check in Markdown, where there
// is room for the hints.
func (d coverageDocument) unprotected(f Format) []block {
	if len(d.Unprotected) == 0 {
		return nil
	}
	plan := d.plan()
	switch f {
	case FormatMarkdown:
		return append(unprotectedByCheck(plan.Functions), safeBlock(plan.Functions)...)
	case FormatHTML:
		return append([]block{{heading: "Left unprotected", grid: verdictGrid("Functions left unprotected", plan.Functions, true)}}, plan.details()...)
	}
	out := plan.attention()
	if out[0].grid != nil {
		out[0].heading = "Left unprotected"
	}
	return out
}
