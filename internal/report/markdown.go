package report

import (
	"bytes"
	"strings"
)

// encodeMarkdown renders the page in GitHub's dialect.
func encodeMarkdown(p page) []byte {
	m := &markdown{escape: markdownEscapes()}
	m.line("# " + m.text(p.title))
	m.line("**" + m.text(p.summaryLine()) + "**")
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
		m.line(m.text(p.next))
	}
	return append(bytes.TrimRight(m.out.Bytes(), "\n"), '\n')
}

type markdown struct {
	out    bytes.Buffer
	escape *strings.Replacer
}

// text escapes foreign text: it can't start markup, a link, HTML or a mention,
// and stays in its table cell.
func (m *markdown) text(s string) string { return m.escape.Replace(strings.TrimSpace(clean(s))) }

// line writes a line of Markdown and an empty one.
func (m *markdown) line(s string) {
	m.out.WriteString(s + "\n")
	if !strings.HasPrefix(s, "> ") {
		m.out.WriteByte('\n')
	}
}

func (m *markdown) quote(s string) {
	m.out.WriteString(strings.TrimRight("> "+m.text(s), " ") + "\n")
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
		m.line(strings.Repeat("#", min(level, 6)) + " " + m.text(b.heading))
	}
	if b.text != "" {
		m.line(m.text(b.text))
	}
	if b.grid != nil {
		m.grid(b.grid)
	}
	for _, l := range b.names {
		m.line("- " + m.text(l.place) + ": " + strings.Join(each(l.names, m.text), ", "))
	}
	for _, i := range b.items {
		s := "- **" + m.text(i.label) + "**: " + m.text(i.text)
		if i.hint != "" {
			s += " *" + m.text(i.hint) + "*"
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
	m.row(each(g.columns, m.text))
	m.row(each(g.columns, func(string) string { return "---" }))
	for _, cells := range g.rows {
		m.row(each(cells, func(c cell) string {
			s := m.text(c.text + c.suffix)
			if c.symbol != "" {
				s = c.symbol + " " + s
			}
			if c.note != "" {
				s += "<br>" + m.text(c.note)
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

func markdownEscapes() *strings.Replacer {
	return strings.NewReplacer(
		`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "~", `\~`, "|", `\|`,
		"<", "&lt;", ">", "&gt;", "&", "&amp;", "://", "&#58;//", "www.", "www&#46;",
		// GitHub looks for mentions and references after it decoded entities;
		// a space of no width keeps it from finding any.
		"@", "@&#8203;", "#", "#&#8203;",
	)
}
