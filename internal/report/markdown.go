package report

import (
	"bytes"
	"strings"
)

// encodeMarkdown renders the page in GitHub's dialect.
func encodeMarkdown(p page) []byte {
	m := &markdown{}
	m.line("# " + mdText(p.title))
	m.line("**" + mdText(p.summaryLine()) + "**")
	if p.incomplete != "" {
		m.line("> [!CAUTION]")
		m.quote(p.incomplete)
		for _, e := range p.errors {
			i := errorItem(e)
			m.quote("")
			m.quote(i.label + ": " + i.text)
			if i.hint != "" {
				m.quote("hint: " + i.hint)
			}
		}
		m.out.WriteByte('\n')
	}
	if len(p.tiles) > 0 {
		m.tiles(p.tiles)
	}
	for _, b := range p.blocks {
		m.block(b, 2)
	}
	if p.next != "" {
		m.line(mdText(p.next))
	}
	return append(bytes.TrimRight(m.out.Bytes(), "\n"), '\n')
}

type markdown struct{ out bytes.Buffer }

// line writes a line of Markdown and an empty one.
func (m *markdown) line(s string) {
	m.out.WriteString(s + "\n")
	if !strings.HasPrefix(s, "> ") {
		m.out.WriteByte('\n')
	}
}

func (m *markdown) quote(s string) {
	m.out.WriteString(strings.TrimRight("> "+mdText(s), " ") + "\n")
}

func (m *markdown) tiles(tiles []tile) {
	labels := each(tiles, func(t tile) string { return t.label })
	values := []cell{}
	for _, t := range tiles {
		values = append(values, cell{text: t.value})
	}
	m.grid(&grid{columns: labels, rows: [][]cell{values}})
}

func (m *markdown) block(b block, level int) {
	if b.heading != "" {
		m.line(strings.Repeat("#", min(level, 6)) + " " + mdText(b.heading))
	}
	if b.text != "" {
		m.line(mdText(b.text))
	}
	if b.grid != nil {
		m.grid(b.grid)
	}
	for _, l := range b.names {
		m.line("- " + mdText(l.place) + ": " + strings.Join(each(l.names, mdText), ", "))
	}
	for _, i := range b.items {
		s := "- **" + mdText(i.label) + "**: " + mdText(i.text)
		if i.hint != "" {
			s += " *" + mdText(i.hint) + "*"
		}
		m.out.WriteString(s + "\n")
	}
	if len(b.items) > 0 {
		m.out.WriteByte('\n')
	}
	if len(b.diff) > 0 {
		m.diff(b.diff)
	}
	for _, inner := range b.blocks {
		m.block(inner, level+1)
	}
}

func (m *markdown) grid(g *grid) {
	if len(g.rows) == 0 {
		return
	}
	m.row(each(g.columns, mdText))
	m.row(each(g.columns, func(string) string { return "---" }))
	for _, cells := range g.rows {
		m.row(each(cells, func(c cell) string {
			s := mdText(c.text + c.suffix)
			if c.symbol != "" {
				s = c.symbol + " " + s
			}
			if c.note != "" {
				s += "<br>" + mdText(c.note)
			}
			return s
		}))
	}
	m.out.WriteByte('\n')
}

func (m *markdown) row(cells []string) {
	m.out.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

// diff writes a fenced block; backticks become apostrophes, so that nothing
// closes the fence.
func (m *markdown) diff(lines []diffLine) {
	m.out.WriteString("```diff\n")
	for _, l := range lines {
		op := l.op
		if op == '~' { // GitHub colours "!" lines as changed
			op = '!'
		}
		m.out.WriteString(string(op) + " " + strings.ReplaceAll(clean(l.text), "`", "'") + "\n")
	}
	m.out.WriteString("```\n\n")
}

// mdText escapes foreign text: it can't start markup, a link, HTML or a
// mention, and stays in its table cell.
func mdText(s string) string {
	return strings.NewReplacer(
		`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "~", `\~`, "|", `\|`,
		"<", "&lt;", ">", "&gt;", "&", "&amp;", "://", "&#58;//", "www.", "www&#46;",
		// GitHub looks for mentions and references after it decoded entities;
		// a space of no width keeps it from finding any.
		"@", "@&#8203;", "#", "#&#8203;",
	).Replace(strings.TrimSpace(clean(s)))
}
