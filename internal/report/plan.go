package report

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"github.com/autodefend/autodefend"
)

// planDocument is a completed plan and the original, whose seal counts.
type planDocument struct {
	*autodefend.Plan
	original *autodefend.Plan
}

func (d planDocument) data() any { return seal(d.Plan, d.original) }

func (d planDocument) errors() []autodefend.ScopeError { return d.Errors }

func (d planDocument) records() [][]string {
	out := append([][]string{functionHeader("decision")}, errorRecords(d.Errors)...)
	for _, v := range d.Functions {
		out = append(out, []string{
			v.Account, v.Region, v.Name, v.ARN.String(), v.Runtime, string(v.Decision),
			checksOf(v.Reasons), messagesOf(v.Reasons), messagesOf(v.Warnings), hintsOf(v.Reasons),
		})
	}
	return out
}

func (d planDocument) issues() []issue {
	var out []issue
	for _, v := range d.Functions {
		for _, r := range v.Reasons {
			out = append(out, issue{arn: v.ARN, name: v.Name, level: decisionLevel(v.Decision), reason: r})
		}
	}
	return out
}

func (d planDocument) page(f Format) page {
	p := page{
		title: "Autodefend plan", summary: planSummary(d.Summary), incomplete: incompletePlan(d.Errors), errors: d.Errors,
		tiles: planTiles(d.Summary), next: d.next(),
	}
	switch f {
	case FormatMarkdown:
		p.blocks = append(unprotectedByCheck(d.Functions), d.changes()...)
	case FormatHTML:
		p.blocks = append([]block{{heading: "Functions", grid: verdictGrid("All functions", d.Functions, true)}}, d.details()...)
	default:
		p.blocks = d.attention()
	}
	return p
}

func planSummary(s autodefend.Summary) string {
	if s.Functions == 0 {
		return "No functions found."
	}
	n := strconv.Itoa
	return n(s.Protect) + " to protect, " + n(s.Repair) + " to repair, " + n(s.Protected) + " protected, " +
		n(s.Skip) + " skipped, " + n(s.Exclude) + " excluded of " + count(s.Functions, "function") + "."
}

// incompletePlan says what errors mean for a list of functions.
func incompletePlan(errors []autodefend.ScopeError) string {
	if len(errors) == 0 {
		return ""
	}
	return "This is not the whole estate: functions behind these errors are missing, and nothing is concluded from their absence."
}

func planTiles(s autodefend.Summary) []tile {
	n := strconv.Itoa
	return []tile{
		{"functions", n(s.Functions), toneNone},
		{"to protect", n(s.Protect), toneInfo},
		{"to repair", n(s.Repair), toneBad},
		{"protected", n(s.Protected), toneGood},
		{"skipped", n(s.Skip), toneWarn},
		{"excluded", n(s.Exclude), toneMuted},
	}
}

func (d planDocument) next() string {
	switch {
	case len(d.Errors) > 0 && d.Summary.Changes() == 0:
		return "Next: mend the errors and plan again."
	case len(d.Errors) > 0:
		return "Next: mend the errors and plan again, or go on with what was found: autodefend apply"
	case d.Summary.Changes() > 0:
		return "Next: autodefend apply"
	case d.Summary.Skip > 0:
		return "Nothing to apply. For every check of a skipped function: autodefend explain FUNCTION"
	}
	return "Nothing to do."
}

// attention lists the functions with something to say one by one, and those
// that are simply safe to protect compactly.
func (d planDocument) attention() []block {
	var rows []autodefend.Verdict
	for _, v := range d.Functions {
		if len(v.Reasons) > 0 || len(v.Warnings) > 0 || (v.Decision != autodefend.Protect && v.Decision != autodefend.Protected) {
			rows = append(rows, v)
		}
	}
	slices.SortStableFunc(rows, func(a, b autodefend.Verdict) int {
		return cmp.Compare(urgency(a.Decision), urgency(b.Decision))
	})
	var out []block
	if len(rows) > 0 {
		out = append(out, block{grid: verdictGrid("", rows, false)})
	}
	return append(out, safeBlock(d.Functions)...)
}

// safeBlock lists the functions of which there is nothing to say but that they
// can be protected.
func safeBlock(verdicts []autodefend.Verdict) []block {
	var safe []autodefend.Verdict
	for _, v := range verdicts {
		if v.Decision == autodefend.Protect && len(v.Reasons) == 0 && len(v.Warnings) == 0 {
			safe = append(safe, v)
		}
	}
	if len(safe) == 0 {
		return nil
	}
	return []block{{heading: "Safe to protect (" + strconv.Itoa(len(safe)) + ")", names: namesByPlace(safe)}}
}

// decisions returns the decisions in the order in which people should look at
// them.
func decisions() []autodefend.Decision {
	return []autodefend.Decision{autodefend.Repair, autodefend.Protect, autodefend.Skip, autodefend.Exclude, autodefend.Protected}
}

