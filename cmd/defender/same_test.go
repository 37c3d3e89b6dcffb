package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// statusFields keeps what a process inherits from /proc/self/status.
const statusFields = `/^(Umask|TracerPid|Uid|Gid|Groups|NSpgid|NSsid|SigPnd|ShdPnd|SigBlk|SigIgn|SigCgt|Cap...|NoNewPrivs|Seccomp|Cpus_allowed):/`

const (
	showStatus      = `exec awk '` + statusFields + `' /proc/self/status`
	showDescriptors = `for f in /proc/$$/fd/*; do n=${f##*/}; echo "$n $(readlink $f) $(awk '/flags/' /proc/$$/fdinfo/$n 2>&1)"; done`
	showLimits      = `exec cat /proc/self/limits`
	showEnviron     = `exec cat /proc/self/environ`
)

// TestChildSeesNoDifference runs the same program with and without the defender from the same starting point and
// compares all that the program can see.
func TestChildSeesNoDifference(t *testing.T) {
	python := `import os,signal,sys;` +
		`signal.pthread_sigmask(signal.SIG_BLOCK,{signal.SIGUSR2,signal.SIGTERM,signal.SIGCHLD,50});` +
		`os.execvp(sys.argv[1],sys.argv[1:])`
	tests := []struct {
		name, prelude, show string
		python              bool
	}{
		{name: "plain signals", prelude: `:`, show: showStatus},
		{name: "ignored signals", prelude: `trap '' HUP INT QUIT USR1 USR2 PIPE ALRM TERM TSTP TTIN TTOU WINCH URG IO`, show: showStatus},
		{name: "ignored SIGCHLD", prelude: `trap '' CHLD`, show: showStatus},
		{name: "blocked signals", prelude: `:`, show: showStatus, python: true},
		{name: "umask", prelude: `umask 027`, show: showStatus},
		{name: "limits", prelude: `:`, show: showLimits},
		{name: "soft limit of descriptors", prelude: `ulimit -S -n 77`, show: showLimits},
		{name: "hard limit of descriptors", prelude: `ulimit -n 64`, show: showLimits},
		{name: "core limit", prelude: `ulimit -c 0; ulimit -s 4096`, show: showLimits},
		{name: "standard streams", prelude: `:`, show: showDescriptors},
		{name: "descriptor 3", prelude: `exec 3>/dev/null`, show: showDescriptors},
		{name: "descriptors with gaps", prelude: `exec 3</dev/zero 4</etc/passwd 5>>/dev/null 9<>/dev/null`, show: showDescriptors},
		{name: "standard input closed", prelude: `exec <&-`, show: showDescriptors},
		{name: "output and error closed, 5 open", prelude: `exec 5>&1 >&- 2>&-`, show: `exec >&5;` + showDescriptors},
		{name: "directory", prelude: `cd /usr/lib`, show: `exec readlink /proc/self/cwd`},
		{name: "priority", prelude: `:`, show: `exec awk '{print $18, $19, $41}' /proc/self/stat`},
		{name: "environment", prelude: `export B=1 A=2 EMPTY= SPACES=' x  '`, show: showEnviron},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			start := []string{"sh", "-c", tt.prelude + `; exec "$@"`, "sh"}
			if tt.python {
				start = []string{program(t, "python3"), "-c", python}
			}
			show := []string{"/bin/sh", "-c", tt.show, "an argument", ""}
			bare := execute(t, environ(), append(start, show...)...)
			wrapped := execute(t, environ(), append(append(start, defender), show...)...)
			if bare.stdout == "" || bare.code != 0 {
				t.Fatalf("the bare program shows nothing: %+v", bare)
			}
			bare.stdout, wrapped.stdout = promised(bare.stdout), promised(wrapped.stdout)
			if diff := cmp.Diff(namePipes(bare.stdout), namePipes(wrapped.stdout)); diff != "" {
				t.Errorf("the program sees a difference (-bare +wrapped):\n%s", diff)
			}
			if wrapped.stderr != bare.stderr || wrapped.code != 0 {
				t.Errorf("got exit code %d and %q on standard error", wrapped.code, wrapped.stderr)
			}
		})
	}
}

