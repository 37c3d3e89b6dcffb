package report

import (
	"strconv"
	"strings"

	"github.com/autodefend/autodefend"
)

// page is a report for people. Text, markdown and html render it; all its
// strings are foreign to them and made safe by each.
type page struct {
	title string
	// summary is one line that says it all.
	summary string
	// incomplete says what the errors mean; "" when nothing is missing.
	incomplete string
	errors     []autodefend.ScopeError
	tiles      []tile
	blocks     []block
	// next says what to do now; may be empty.
	next string
}

// tile is one number of the summary.
type tile struct {
	label string
	value string
	tone  tone
}

// tone is the meaning of a colour. Nothing is said by tone alone.
type tone string

const (
	toneNone  tone = ""
	toneGood  tone = "good"
	toneInfo  tone = "info"
	toneWarn  tone = "warn"
	toneBad   tone = "bad"
	toneMuted tone = "muted"
	// toneBold emphasises without meaning anything.
	toneBold tone = "bold"
)

// block is a part of a page under one heading. Its parts are shown in the
// order of the fields; most blocks have one or two.
type block struct {
	heading string
	// id is what links refer to; may be empty.
	id string
	// folded blocks are opened by the reader where the format can do that.
	folded bool
	text   string
	grid   *grid
	// names are compact lists of names.
	names []nameList
	items []item
	diff  []diffLine
	// blocks are one level below.
	blocks []block
}

// grid is a table.
type grid struct {
	caption string
	columns []string
	rows    [][]cell
	// flex is the column that gives way when the terminal is narrow.
	flex int
	// wrap breaks the flexible column's text instead of cutting it.
	wrap bool
}

// cell is one cell of a grid.
type cell struct {
	text string
	// suffix is never cut.
	suffix string
	// symbol goes before the text where colours are allowed.
	symbol string
	// note is shown below the text, where the grid wraps.
	note string
	tone tone
	// link is the id of a block.
	link string
}

// nameList is a list of names in one place.
type nameList struct {
	place string
	names []string
}

// item is a line of a list.
type item struct {
	label string
	text  string
	hint  string
	tone  tone
}

// diffLine is one line of a change: op is '+', '-', '~' or ' '.
type diffLine struct {
	op   byte
	text string
}

// summaryLine is the summary with what is wrong ahead of it: no reader of one
// line may take a part for the whole.
func (p page) summaryLine() string {
	if p.incomplete == "" {
		return p.summary
	}
	if len(p.errors) == 0 {
		return "INCOMPLETE: " + p.summary
	}
	return "INCOMPLETE, " + count(len(p.errors), "error") + ": " + p.summary
}

func (p page) summaryTone() tone {
	if p.incomplete != "" {
		return toneBad
	}
	return toneBold
}

// scopeText names the account and region of an error.
func scopeText(e autodefend.ScopeError) string {
	return strings.TrimSpace(e.Account + " " + e.Region)
}

// errorItem renders an error as a line of a list.
func errorItem(e autodefend.ScopeError) item {
	text := e.Message + " (" + string(e.Code) + ")"
	if scope := scopeText(e); scope != "" {
		text = scope + ": " + text
	}
	return item{label: "error", text: text, hint: e.Hint, tone: toneBad}
}

// count renders "1 error" and "2 errors".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// reasonItems lists reasons with the numbers they rest on.
func reasonItems(reasons []autodefend.Reason, t tone) []item {
	return each(reasons, func(r autodefend.Reason) item {
		text := r.Message
		if e := evidenceText(r.Evidence); e != "" {
			text += " [" + e + "]"
		}
		return item{label: string(r.Check), text: text, hint: r.Hint, tone: t}
	})
}

// evidenceText renders "seen 128, limit 256 MB".
func evidenceText(e *autodefend.Evidence) string {
	if e == nil {
		return ""
	}
	var parts []string
	if s := valueText(e.Seen, e.Unit); s != "" {
		parts = append(parts, "seen "+s)
	}
	if s := valueText(e.Limit, e.Unit); s != "" {
		parts = append(parts, "limit "+s)
	}
	return strings.Join(parts, ", ")
}

// valueText renders one value of evidence, or "" when there is none.
func valueText(v any, unit string) string {
	var s string
	switch x := v.(type) {
	case int64:
		s = grouped(x)
	case int:
		s = grouped(int64(x))
	case string:
		return x
	default:
		return ""
	}
	return strings.TrimSpace(s + " " + unit)
}

// grouped renders 262144000 as 262,144,000.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	first := 0
	if n < 0 {
		first = 1
	}
	for i := len(s) - 3; i > first; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// whyCell is the first reason in one line, and how many more there are.
func whyCell(reasons []autodefend.Reason, prefix string) cell {
	if len(reasons) == 0 {
		return cell{}
	}
	c := cell{text: prefix + string(reasons[0].Check) + ": " + reasons[0].Message}
	if more := len(reasons) - 1; more > 0 {
		c.suffix = " (+" + strconv.Itoa(more) + " more)"
	}
	return c
}

// runtimeText names the runtime; images have none.
func runtimeText(runtime string) string {
	if runtime == "" {
		return "image"
	}
	return runtime
}

func decisionTone(d autodefend.Decision) tone {
	switch d {
	case autodefend.Protect:
		return toneInfo
	case autodefend.Protected:
		return toneGood
	case autodefend.Repair:
		return toneBad
	case autodefend.Skip:
		return toneWarn
	case autodefend.Exclude:
		return toneMuted
	}
	return toneNone
}
