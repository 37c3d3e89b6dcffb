package report

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/autodefend/autodefend"
)

type runDocument struct{ *autodefend.Run }

func (d runDocument) data() any { return d.Run }

func (d runDocument) errors() []autodefend.ScopeError {
	if d.Stopped == "" {
		return d.Errors
	}
	stopped := autodefend.ScopeError{Code: "stopped", Message: "the run ended early: " + d.Stopped}
	return append([]autodefend.ScopeError{stopped}, d.Errors...)
}

func (d runDocument) records() [][]string {
	out := append([][]string{functionHeader("outcome")}, errorRecords(d.errors())...)
	for _, x := range d.Results {
		out = append(out, []string{
			x.Account, x.Region, x.Name, x.ARN.String(), "", string(x.Outcome),
			checksOf(x.Reasons), messagesOf(x.Reasons), messagesOf(x.Warnings), hintsOf(x.Reasons),
		})
	}
	return out
}

func (d runDocument) issues() []issue {
	var out []issue
	for _, x := range d.Results {
		level, listed := outcomeLevel(x.Outcome)
		if !listed {
			continue
		}
		for _, r := range x.Reasons {
			out = append(out, issue{arn: x.ARN, name: x.Name, level: level, reason: r})
		}
	}
	return out
}

func (d runDocument) page(f Format) page {
	p := page{title: "Autodefend run " + d.Run.Run, summary: d.summary(), errors: d.errors(), next: d.next()}
	if len(p.errors) > 0 {
		p.incomplete = "The run didn't reach every function."
	}
	p.tiles = append(p.tiles, tile{"functions", strconv.Itoa(len(d.Results)), toneNone})
	for _, o := range d.outcomes() {
		p.tiles = append(p.tiles, tile{string(o), strconv.Itoa(d.Summary[o]), outcomeTone(o)})
	}
	if f == FormatHTML {
		p.blocks = d.everything()
		return p
	}
	p.blocks = d.attention()
	return p
}

// outcomes returns the outcomes that are there, those to look at first.
func (d runDocument) outcomes() []autodefend.Outcome {
	return slices.SortedFunc(maps.Keys(d.Summary), func(a, b autodefend.Outcome) int {
		return cmp.Or(cmp.Compare(gravity(a), gravity(b)), cmp.Compare(a, b))
	})
}

// gravity orders outcomes: what needs somebody comes first.
func gravity(o autodefend.Outcome) int {
	order := []autodefend.Outcome{
		autodefend.OutcomeFailed, autodefend.OutcomeChanged, autodefend.OutcomeProtected, autodefend.OutcomeRepaired,
		autodefend.OutcomeRolledBack, autodefend.OutcomeUnchanged, autodefend.OutcomeSkipped,
	}
	if i := slices.Index(order, o); i >= 0 {
		return i
	}
	return len(order)
}

func (d runDocument) summary() string {
	if len(d.Results) == 0 {
		return "No function was touched."
	}
	parts := each(d.outcomes(), func(o autodefend.Outcome) string {
		if o == autodefend.OutcomeChanged {
			return strconv.Itoa(d.Summary[o]) + " changed since planned"
		}
		return strconv.Itoa(d.Summary[o]) + " " + strings.ReplaceAll(string(o), "-", " ")
	})
	return strings.Join(parts, ", ") + " of " + count(len(d.Results), "function") + "."
}

func (d runDocument) next() string {
	attached := d.Summary[autodefend.OutcomeProtected] + d.Summary[autodefend.OutcomeRepaired]
	switch {
	case d.Incomplete():
		return "Next: mend what is listed above and run the same command again; functions that are done are left alone."
	case attached > 0:
		return "To see the coverage: autodefend status. To undo: autodefend rollback --run " + d.Run.Run
	case d.Summary[autodefend.OutcomeRolledBack] > 0:
		return "To see the coverage: autodefend status"
	}
	return "Nothing was changed."
}

// attention lists the receipts with something to say, and the others' names.
func (d runDocument) attention() []block {
	var rows []autodefend.Receipt
	done := map[autodefend.Outcome][]autodefend.Verdict{}
	for _, x := range d.Results {
		if len(x.Reasons) > 0 || len(x.Warnings) > 0 || gravity(x.Outcome) <= gravity(autodefend.OutcomeChanged) {
			rows = append(rows, x)
			continue
		}
		done[x.Outcome] = append(done[x.Outcome], autodefend.Verdict{Name: x.Name, Account: x.Account, Region: x.Region})
	}
	slices.SortStableFunc(rows, func(a, b autodefend.Receipt) int { return cmp.Compare(gravity(a.Outcome), gravity(b.Outcome)) })
	var out []block
	if len(rows) > 0 {
		out = append(out, block{grid: receiptGrid("", rows)})
	}
	for _, o := range d.outcomes() {
		if list := done[o]; len(list) > 0 && o != autodefend.OutcomeUnchanged && o != autodefend.OutcomeSkipped {
			out = append(out, block{heading: string(o) + " (" + strconv.Itoa(len(list)) + ")", names: namesByPlace(list)})
		}
	}
	return out
}

// everything lists all receipts, with details of those that have some.
func (d runDocument) everything() []block {
	out := []block{{heading: "Functions", grid: receiptGrid("All functions of the run", d.Results)}}
	details := block{heading: "Details"}
	for i, x := range d.Results {
		if len(x.Reasons) == 0 && len(x.Warnings) == 0 {
			continue
		}
		out[0].grid.rows[i][0].link = detailID(i)
		details.blocks = append(details.blocks, block{
			heading: x.Name + " · " + x.Region + " · " + string(x.Outcome), id: detailID(i), folded: true, text: x.ARN.String(),
			items: append(reasonItems(x.Reasons, outcomeTone(x.Outcome)), reasonItems(x.Warnings, toneMuted)...),
		})
	}
	if len(details.blocks) > 0 {
		out = append(out, details)
	}
	return out
}

func receiptGrid(caption string, receipts []autodefend.Receipt) *grid {
	accounts := slices.ContainsFunc(receipts, func(x autodefend.Receipt) bool { return x.Account != receipts[0].Account })
	g := &grid{caption: caption, columns: []string{"name", "region", "outcome", "why"}, flex: 3}
	if accounts {
		g.columns, g.flex = slices.Insert(g.columns, 2, "account"), 4
	}
	for _, x := range receipts {
		why := whyCell(x.Reasons, "")
		if len(x.Reasons) == 0 {
			why = whyCell(x.Warnings, "warning: ")
		}
		row := []cell{{text: x.Name}, {text: x.Region}, {text: string(x.Outcome), tone: outcomeTone(x.Outcome)}, why}
		if accounts {
			row = slices.Insert(row, 2, cell{text: x.Account})
		}
		g.rows = append(g.rows, row)
	}
	return g
}

func outcomeTone(o autodefend.Outcome) tone {
	switch o {
	case autodefend.OutcomeProtected, autodefend.OutcomeRepaired:
		return toneGood
	case autodefend.OutcomeRolledBack:
		return toneInfo
	case autodefend.OutcomeFailed:
		return toneBad
	case autodefend.OutcomeChanged:
		return toneWarn
	case autodefend.OutcomeSkipped, autodefend.OutcomeUnchanged:
		return toneMuted
	}
	return toneNone
}
