package report

import (
	"slices"
	"strings"

	"github.com/autodefend/autodefend"
)

// Format is a form of a report.
type Format string

// The formats.
const (
	// FormatTable is for people at a terminal.
	FormatTable Format = "table"
	// FormatJSON and FormatYAML are complete and stable, for programs.
	FormatJSON Format = "json"
	FormatYAML Format = "yaml"
	// FormatCSV is for spreadsheets.
	FormatCSV Format = "csv"
	// FormatMarkdown is for pull requests and tickets, in GitHub's dialect.
	FormatMarkdown Format = "markdown"
	// FormatHTML is one page without scripts or external resources.
	FormatHTML Format = "html"
	// FormatSARIF is SARIF 2.1.0, for code scanning.
	FormatSARIF Format = "sarif"
)

// Formats returns all formats, in the order they're documented.
func Formats() []Format {
	return []Format{FormatTable, FormatJSON, FormatYAML, FormatCSV, FormatMarkdown, FormatHTML, FormatSARIF}
}

// ParseFormat reads the name of a format. An unknown name is an error with
// [autodefend.CodeInvalid] whose hint has the nearest name.
func ParseFormat(s string) (Format, error) {
	if f := Format(s); slices.Contains(Formats(), f) {
		return f, nil
	}
	names := make([]string, 0, len(Formats()))
	for _, f := range Formats() {
		names = append(names, string(f))
	}
	hint := "use one of " + strings.Join(names, ", ")
	if near := nearest(s, names); near != "" {
		hint = "did you mean " + near + "? " + hint
	}
	return "", autodefend.Errorf(autodefend.CodeInvalid, "option -o/--output: unknown format %q", cut(clean(s), 40)).WithHint("%s", hint)
}

// nearest returns the name that s begins or that is closest to it, or "" when
// none is within one edit per three letters, two at most.
func nearest(s string, names []string) string {
	s = strings.ToLower(s)
	if s == "" || len(s) > 20 {
		return ""
	}
	aliases := map[string]string{"yml": "yaml", "md": "markdown", "text": "table", "htm": "html"}
	if name, ok := aliases[s]; ok {
		return name
	}
	best, fewest := "", 1+max(1, min(2, len(s)/3))
	for _, name := range names {
		if strings.HasPrefix(name, s) {
			return name
		}
		if d := autodefend.EditDistance(s, name); d < fewest {
			best, fewest = name, d
		}
	}
	return best
}
