package report

import (
	"bytes"
	"cmp"
	_ "embed" // the style sheet
	"html"
	"strings"
)

//go:embed report.css
var styleSheet string

// encodeHTML renders the page as one HTML document that loads nothing and runs
// nothing. It's written by hand: html/template keeps the linker from dropping
// unused methods, which costs the program 17 MB beside the AWS SDK.
func encodeHTML(p page) []byte {
	h := &htmlWriter{}
	h.raw(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
`)
	h.element("title", "", p.title)
	h.raw("<style>\n", styleSheet, "</style>\n</head>\n<body>\n<header>\n")
	h.element("h1", "", p.title)
	h.element("p", ` class="summary"`, p.summaryLine())
	h.raw("</header>\n<main>\n")
	h.errors(p)
	h.tiles(p.tiles)
	for _, b := range p.blocks {
		h.block(b, 2)
	}
	if p.next != "" {
		h.element("p", ` class="next"`, p.next)
	}
	h.raw("</main>\n</body>\n</html>\n")
	return h.out.Bytes()
}

type htmlWriter struct{ out bytes.Buffer }

// raw writes markup of ours.
func (h *htmlWriter) raw(parts ...string) {
	for _, s := range parts {
		h.out.WriteString(s)
	}
}

// text writes foreign text.
func (h *htmlWriter) text(s string) { h.raw(html.EscapeString(clean(s))) }

// element writes foreign text in an element; attributes are ours.
func (h *htmlWriter) element(name, attributes, s string) {
	h.raw("<", name, attributes, ">")
	h.text(s)
	h.raw("</", name, ">\n")
}

func (h *htmlWriter) errors(p page) {
	if p.incomplete == "" {
		return
	}
	h.raw(`<section class="alert" role="alert">`, "\n")
	h.element("h2", "", "Incomplete")
	h.element("p", "", p.incomplete)
	h.items(each(p.errors, errorItem))
	h.raw("</section>\n")
}

func (h *htmlWriter) tiles(tiles []tile) {
	if len(tiles) == 0 {
		return
	}
	h.raw(`<dl class="tiles" aria-label="Summary">`, "\n")
	for _, t := range tiles {
		h.raw(`<div class="`, strings.TrimSpace("tile "+string(t.tone)), `">`)
		h.element("dt", "", t.label)
		h.element("dd", "", t.value)
		h.raw("</div>\n")
	}
	h.raw("</dl>\n")
}

func (h *htmlWriter) block(b block, level int) {
	id := ""
	if b.id != "" {
		id = ` id="` + html.EscapeString(b.id) + `"`
	}
	open, end := "<section"+id+">\n", "</section>\n"
	if b.folded {
		open, end = "<details"+id+">\n", "</details>\n"
	}
	h.raw(open)
	if b.heading != "" {
		name := "h" + string(rune('0'+min(level, 6)))
		if b.folded {
			name = "summary"
		}
		h.element(name, "", b.heading)
	}
	if b.text != "" {
		h.element("p", ` class="muted"`, b.text)
	}
	if b.grid != nil {
		h.grid(b.grid)
	}
	for _, l := range b.names {
		h.element("p", "", l.place+": "+strings.Join(l.names, ", "))
	}
	h.items(b.items)
	h.diff(b.diff)
	for _, inner := range b.blocks {
		h.block(inner, level+1)
	}
	h.raw(end)
}

func (h *htmlWriter) grid(g *grid) {
	if len(g.rows) == 0 {
		return
	}
	h.raw(`<div class="scroll" tabindex="0" role="region" aria-label="`, html.EscapeString(clean(g.caption)), `"><table>`, "\n")
	h.element("caption", "", g.caption)
	h.raw("<thead><tr>")
	for _, name := range g.columns {
		h.raw(`<th scope="col">`)
		h.text(name)
		h.raw("</th>")
	}
	h.raw("</tr></thead>\n<tbody>\n")
	for _, cells := range g.rows {
		h.raw("<tr>")
		for i, c := range cells {
			h.cell(c, i == 0)
		}
		h.raw("</tr>\n")
	}
	h.raw("</tbody>\n</table></div>\n")
}

func (h *htmlWriter) cell(c cell, heads bool) {
	open, end := "<td", "</td>"
	if heads {
		open, end = `<th scope="row"`, "</th>"
	}
	if c.tone != toneNone {
		open += ` class="` + string(c.tone) + `"`
	}
	h.raw(open, ">")
	if c.symbol != "" {
		h.raw(`<span aria-hidden="true">`, html.EscapeString(c.symbol), "</span> ")
	}
	if c.link != "" {
		h.raw(`<a href="#`, html.EscapeString(c.link), `">`)
	}
	h.text(c.text + c.suffix)
	if c.link != "" {
		h.raw("</a>")
	}
	if c.note != "" {
		h.raw("<br><small>")
		h.text(c.note)
		h.raw("</small>")
	}
	h.raw(end)
}

func (h *htmlWriter) items(items []item) {
	if len(items) == 0 {
		return
	}
	h.raw("<ul>\n")
	for _, i := range items {
		h.raw(`<li><strong class="`, string(cmp.Or(i.tone, toneBold)), `">`)
		h.text(i.label)
		h.raw("</strong>: ")
		h.text(i.text)
		if i.hint != "" {
			h.raw("<br><small>")
			h.text(i.hint)
			h.raw("</small>")
		}
		h.raw("</li>\n")
	}
	h.raw("</ul>\n")
}

// diff marks lines by sign and colour, so that nothing depends on colour.
func (h *htmlWriter) diff(lines []diffLine) {
	if len(lines) == 0 {
		return
	}
	h.raw(`<pre class="diff" aria-label="Change">`)
	for _, l := range lines {
		h.raw(`<span class="`, string(opTone(l.op)), `">`, string(l.op), " ")
		h.text(l.text)
		h.raw("</span>\n")
	}
	h.raw("</pre>\n")
}
