package report

import (
	"errors"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
)

func TestParseFormat(t *testing.T) {
	for _, f := range Formats() {
		if got, err := ParseFormat(string(f)); err != nil || got != f {
			t.Errorf("ParseFormat(%q) = %q, %v", f, got, err)
		}
	}
	tests := []struct{ in, hint string }{
		{"jsn", "did you mean json?"},
		{"JSON", "did you mean json?"},
		{"yml", "did you mean yaml?"},
		{"md", "did you mean markdown?"},
		{"mark", "did you mean markdown?"},
		{"sariff", "did you mean sarif?"},
		{"xml", "use one of table, json, yaml, csv, markdown, html, sarif"},
		{"", "use one of"},
		{"protobuf", "use one of"},
		{strings.Repeat("x", 5000), "use one of"},
	}
	for _, tt := range tests {
		_, err := ParseFormat(tt.in)
		if autodefend.ErrorCode(err) != autodefend.CodeInvalid {
			t.Errorf("ParseFormat(%.20q): code %q, want invalid", tt.in, autodefend.ErrorCode(err))
		}
		if hint := autodefend.ErrorHint(err); !strings.HasPrefix(hint, tt.hint) {
			t.Errorf("ParseFormat(%.20q): hint %q, want %q…", tt.in, hint, tt.hint)
		}
		if !strings.Contains(err.Error(), "-o/--output") || len(err.Error()) > 200 {
			t.Errorf("ParseFormat(%.20q): message %q", tt.in, err)
		}
	}
}

func TestUnknownFormat(t *testing.T) {
	for name, r := range samples() {
		if err := r(&strings.Builder{}, "xml", Style{}); autodefend.ErrorCode(err) != autodefend.CodeInvalid {
			t.Errorf("%s: %v, want an invalid format", name, err)
		}
	}
}

type fullDisk struct{}

var errFull = errors.New("no space left on device")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestWriteError(t *testing.T) {
	for name, r := range samples() {
		for _, f := range Formats() {
			if err := r(fullDisk{}, f, Style{}); !errors.Is(err, errFull) {
				t.Errorf("%s as %s: %v, want the writer's error", name, f, err)
			}
		}
	}
}

// TestErrorsAreShown holds the first rule of the package.
func TestErrorsAreShown(t *testing.T) {
	for name, want := range map[string]string{
		"plan": "not authorized to perform", "status": "not authorized to perform", "run": "rate exceeded",
	} {
		for _, f := range Formats() {
			if got := must(t, samples()[name], f, Style{}); !strings.Contains(got, want) {
				t.Errorf("%s as %s doesn't show the error %q", name, f, want)
			}
		}
		if got := must(t, samples()[name], FormatTable, Style{Quiet: true}); !strings.HasPrefix(got, "INCOMPLETE, ") || strings.Count(got, "\n") != 1 {
			t.Errorf("%s, quiet: %q, want one line that says INCOMPLETE", name, got)
		}
	}
	for _, f := range Formats() {
		if got := must(t, samples()["run"], f, Style{}); !strings.Contains(got, "interrupted") {
			t.Errorf("run as %s doesn't say that it ended early", f)
		}
		if got := must(t, samples()["plan-whole"], f, Style{}); strings.Contains(got, "INCOMPLETE") || strings.Contains(got, `"incomplete"`) {
			t.Errorf("a whole plan as %s says incomplete", f)
		}
	}
}
