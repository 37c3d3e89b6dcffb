package report

import (
	"strconv"

	"github.com/autodefend/autodefend"
)

// Explanation is a verdict with the finding of every check, the passed ones
// too.
type Explanation struct {
	Verdict  autodefend.Verdict   `json:"verdict" yaml:"verdict"`
	Findings []autodefend.Finding `json:"findings" yaml:"findings"`
}

type explainDocument struct{ list []Explanation }

func (d explainDocument) data() any {
	return struct {
		Version   int           `json:"version" yaml:"version"`
		Functions []Explanation `json:"functions" yaml:"functions"`
	}{autodefend.PlanVersion, d.list}
}

func (d explainDocument) errors() []autodefend.ScopeError { return nil }

// records has a row per check, then one per line of the change.
func (d explainDocument) records() [][]string {
	out := [][]string{{
		"account", "region", "name", "arn", "runtime", "decision", "check", "status", "message", "seen", "limit", "unit", "hint",
	}}
	for _, e := range d.list {
		v := e.Verdict
		function := []string{v.Account, v.Region, v.Name, v.ARN.String(), v.Runtime, string(v.Decision)}
		row := func(cells ...string) { out = append(out, append(function[:len(function):len(function)], cells...)) }
		for _, f := range e.Findings {
			var seen, limit, unit string
			if x := f.Evidence; x != nil {
				seen, limit, unit = plainValue(x.Seen), plainValue(x.Limit), x.Unit
			}
			row(string(f.Check), string(f.Status), f.Message, seen, limit, unit, f.Hint)
		}
		for _, l := range diffOf(v.Change) {
			row("change", opWord(l.op), l.text, "", "", "", "")
		}
	}
	return out
}

// plainValue renders a number without separators, for programs.
func plainValue(v any) string {
	if n, ok := v.(int64); ok {
		return strconv.FormatInt(n, 10)
	}
	return valueText(v, "")
}

func opWord(op byte) string {
	switch op {
	case '+':
		return "add"
	case '-':
		return "remove"
	case '~':
		return "copy"
	}
	return "keep"
}

func (d explainDocument) issues() []issue {
	var out []issue
	for _, e := range d.list {
		for _, f := range e.Findings {
			i := issue{arn: e.Verdict.ARN, name: e.Verdict.Name, reason: f.Reason}
			switch f.Status {
			case autodefend.Fail:
				i.level = decisionLevel(e.Verdict.Decision)
			case autodefend.Warn:
				i.level = levelNote
			case autodefend.Pass:
				i.kind = kindPass
			case autodefend.Unknown:
				i.kind = kindOpen
			}
			out = append(out, i)
		}
	}
	return out
}

func (d explainDocument) page(Format) page {
	p := page{title: "Autodefend explanation", summary: d.summary()}
	for i, e := range d.list {
		v := e.Verdict
		b := block{
			heading: v.Name + " (" + v.Region + ", " + runtimeText(v.Runtime) + "): " + string(v.Decision),
			id:      detailID(i), text: v.ARN.String(),
		}
		if own := ownReasons(e); len(own) > 0 {
			b.items = reasonItems(own, decisionTone(v.Decision))
		}
		b.blocks = append(b.blocks, block{heading: "Checks", grid: findingGrid(e.Findings)})
		if diff := diffOf(v.Change); len(diff) > 0 {
			b.blocks = append(b.blocks, block{heading: "What an apply would do", diff: diff})
		}
		p.blocks = append(p.blocks, b)
	}
	if len(d.list) == 1 && d.list[0].Verdict.Changes() {
		p.next = "Next: autodefend apply --function " + d.list[0].Verdict.Name
	}
	return p
}

func (d explainDocument) summary() string {
	if len(d.list) == 0 {
		return "No functions found."
	}
	if len(d.list) > 1 {
		return planSummary(autodefend.Summarize(each(d.list, func(e Explanation) autodefend.Verdict { return e.Verdict })))
	}
	counts := map[autodefend.Status]int{}
	for _, f := range d.list[0].Findings {
		counts[f.Status]++
	}
	n := strconv.Itoa
	return string(d.list[0].Verdict.Decision) + ": " + n(counts[autodefend.Fail]) + " failed, " + n(counts[autodefend.Warn]) + " warned, " +
		n(counts[autodefend.Unknown]) + " unknown and " + n(counts[autodefend.Pass]) + " passed of " + count(len(d.list[0].Findings), "check") + "."
}

// ownReasons returns the verdict's reasons that no check gave, such as what a
// repair mends.
func ownReasons(e Explanation) []autodefend.Reason {
	failed := map[string]bool{}
	for _, f := range e.Findings {
		failed[string(f.Check)+"\x00"+f.Message] = true
	}
	var out []autodefend.Reason
	for _, r := range e.Verdict.Reasons {
		if !failed[string(r.Check)+"\x00"+r.Message] {
			out = append(out, r)
		}
	}
	return out
}

func findingGrid(findings []autodefend.Finding) *grid {
	g := &grid{caption: "Every check with what it saw and its limit", columns: []string{"result", "check", "seen", "limit", "message"}, flex: 4, wrap: true}
	for _, f := range findings {
		var seen, limit string
		if e := f.Evidence; e != nil {
			seen, limit = valueText(e.Seen, e.Unit), valueText(e.Limit, e.Unit)
		}
		g.rows = append(g.rows, []cell{
			{text: string(f.Status), tone: statusTone(f.Status), symbol: statusSymbol(f.Status)},
			{text: string(f.Check)},
			{text: seen},
			{text: limit},
			{text: f.Message, note: f.Hint},
		})
	}
	return g
}

func statusTone(s autodefend.Status) tone {
	switch s {
	case autodefend.Pass:
		return toneGood
	case autodefend.Warn:
		return toneWarn
	case autodefend.Fail:
		return toneBad
	case autodefend.Unknown:
		return toneMuted
	}
	return toneNone
}

func statusSymbol(s autodefend.Status) string {
	switch s {
	case autodefend.Pass:
		return "✓"
	case autodefend.Warn:
		return "!"
	case autodefend.Fail:
		return "✗"
	case autodefend.Unknown:
		return "?"
	}
	return ""
}
