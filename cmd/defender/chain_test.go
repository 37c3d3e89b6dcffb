package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

const showWrapper = `printf 'runtime:%s:%s' "${AWS_LAMBDA_EXEC_WRAPPER-unset}" "$1"; env | grep AUTODEFEND_; exit 4`

// TestChain runs the owner's own wrapper, good and bad ones. The runtime runs in every case.
func TestChain(t *testing.T) {
	const script = `printf 'next:%s:%s ' "${AWS_LAMBDA_EXEC_WRAPPER-unset}" "$#"; exec "$@"` + "\n"
	good := writeFile(t, "good", "#!/bin/sh\n"+script, 0o755)
	bare := writeFile(t, "bare", script, 0o755)
	locked := writeFile(t, "locked", "#!/bin/sh\n"+script, 0o644)
	badInterpreter := writeFile(t, "bad", "#!/no/such/interpreter\n", 0o755)
	missing := t.TempDir() + "/missing"
	tests := []struct {
		name     string
		env      []string
		stdout   string
		failures int
	}{
		{"none", []string{"AWS_LAMBDA_EXEC_WRAPPER=/opt/autodefend/wrapper"}, "runtime:unset:arg", 0},
		{"good", []string{"AWS_LAMBDA_EXEC_WRAPPER=/opt/autodefend/wrapper", "AUTODEFEND_NEXT_WRAPPER=" + good}, "next:" + good + ":5 runtime:" + good + ":arg", 0},
		{"without variable of ours", []string{"AUTODEFEND_NEXT_WRAPPER=" + good}, "next:" + good + ":5 runtime:" + good + ":arg", 0},
		{"script without interpreter", []string{"AUTODEFEND_NEXT_WRAPPER=" + bare}, "next:" + bare + ":5 runtime:" + bare + ":arg", 0},
		{"missing", []string{"AUTODEFEND_NEXT_WRAPPER=" + missing}, "runtime:" + missing + ":arg", 1},
		{"not executable", []string{"AUTODEFEND_NEXT_WRAPPER=" + locked}, "runtime:" + locked + ":arg", 1},
		{"interpreter missing", []string{"AUTODEFEND_NEXT_WRAPPER=" + badInterpreter}, "runtime:" + badInterpreter + ":arg", 1},
		{"directory", []string{"AUTODEFEND_NEXT_WRAPPER=/usr"}, "runtime:/usr:arg", 1},
		{"too long", []string{"AUTODEFEND_NEXT_WRAPPER=/" + strings.Repeat("x", 5000)}, "runtime:/" + strings.Repeat("x", 5000) + ":arg", 1},
		{"empty", []string{"AWS_LAMBDA_EXEC_WRAPPER=/opt/autodefend/wrapper", "AUTODEFEND_NEXT_WRAPPER="}, "runtime:unset:arg", 0},
		{"itself", []string{"AWS_LAMBDA_EXEC_WRAPPER=" + defender, "AUTODEFEND_NEXT_WRAPPER=" + defender}, "runtime:unset:arg", 1},
		{"marker and settings are ours", []string{"AUTODEFEND_ATTACHED=autodefend/1", "AUTODEFEND_ANYTHING=1"}, "runtime:unset:arg", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := execute(t, environ(tt.env...), defender, "/bin/sh", "-c", showWrapper, "sh", "arg")
			if got.code != 4 || got.stdout != tt.stdout {
				t.Errorf("got exit code %d and %q, want 4 and %q; standard error %q", got.code, got.stdout, tt.stdout, got.stderr)
			}
			assertJSONLines(t, got.stderr, tt.failures)
		})
	}
}

// TestLog checks that the only line without a failure is the one that debugging asks for, and that a closed standard
// error harms nobody.
func TestLog(t *testing.T) {
	quiet := execute(t, environ(), defender, "/bin/sh", "-c", "exit 0")
	if quiet.stderr != "" || quiet.stdout != "" {
		t.Errorf("a normal start is not silent: %+v", quiet)
	}
	debug := execute(t, environ("AUTODEFEND_LOG=debug"), defender, "/bin/sh", "-c", "exit 0")
	assertJSONLines(t, debug.stderr, 1)
	wrong := execute(t, environ("AUTODEFEND_LOG=loud"), defender, "/bin/sh", "-c", "exit 6")
	if wrong.code != 6 {
		t.Errorf("an unknown setting stopped the runtime: %+v", wrong)
	}
	assertJSONLines(t, wrong.stderr, 1)

	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	defer func() { _ = w.Close() }()
	process, err := os.StartProcess(defender, []string{defender, "/bin/sh", "-c", "exit 6"},
		&os.ProcAttr{Env: environ("AUTODEFEND_NEXT_WRAPPER=/missing"), Files: []*os.File{nil, nil, w}})
	if err != nil {
		t.Fatal(err)
	}
	state, err := process.Wait()
	if err != nil || state.ExitCode() != 6 {
		t.Errorf("with a broken standard error: %v, %v; want exit code 6", state, err)
	}
}

// assertJSONLines checks that text is exactly n log lines.
func assertJSONLines(t *testing.T, text string, n int) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if text == "" {
		lines = nil
	}
	if len(lines) != n {
		t.Errorf("got %d lines on standard error, want %d:\n%.2000s", len(lines), n, text)
	}
	for _, line := range lines {
		var record struct{ Time, Level, Msg string }
		if err := json.Unmarshal([]byte(line), &record); err != nil || record.Time == "" || record.Level == "" || record.Msg == "" {
			t.Errorf("not a log line: %q", line)
		}
	}
}
