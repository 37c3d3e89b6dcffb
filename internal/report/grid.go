package report

import (
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
)

// gap is the space between two columns of a table.
const gap = 2

// grid lays a table out so that it fits the terminal.
func (t *terminal) grid(g *grid) {
	if len(g.rows) == 0 {
		return
	}
	floor := t.style.Width / 4
	if g.wrap {
		floor = t.style.Width / 2
	}
	widths := fit(naturalWidths(g, t.style.Color), g.flex, floor, t.style.Width)
	w := table.NewWriter()
	w.SetStyle(plainStyle())
	w.SuppressTrailingSpaces()
	header := table.Row{}
	for i, name := range g.columns {
		header = append(header, t.paint(cut(strings.ToUpper(clean(name)), widths[i]), toneBold))
	}
	w.AppendRow(header)
	for _, cells := range g.rows {
		row := table.Row{}
		for i, c := range cells {
			row = append(row, t.cell(c, widths[i], g.wrap))
		}
		w.AppendRow(row)
	}
	t.out.WriteString(w.Render() + "\n")
}

// plainStyle has neither borders nor separators, so that lines can be copied.
func plainStyle() table.Style {
	s := table.StyleDefault
	s.Options = table.OptionsNoBordersAndSeparators
	s.Box.PaddingLeft = ""
	s.Box.PaddingRight = strings.Repeat(" ", gap)
	return s
}

// cell renders one cell in at most width columns.
func (t *terminal) cell(c cell, width int, wraps bool) string {
	s := c.content(t.style.Color)
	if !wraps {
		suffix := clean(c.suffix)
		if left := width - columns(suffix); left > 0 && width > 0 {
			return t.paint(cut(s, left)+suffix, c.tone)
		}
		return t.paint(cut(s+suffix, width), c.tone)
	}
	lines := wrap(s, width)
	if c.note != "" {
		lines = append(lines, wrap(noteText(c), width)...)
	}
	return strings.Join(each(lines, func(l string) string { return t.paint(l, c.tone) }), "\n")
}

// content is the safe text of a cell.
func (c cell) content(symbols bool) string {
	s := clean(c.text)
	if symbols && c.symbol != "" {
		return c.symbol + " " + s
	}
	return s
}

func noteText(c cell) string { return "hint: " + clean(c.note) }

// naturalWidths is how wide the columns would like to be.
func naturalWidths(g *grid, symbols bool) []int {
	widths := each(g.columns, columns)
	for _, row := range g.rows {
		for i, c := range row {
			widths[i] = max(widths[i], columns(c.content(symbols)+clean(c.suffix)))
			if g.wrap && c.note != "" {
				widths[i] = max(widths[i], columns(noteText(c)))
			}
		}
	}
	return widths
}

// fit shrinks columns until the table fits the width: first the flexible
// column down to the floor, then the widest of the others, and the flexible
// one again when those are narrow. Width 0 is unlimited.
func fit(natural []int, flex, floor, width int) []int {
	const narrow = 12
	widths := slices.Clone(natural)
	if width <= 0 {
		return widths
	}
	over := gap*(len(widths)-1) - width
	for _, w := range widths {
		over += w
	}
	if give := min(over, widths[flex]-floor); give > 0 {
		widths[flex] -= give
		over -= give
	}
	for ; over > 0; over-- {
		i := widestBut(widths, flex)
		if i < 0 || (widths[i] <= narrow && widths[flex] >= widths[i]) {
			i = flex
		}
		if widths[i] > 1 {
			widths[i]--
		}
	}
	return widths
}

// widestBut returns the index of the widest column other than one, or -1.
func widestBut(widths []int, but int) int {
	best := -1
	for i, w := range widths {
		if i != but && (best < 0 || w > widths[best]) {
			best = i
		}
	}
	return best
}
