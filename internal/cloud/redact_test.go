package cloud

import (
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
)

func TestRedact(t *testing.T) {
	tests := []struct {
		name, message string
		secrets       autodefend.Variables
		want          string
	}{
		{"nothing sent", "Function not found: x", nil, "Function not found: x"},
		{"a value", "bad value hunter22 here", autodefend.Variables{"PASSWORD": "hunter22"}, "bad value [value of PASSWORD] here"},
		{"twice", "hunter22 hunter22", autodefend.Variables{"P": "hunter22"}, "[value of P] [value of P]"},
		{"short values stay", "abc is short", autodefend.Variables{"P": "abc"}, "abc is short"},
		{"the longer value", "secret-and-more", autodefend.Variables{"A": "secret", "B": "secret-and-more"}, "[value of A]"},
		{"overlapping values", "abcdef", autodefend.Variables{"A": "abcd", "B": "cdef"}, "[value of A]"},
		{"repeated pattern", "xxxxxxx", autodefend.Variables{"A": "xxxx"}, "[value of A]"},
		{"value equal to the mask", "my value is", autodefend.Variables{"A": "value", "B": "of A"}, "my [value of A] is"},
		{"escaped", `{"A":"line\nbreak \"q\""}`, autodefend.Variables{"A": "line\nbreak \"q\""}, `{"A":"[value of A]"}`},
		{"escaped for HTML", `{"A":"a\u003cb\u0026c"}`, autodefend.Variables{"A": "a<b&c"}, `{"A":"[value of A]"}`},
		{
			"the 4 KB error", `exceeded the 4KB limit. String measured: {"A":"b","C":"dddd"}`,
			nil, "exceeded the 4KB limit.",
		},
		{
			"the validation error", `1 validation error detected: Value '{K=abc, L=d'e}' at 'environment.variables' failed to satisfy`,
			nil, `1 validation error detected: Value [removed] at 'environment.variables' failed to satisfy`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := redact(tt.message, tt.secrets); got != tt.want {
				t.Errorf("redact = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestRedactBoundsTheMessage(t *testing.T) {
	got := redact(strings.Repeat("é", 5000), nil)
	if len(got) > maxMessage+len("…") || !strings.HasSuffix(got, "é…") {
		t.Errorf("redact kept %d bytes", len(got))
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("bad value hunter22", "hunter22", "other")
	f.Add("abcdef", "abcd", "cdef")
	f.Add(`String measured: {"A":"<&>"}`, "<&>x", "\u2028abc")
	f.Add("Value '' at 'environment", "valu", "aaaa")
	f.Fuzz(func(t *testing.T, message, a, b string) {
		got := redact(message, autodefend.Variables{"A": a, "B": b})
		// What remains between the masks is AWS's own text.
		for _, mask := range []string{"[value of A]", "[value of B]", "Value [removed] at", "…"} {
			got = strings.ReplaceAll(got, mask, "\x00")
		}
		for piece := range strings.SplitSeq(got, "\x00") {
			for _, value := range []string{a, b} {
				if len(value) >= shortestSecret && !strings.Contains(value, "\x00") && strings.Contains(piece, value) {
					t.Errorf("redact(%q) left %q in %q", message, value, piece)
				}
			}
		}
	})
}
