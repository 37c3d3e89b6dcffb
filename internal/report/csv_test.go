package report

import (
	"encoding/csv"
	"strings"
	"testing"
)

func TestCSVCell(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{"plain", "plain"},
		{"a=b", "a=b"},
		{"=1+1", "'=1+1"},
		{"+1", "'+1"},
		{"-1", "'-1"},
		{"@SUM(A1)", "'@SUM(A1)"},
		{"\t=1", "' =1"},
		{"\rx", "' x"},
		{"  =cmd|' /C calc'!A0", "'  =cmd|' /C calc'!A0"},
		{"\n=1", "' =1"},
		{"\x1b[0m=1", "'=1"},
		{"＝1", "'＝1"},
		{"日本", "日本"},
		{"a\r\nb", "a  b"},
	}
	for _, tt := range tests {
		if got := csvCell(tt.in); got != tt.want {
			t.Errorf("csvCell(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

// readCSV reads strictly: every record has as many fields as the header.
func readCSV(t *testing.T, text string) [][]string {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatalf("the CSV doesn't read back: %v", err)
	}
	return records
}

func TestCSVShape(t *testing.T) {
	for name, r := range samples() {
		text := must(t, r, FormatCSV, Style{})
		if strings.Count(text, "\n") != strings.Count(text, "\r\n") {
			t.Errorf("%s: lines don't all end with CRLF, as RFC 4180 has it", name)
		}
		readCSV(t, text)
	}
	records := readCSV(t, must(t, samples()["plan"], FormatCSV, Style{}))
	want := "account,region,name,arn,runtime,decision,checks,reasons,warnings,hint"
	if got := strings.Join(records[0], ","); got != want {
		t.Errorf("header %q, want %q", got, want)
	}
	if n := len(records); n != 1+1+len(samplePlan().Functions) {
		t.Errorf("%d records, want the header, the error and one per function", n)
	}
}

func TestCSVInjection(t *testing.T) {
	p := wholePlan()
	p.Functions[1].Warnings[0].Message = `=HYPERLINK("http://evil","x")`
	p.Functions[1].Runtime = "@SUM(1)"
	for i, record := range readCSV(t, must(t, planOf(p), FormatCSV, Style{})) {
		for _, cell := range record {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
				t.Errorf("record %d: cell %q is a formula", i, cell)
			}
		}
	}
}
