package policy

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCommandLine(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"nothing", nil, ""},
		{"plain", []string{"wget", "-q", "http://x"}, "wget -q http://x"},
		{"control characters", []string{"a\x1b[2Jb", "c\nd"}, "a [2Jb c d"},
		{"not UTF-8", []string{"a\xffb"}, "a\uFFFDb"},
		{"secret behind an option", []string{"curl", "--token", "hunter2", "x"}, "curl --token *** x"},
		{"secret in an option", []string{"curl", "--api-key=hunter2"}, "curl --api-key=***"},
		{"variable", []string{"env", "AWS_SECRET_ACCESS_KEY=hunter2", "sh"}, "env AWS_SECRET_ACCESS_KEY=*** sh"},
		{"other case", []string{"x", "--PassWord", "hunter2"}, "x --PassWord ***"},
		{"one hyphen", []string{"x", "-password", "hunter2"}, "x -password ***"},
		{"option follows", []string{"x", "--token", "--verbose", "hello"}, "x --token --verbose hello"},
		{"no value", []string{"x", "--token="}, "x --token="},
		{"a word is no option", []string{"x", "token", "hello"}, "x token hello"},
		{"harmless assignment", []string{"x", "--color=red"}, "x --color=red"},
	}
	for _, tt := range tests {
		if got := CommandLine(tt.args); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestCommandLineIsBounded(t *testing.T) {
	for _, args := range [][]string{
		{strings.Repeat("x", 5000)}, {strings.Repeat("ü", 600)}, strings.Split(strings.Repeat("abc ", 5000), " "), {strings.Repeat("\xff", 2000)},
	} {
		if got := CommandLine(args); len(got) > MaxCommand || len(got) < MaxCommand-4 || !utf8.ValidString(got) {
			t.Errorf("%d bytes, valid %t", len(got), utf8.ValidString(got))
		}
	}
}

func FuzzCommandLine(f *testing.F) {
	f.Add("curl", "--token", "hunter2")
	f.Add("a\xff", "", "--password=x=y")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		got := CommandLine([]string{a, b, c})
		if len(got) > MaxCommand || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\x1b\x00") {
			t.Errorf("%q", got)
		}
	})
}

// TestMessagesAreOneLine: what a process is called can't break a log.
func TestMessagesAreOneLine(t *testing.T) {
	c := mustCompile(t, auditRule)
	e := use("/etc/shadow", Read)
	e.Process.Path = "/tmp/a\nb\x1b[31m"
	if d := c.Decide(e); strings.ContainsAny(d.Message, "\n\x1b") || !strings.Contains(d.Message, "/tmp/a b [31m access a suspicious path of /etc/shadow") {
		t.Errorf("message %q", d.Message)
	}
	e = start("/tmp/x\r\ny")
	if d := c.Decide(e); strings.ContainsAny(d.Message+d.Why, "\r\n") {
		t.Errorf("message %q, why %q", d.Message, d.Why)
	}
}

func TestEveryKindHasFacts(t *testing.T) {
	for k := deniedProgram; k <= hijacked; k++ {
		f := k.facts()
		if f.section == "" || f.audit == "" || f.attack == "" || f.severity == "" || len(f.techniques) == 0 {
			t.Errorf("kind %d: %+v", k, f)
		}
		if message(&Event{}, k) == "" {
			t.Errorf("kind %d has no message", k)
		}
	}
	if f := none.facts(); f.section != "" || message(&Event{}, none) != "" {
		t.Error("nothing has facts")
	}
}