func urgency(d autodefend.Decision) int {
	if i := slices.Index(decisions(), d); i >= 0 {
		return i
	}
	return len(decisions())
}

// verdictGrid is a table with one row per function. The account is shown where
// there are several.
func verdictGrid(caption string, verdicts []autodefend.Verdict, linked bool) *grid {
	accounts := severalAccounts(verdicts)
	g := &grid{caption: caption, columns: []string{"name", "region", "runtime", "decision", "why"}, flex: 4}
	if accounts {
		g.columns, g.flex = slices.Insert(g.columns, 2, "account"), 5
	}
	for i, v := range verdicts {
		why := whyCell(v.Reasons, "")
		if len(v.Reasons) == 0 {
			why = whyCell(v.Warnings, "warning: ")
		}
		name := cell{text: v.Name}
		if linked && detailed(v) {
			name.link = detailID(i)
		}
		row := []cell{name, {text: v.Region}, {text: runtimeText(v.Runtime)}, {text: string(v.Decision), tone: decisionTone(v.Decision)}, why}
		if accounts {
			row = slices.Insert(row, 2, cell{text: v.Account})
		}
		g.rows = append(g.rows, row)
	}
	return g
}

func severalAccounts(verdicts []autodefend.Verdict) bool {
	return slices.ContainsFunc(verdicts, func(v autodefend.Verdict) bool { return v.Account != verdicts[0].Account })
}

// namesByPlace lists names by region, and by account where there are several.
func namesByPlace(verdicts []autodefend.Verdict) []nameList {
	accounts := severalAccounts(verdicts)
	byPlace := map[string][]string{}
	for _, v := range verdicts {
		place := v.Region
		if accounts {
			place = v.Account + " " + v.Region
		}
		byPlace[place] = append(byPlace[place], v.Name)
	}
	return each(slices.Sorted(maps.Keys(byPlace)), func(place string) nameList {
		return nameList{place: place, names: byPlace[place]}
	})
}

// detailed reports whether there is more to say of a function than its row.
func detailed(v autodefend.Verdict) bool {
	return len(v.Reasons) > 0 || len(v.Warnings) > 0 || v.Change != nil
}

func detailID(i int) string { return "function-" + strconv.Itoa(i+1) }

// details has one folded block per function.
func (d planDocument) details() []block {
	all := block{heading: "Details"}
	for i, v := range d.Functions {
		if !detailed(v) {
			continue
		}
		all.blocks = append(all.blocks, block{
			heading: v.Name + " · " + v.Region + " · " + string(v.Decision), id: detailID(i), folded: true,
			text:  v.ARN.String(),
			items: append(reasonItems(v.Reasons, decisionTone(v.Decision)), reasonItems(v.Warnings, toneMuted)...),
			diff:  diffOf(v.Change),
		})
	}
	if len(all.blocks) == 0 {
		return nil
	}
	return []block{all}
}

// changes shows what an apply would do, function by function.
func (d planDocument) changes() []block {
	all := block{heading: "Changes"}
	for _, v := range d.Functions {
		if v.Change == nil {
			continue
		}
		all.blocks = append(all.blocks, block{
			heading: v.Name + " (" + v.Region + "): " + string(v.Decision), folded: true,
			text: v.ARN.String(), items: reasonItems(v.Warnings, toneMuted), diff: diffOf(v.Change),
		})
	}
	if len(all.blocks) == 0 {
		return nil
	}
	return []block{all}
}

// unprotectedByCheck groups the functions left unprotected by each check that
// failed, the most frequent first.
func unprotectedByCheck(verdicts []autodefend.Verdict) []block {
	groups := map[autodefend.Check]*grid{}
	for _, v := range verdicts {
		if v.Decision == autodefend.Protected {
			continue
		}
		for _, r := range v.Reasons {
			g := groups[r.Check]
			if g == nil {
				g = &grid{caption: string(r.Check), columns: []string{"function", "region", "account", "decision", "why", "hint"}}
				groups[r.Check] = g
			}
			why := r.Message
			if e := evidenceText(r.Evidence); e != "" {
				why += " [" + e + "]"
			}
			g.rows = append(g.rows, []cell{
				{text: v.Name},
				{text: v.Region},
				{text: v.Account},
				{text: string(v.Decision), tone: decisionTone(v.Decision)},
				{text: why},
				{text: r.Hint},
			})
		}
	}
	ids := slices.SortedFunc(maps.Keys(groups), func(a, b autodefend.Check) int {
		return cmp.Or(-cmp.Compare(len(groups[a].rows), len(groups[b].rows)), cmp.Compare(a, b))
	})
	if len(ids) == 0 {
		return nil
	}
	all := block{heading: "Left unprotected"}
	for _, id := range ids {
		all.blocks = append(all.blocks, block{heading: string(id) + " (" + strconv.Itoa(len(groups[id].rows)) + ")", text: ruleOf(id).short, grid: groups[id]})
	}
	return []block{all}
}
