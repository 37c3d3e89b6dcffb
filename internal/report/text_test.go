package report

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
)

func colorCodes() *regexp.Regexp { return regexp.MustCompile(`\x1b\[[0-9]+m`) }

// widePlan has names, accounts and messages that don't fit anywhere, some of
// them in wide characters.
func widePlan() *autodefend.Plan {
	p := samplePlan()
	p.Functions[1].Name = strings.Repeat("name", 16)
	p.Functions[2].Name = strings.Repeat("x", 300)
	p.Functions[4].Reasons[0].Message = strings.Repeat("生命", 100)
	p.Errors[0].Message = strings.Repeat("longword", 50)
	p.Finish()
	return p
}

func TestWidth(t *testing.T) {
	all := samples()
	all["wide plan"], all["wide status"] = planOf(widePlan()), statusOf(StatusOf(widePlan()))
	codes := colorCodes()
	for name, r := range all {
		for width := 1; width <= 200; width += 13 {
			for _, color := range []bool{false, true} {
				text := must(t, r, FormatTable, Style{Width: width, Color: color})
				for line := range strings.Lines(codes.ReplaceAllString(text, "")) {
					line = strings.TrimSuffix(line, "\n")
					if got := columns(line); got > max(width, narrowest) {
						t.Fatalf("%s at width %d: a line of %d columns: %q", name, width, got, line)
					}
					if strings.HasSuffix(line, " ") {
						t.Fatalf("%s at width %d: white space at the end of %q", name, width, line)
					}
				}
			}
		}
	}
}

// TestNothingIsLostUncut: without a width nothing is cut.
func TestNothingIsLostUncut(t *testing.T) {
	text := must(t, planOf(widePlan()), FormatTable, Style{})
	for _, want := range []string{strings.Repeat("x", 300), strings.Repeat("longword", 50), strings.Repeat("生命", 100)} {
		if !strings.Contains(text, want) {
			t.Errorf("%.20s… is cut", want)
		}
	}
	if strings.Contains(text, "…") {
		t.Error("something is cut")
	}
}

func TestMoreReasonsAreNeverCut(t *testing.T) {
	text := must(t, planOf(samplePlan()), FormatTable, Style{Width: 70})
	if !strings.Contains(text, "(+2 more)") {
		t.Errorf("the number of further reasons is cut:\n%s", text)
	}
}

func TestColorOnlyWhenAsked(t *testing.T) {
	for name, r := range samples() {
		if text := must(t, r, FormatTable, Style{}); strings.Contains(text, "\x1b") || strings.ContainsAny(text, "✓✗") {
			t.Errorf("%s has colours or symbols without being asked", name)
		}
		text := must(t, r, FormatTable, Style{Color: true})
		if on, off := strings.Count(text, "\x1b["), strings.Count(text, "\x1b[0m"); on == 0 || on != 2*off {
			t.Errorf("%s: %d escapes of which %d end a colour", name, on, off)
		}
		for _, f := range Formats()[1:] {
			if must(t, r, f, Style{Color: true, Width: 50, Quiet: true}) != must(t, r, f, Style{}) {
				t.Errorf("%s: the style changes the format %s", name, f)
			}
		}
	}
}

func TestForeignTextInTables(t *testing.T) {
	p := samplePlan()
	p.Functions[1].Warnings[0].Message = "\x1b[2Jgone\x1b]0;title\a\u202eevil\nNAME\r"
	p.Errors[0].Message = "\x1b[31mred"
	p.Finish()
	for _, f := range []Format{FormatTable, FormatMarkdown, FormatCSV, FormatHTML} {
		text := must(t, planOf(p), f, Style{})
		if strings.ContainsAny(text, "\x1b\a\u202e") {
			t.Errorf("%s lets control characters through", f)
		}
		if !strings.Contains(text, "gone\uFFFDevil NAME") {
			t.Errorf("%s doesn't show the rest of the text", f)
		}
	}
}

func TestWrap(t *testing.T) {
	tests := []struct {
		in    string
		width int
		want  []string
	}{
		{"one two three", 0, []string{"one two three"}},
		{"one two three", 7, []string{"one two", "three"}},
		{"one  two", 7, []string{"one two"}},
		{"abcdefgh ij", 3, []string{"abc", "def", "gh", "ij"}},
		{"生命生命", 5, []string{"生命", "生命"}},
		{"生", 1, []string{"生"}},
		{"", 5, []string{""}},
		{"       ", 5, []string{""}},
	}
	for _, tt := range tests {
		if got := wrap(tt.in, tt.width); !slices.Equal(got, tt.want) {
			t.Errorf("wrap(%q, %d) = %q, want %q", tt.in, tt.width, got, tt.want)
		}
	}
}

func TestFit(t *testing.T) {
	tests := []struct {
		name        string
		natural     []int
		floor, wide int
		want        []int
	}{
		{"unlimited", []int{10, 10, 90}, 0, 0, []int{10, 10, 90}},
		{"fits", []int{10, 10, 20}, 10, 44, []int{10, 10, 20}},
		{"the flexible one gives way", []int{10, 10, 90}, 20, 60, []int{10, 10, 36}},
		{"then the widest", []int{30, 10, 90}, 20, 50, []int{16, 10, 20}},
		{"then the flexible one again", []int{30, 10, 90}, 20, 40, []int{12, 10, 14}},
		{"then all", []int{30, 30, 90}, 20, 22, []int{6, 6, 6}},
	}
	for _, tt := range tests {
		if got := fit(tt.natural, 2, tt.floor, tt.wide); !slices.Equal(got, tt.want) {
			t.Errorf("%s: fit = %v, want %v", tt.name, got, tt.want)
		}
	}
}
