package report

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
)

// elements reads HTML and fails on tags that aren't balanced.
func elements(t testing.TB, text string) []xml.StartElement {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var out []xml.StartElement
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("the HTML doesn't parse: %v", err)
		}
		if e, ok := token.(xml.StartElement); ok {
			out = append(out, e.Copy())
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// inert fails on whatever could run, load or lead anywhere.
func inert(t testing.TB, text string) {
	t.Helper()
	allowed := strings.Fields("html head meta title style body header h1 h2 h3 h4 h5 h6 p main section ul li strong small br dl div dt dd " +
		"table caption thead tbody tr th td a details summary pre span")
	ids := map[string]bool{}
	var links []string
	for _, e := range elements(t, text) {
		if !slices.Contains(allowed, e.Name.Local) {
			t.Errorf("element <%s>", e.Name.Local)
		}
		for _, a := range e.Attr {
			if !slices.Contains(strings.Fields("lang charset name content http-equiv class role aria-label aria-hidden tabindex scope id href"), a.Name.Local) {
				t.Errorf("attribute %s of <%s>", a.Name.Local, e.Name.Local)
			}
		}
		if id := attribute(e, "id"); id != "" {
			if ids[id] {
				t.Errorf("id %q twice", id)
			}
			ids[id] = true
		}
		if e.Name.Local == "a" {
			links = append(links, attribute(e, "href"))
		}
	}
	for _, link := range links {
		if !ids[strings.TrimPrefix(link, "#")] || !strings.HasPrefix(link, "#") {
			t.Errorf("link to %q leads out of the page or nowhere", link)
		}
	}
}

func TestHTMLIsInert(t *testing.T) {
	for name, r := range samples() {
		text := must(t, r, FormatHTML, Style{})
		inert(t, text)
		if strings.Contains(text, "url(") || strings.Contains(text, "@import") {
			t.Errorf("%s: the style sheet loads something", name)
		}
		if !strings.Contains(text, "prefers-color-scheme: dark") {
			t.Errorf("%s: no dark colours", name)
		}
	}
}

func TestHTMLIsAccessible(t *testing.T) {
	for name, r := range samples() {
		tables, captions, levels := 0, 0, []string{}
		for _, e := range elements(t, must(t, r, FormatHTML, Style{})) {
			switch e.Name.Local {
			case "html":
				if attribute(e, "lang") != "en" {
					t.Errorf("%s: no language", name)
				}
			case "table":
				tables++
			case "caption":
				captions++
			case "th":
				if s := attribute(e, "scope"); s != "col" && s != "row" {
					t.Errorf("%s: a th without scope", name)
				}
			case "h1", "h2", "h3", "h4":
				levels = append(levels, e.Name.Local)
			}
		}
		if tables == 0 || tables != captions {
			t.Errorf("%s: %d tables and %d captions", name, tables, captions)
		}
		for i := 1; i < len(levels); i++ {
			if levels[i][1] > levels[i-1][1]+1 {
				t.Errorf("%s: heading %s follows %s", name, levels[i], levels[i-1])
			}
		}
	}
}

func TestHTMLHostileText(t *testing.T) {
	const script, quote = `<script>alert(1)</script>`, `" onmouseover="alert(1)`
	p := samplePlan()
	for i := range p.Functions {
		v := &p.Functions[i]
		v.Name, v.Runtime, v.Region, v.Account = script, quote, script, quote
		v.Decision = autodefend.Decision("'><img src=x>")
		v.Warnings = []autodefend.Reason{{Check: script, Message: quote, Hint: script, Evidence: &autodefend.Evidence{Seen: script, Unit: quote}}}
		v.Change = &autodefend.Change{Handler: &autodefend.HandlerChange{Before: script, After: quote}}
	}
	p.Errors[0] = autodefend.ScopeError{Account: script, Message: quote, Hint: script}
	r := sampleRun()
	r.Run, r.Stopped = script, script
	for i := range r.Results {
		r.Results[i].Outcome = autodefend.Outcome(quote)
		r.Results[i].Name = script
	}
	for _, render := range []rendering{
		planOf(p), statusOf(StatusOf(p)), runOf(r), explainOf([]Explanation{{Verdict: p.Functions[0], Findings: []autodefend.Finding{{
			Status: script, Reason: autodefend.Reason{Check: quote, Message: script},
		}}}}),
	} {
		text := must(t, render, FormatHTML, Style{})
		inert(t, text)
		if strings.Contains(text, "<script") || strings.Contains(text, `" onmouseover`) {
			t.Error("hostile text gets through")
		}
	}
}