// promised drops from what a program sees what it isn't promised with a supervisor: our own variables never reach it, and
// where they were the shim leaves zeros behind the last one; tier kernel shows in two lines of /proc/self/status.
func promised(text string) string {
	if supervised == "" {
		return text
	}
	text = regexp.MustCompile(`(TW_POLICY|AUTODEFEND_TIERS)=[^\x00]*\x00`).ReplaceAllString(text, "")
	text = regexp.MustCompile(`(?m)^(NoNewPrivs|Seccomp):.*$`).ReplaceAllString(text, "$1")
	return strings.TrimRight(text, "\x00")
}

// namePipes splits text into lines and numbers its pipes in the order of their appearance: each run has other ones.
func namePipes(text string) []string {
	names := map[string]string{}
	text = regexp.MustCompile(`pipe:\[\d+\]`).ReplaceAllStringFunc(text, func(pipe string) string {
		if names[pipe] == "" {
			names[pipe] = fmt.Sprintf("pipe %d", len(names))
		}
		return names[pipe]
	})
	return strings.Split(text, "\n")
}

// TestEnvironmentByteForByte gives the defender an environment that os.Environ would not reproduce.
func TestEnvironmentByteForByte(t *testing.T) {
	odd := []string{"Z=1", "A=1", "A=2", "", "NOEQUALS", "=X", "UTF=ä\xff\n", "A=3", "Z=", "PATH=/usr/bin:/bin"}
	if got := rawEnviron(t, odd); got != strings.Join(odd, "\x00")+"\x00" {
		t.Errorf("environment became %q", got)
	}
	if got := rawEnviron(t, nil); got != "" {
		t.Errorf("empty environment became %q", got)
	}
}

func rawEnviron(t *testing.T, env []string) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if env == nil {
		env = []string{}
	}
	process, err := os.StartProcess(defender, []string{defender, "/bin/cat", "/proc/self/environ"},
		&os.ProcAttr{Env: env, Files: []*os.File{nil, w, os.Stderr}})
	_ = w.Close()
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 1<<16)
	n, _ := r.Read(got)
	_ = r.Close()
	if _, err := process.Wait(); err != nil {
		t.Fatal(err)
	}
	return string(got[:n])
}

// TestLargeArguments is at the kernel's limit of 131,072 bytes for one string, terminator included.
func TestLargeArguments(t *testing.T) {
	largest := strings.Repeat("x", 131071)
	script := `printf '%s %s %s' ${#1} ${#2} ${#LARGE}`
	args := []string{defender, "/bin/sh", "-c", script, "sh", largest, largest}
	got := execute(t, environ("LARGE="+largest[len("LARGE="):]), args...)
	if want := "131071 131071 131065"; got.stdout != want || got.stderr != "" {
		t.Errorf("got lengths %q, want %q; standard error %.200q", got.stdout, want, got.stderr)
	}
}

// TestArguments checks that nothing interprets arguments that look like our own.
func TestArguments(t *testing.T) {
	script := `for a; do printf '[%s]' "$a"; done`
	for _, args := range [][]string{{"--version"}, {"wrap", "--", "x"}, {"", " ", "a\nb"}, {"--", "-c", "version"}} {
		want := "[" + strings.Join(args, "][") + "]"
		argv := append([]string{"/bin/sh", "-c", script, "sh"}, args...)
		if got := execute(t, environ(), append([]string{defender}, argv...)...); got.stdout != want {
			t.Errorf("arguments %q arrived as %s", args, got.stdout)
		}
		if got := execute(t, environ(), append([]string{defender, "wrap", "--"}, argv...)...); got.stdout != want {
			t.Errorf("wrap --: arguments %q arrived as %s", args, got.stdout)
		}
	}
}

func TestVersion(t *testing.T) {
	for _, args := range [][]string{{}, {"version"}, {"--version"}} {
		got := execute(t, environ(), append([]string{defender}, args...)...)
		if got.code != 0 || !strings.HasPrefix(got.stdout, "defender ") || got.stderr != "" {
			t.Errorf("defender %v: %+v", args, got)
		}
	}
}
