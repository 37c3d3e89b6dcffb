package report

import (
	"bytes"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// terminal writes a page for people at a terminal.
type terminal struct {
	out   bytes.Buffer
	style Style
}

// narrowest is the least width that tables are laid out for.
const narrowest = 40

// encodeText renders the page for a terminal. No line is wider than the style
// allows, but for the summary of a quiet one.
func encodeText(p page, s Style) []byte {
	if s.Width > 0 {
		s.Width = max(s.Width, narrowest)
	}
	t := &terminal{style: s}
	if s.Quiet {
		t.out.WriteString(clean(p.summaryLine()) + "\n")
		return t.out.Bytes()
	}
	t.paragraph(p.summaryLine(), "", "", p.summaryTone())
	if p.incomplete != "" {
		t.paragraph(p.incomplete, "", "", toneBad)
		for _, e := range p.errors {
			t.item(errorItem(e))
		}
	}
	for _, b := range p.blocks {
		t.block(b)
	}
	if p.next != "" {
		t.out.WriteByte('\n')
		t.paragraph(p.next, "", "", toneNone)
	}
	return t.out.Bytes()
}

func (t *terminal) block(b block) {
	t.out.WriteByte('\n')
	if b.heading != "" {
		t.paragraph(b.heading, "", "", toneBold)
	}
	if b.text != "" {
		t.paragraph(b.text, "", "", toneMuted)
	}
	if b.grid != nil {
		t.grid(b.grid)
	}
	for _, l := range b.names {
		t.paragraph(l.place+": "+strings.Join(l.names, ", "), "  ", "    ", toneNone)
	}
	for _, i := range b.items {
		t.item(i)
	}
	for _, l := range b.diff {
		t.paragraph(l.text, "  "+t.paint(string(l.op), opTone(l.op))+" ", "      ", opTone(l.op))
	}
	for _, inner := range b.blocks {
		t.block(inner)
	}
}

func (t *terminal) item(i item) {
	t.paragraph(i.label+": "+i.text, "  ", "    ", i.tone)
	if i.hint != "" {
		t.paragraph("hint: "+i.hint, "    ", "      ", toneNone)
	}
}

func opTone(op byte) tone {
	switch op {
	case '+':
		return toneGood
	case '-':
		return toneBad
	case '~':
		return toneInfo
	}
	return toneMuted
}

// paragraph writes foreign text, wrapped and indented: first is the indent of
// the first line, rest of the others.
func (t *terminal) paragraph(s, first, rest string, tn tone) {
	width := 0
	if t.style.Width > 0 {
		width = t.style.Width - len(rest)
	}
	indent := first
	for _, line := range wrap(clean(s), width) {
		t.out.WriteString(indent + t.paint(line, tn) + "\n")
		indent = rest
	}
}

// paint colours text when colours are allowed.
func (t *terminal) paint(s string, tn tone) string {
	code := map[tone]string{
		toneGood: "32", toneInfo: "36", toneWarn: "33", toneBad: "31", toneMuted: "90", toneBold: "1",
	}[tn]
	if !t.style.Color || code == "" || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// wrap breaks text at spaces into lines of at most width columns; words that
// are longer are broken too. Width 0 is unlimited.
func wrap(s string, width int) []string {
	if width <= 0 || columns(s) <= width {
		return []string{s}
	}
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(s) {
		if line != "" && columns(line)+1+columns(word) <= width {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for columns(word) > width {
			head := text.Trim(word, width)
			if head == "" { // a character wider than the line
				break
			}
			lines = append(lines, head)
			word = word[len(head):]
		}
		line = word
	}
	return append(lines, line)
}

// cut shortens text to width columns. Width 0 is unlimited.
func cut(s string, width int) string {
	if width <= 0 || columns(s) <= width {
		return s
	}
	return text.Trim(s, width-1) + "…"
}

// columns is how wide text is on a terminal.
func columns(s string) int {
	if plain(s) {
		return len(s)
	}
	return text.StringWidthWithoutEscSequences(s)
}
