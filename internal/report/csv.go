package report

import (
	"bytes"
	"encoding/csv"
	"strings"

	"github.com/autodefend/autodefend"
)

// encodeCSV renders records by RFC 4180. Cells a spreadsheet would take for a
// formula get a leading apostrophe.
func encodeCSV(records [][]string) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	for _, record := range records {
		if err := w.Write(each(record, csvCell)); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// csvCell makes a cell inert. Spreadsheets read the full-width forms of the
// signs too.
func csvCell(s string) string {
	if s == "" {
		return s
	}
	if strings.ContainsAny(s[:1], "\t\r") {
		return "'" + clean(s)
	}
	s = clean(s)
	if strings.IndexAny(strings.TrimSpace(s), "=+-@＝＋－＠") == 0 {
		return "'" + s
	}
	return s
}

// The parts of records that several documents share.

func checksOf(reasons []autodefend.Reason) string {
	return strings.Join(each(distinctChecks(reasons), func(c autodefend.Check) string { return string(c) }), " ")
}

func messagesOf(reasons []autodefend.Reason) string {
	return strings.Join(each(reasons, func(r autodefend.Reason) string { return r.Message }), "; ")
}

func hintsOf(reasons []autodefend.Reason) string {
	var out []string
	for _, r := range reasons {
		if r.Hint != "" {
			out = append(out, r.Hint)
		}
	}
	return strings.Join(out, "; ")
}

// functionHeader is the header of records that have one row per function.
func functionHeader(result string) []string {
	return []string{"account", "region", "name", "arn", "runtime", result, "checks", "reasons", "warnings", "hint"}
}

// errorRecords are rows that say what is missing, in the columns of
// [functionHeader]. They come first, so that nobody overlooks them.
func errorRecords(errors []autodefend.ScopeError) [][]string {
	return each(errors, func(e autodefend.ScopeError) []string {
		return []string{e.Account, e.Region, "", "", "", "error", string(e.Code), e.Message, "", e.Hint}
	})
}
