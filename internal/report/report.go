package report

import (
	"fmt"
	"io"

	"github.com/autodefend/autodefend"
)

// Style says how a table looks. Other formats ignore it.
type Style struct {
	// Color allows ANSI colours and symbols; without it, words are used.
	Color bool
	// Width is the terminal's in columns; 0 is unlimited. Widths below 40
	// count as 40.
	Width int
	// Quiet prints the summary line only. It still tells of errors.
	Quiet bool
}

// Plan renders a plan. The JSON form reads back into an equal plan whose
// digest still holds. Errors are those of w, and [autodefend.CodeInvalid] for
// an unknown format; that is so for all functions of this package.
func Plan(w io.Writer, p *autodefend.Plan, f Format, s Style) error {
	return render(w, planDocument{completePlan(p), p}, f, s)
}

// Run renders the receipts of an apply or a roll-back.
func Run(w io.Writer, r *autodefend.Run, f Format, s Style) error {
	return render(w, runDocument{completeRun(r)}, f, s)
}

// Status renders the coverage of a plan, as [StatusOf] computes it.
func Status(w io.Writer, c Coverage, f Format, s Style) error {
	return render(w, coverageDocument{c.complete()}, f, s)
}

// Explain renders every check of some functions with its numbers, and the
// change an apply would make.
func Explain(w io.Writer, e []Explanation, f Format, s Style) error {
	return render(w, explainDocument{completeExplanations(e)}, f, s)
}

// document is one thing to report, in the shapes that the formats need.
type document interface {
	// data is what JSON and YAML render.
	data() any
	// records are the rows of the CSV form, the header first.
	records() [][]string
	// page is the form for people, composed for the format.
	page(f Format) page
	// issues are what SARIF lists.
	issues() []issue
	// errors tell what is missing from the report.
	errors() []autodefend.ScopeError
}

func render(w io.Writer, d document, f Format, s Style) error {
	b, err := encode(d, f, s)
	if err != nil {
		return fmt.Errorf("render %s: %w", f, err)
	}
	if _, err := w.Write(b); err != nil {
		return fmt.Errorf("write %s: %w", f, err)
	}
	return nil
}

func encode(d document, f Format, s Style) ([]byte, error) {
	switch f {
	case FormatTable:
		return encodeText(d.page(f), s), nil
	case FormatJSON:
		return encodeJSON(d.data())
	case FormatYAML:
		return encodeYAML(d.data())
	case FormatCSV:
		return encodeCSV(d.records())
	case FormatMarkdown:
		return encodeMarkdown(d.page(f)), nil
	case FormatHTML:
		return encodeHTML(d.page(f)), nil
	case FormatSARIF:
		return encodeJSON(sarifOf(d))
	}
	_, err := ParseFormat(string(f))
	return nil, err
}
