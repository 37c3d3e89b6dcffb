package main

import (
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestExitCode runs every interpreter we can find and compares how it ends.
func TestExitCode(t *testing.T) {
	interpreters := []struct{ name, flag, exit string }{
		{"sh", "-c", "exit 42"},
		{"python3", "-c", "import sys; sys.exit(42)"},
		{"node", "-e", "process.exit(42)"},
		{"ruby", "-e", "exit 42"},
	}
	for _, tt := range interpreters {
		t.Run(tt.name, func(t *testing.T) {
			path := program(t, tt.name)
			got := execute(t, environ(), defender, path, tt.flag, tt.exit)
			if got.code != 42 || got.stderr != "" {
				t.Errorf("got %+v, want exit code 42", got)
			}
		})
	}
	for _, code := range []string{"0", "1", "125", "126", "127", "128", "255"} {
		bare := execute(t, environ(), "/bin/sh", "-c", "exit "+code)
		if got := execute(t, environ(), defender, "/bin/sh", "-c", "exit "+code); got != bare {
			t.Errorf("exit %s: got %+v, want %+v", code, got, bare)
		}
	}
}

// TestDeathBySignal checks that we die of the signal that killed the child.
func TestDeathBySignal(t *testing.T) {
	for sig := syscall.Signal(1); sig <= 64; sig++ {
		switch sig {
		case syscall.SIGSTOP, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU: // stop
			continue
		case syscall.SIGCHLD, syscall.SIGCONT, syscall.SIGURG, syscall.SIGWINCH, 32, 33: // ignored, or glibc's own
			continue
		}
		got := execute(t, environ(), defender, "/bin/sh", "-c", `ulimit -c 0; kill -`+strconv.Itoa(int(sig))+` $$; exit 3`)
		if got.signal != sig || got.stderr != "" {
			t.Errorf("child killed by signal %d (%v): we ended with %+v", int(sig), sig, got)
		}
	}
}

// TestCannotStart checks the ends for a runtime that cannot be started, which is no fault of ours.
func TestCannotStart(t *testing.T) {
	notExecutable := writeFile(t, "data", "data", 0o644)
	garbage := writeFile(t, "garbage", "garbage", 0o755)
	tests := []struct {
		path  string
		code  int
		error string
	}{
		{"/does/not/exist", 127, "no such file or directory"},
		{"nothing-of-this-name", 127, "no such file or directory"},
		{notExecutable, 126, "permission denied"},
		{garbage, 126, "exec format error"},
	}
	for _, tt := range tests {
		got := execute(t, environ(), defender, tt.path)
		if got.code != tt.code || !strings.Contains(got.stderr, tt.error) {
			t.Errorf("%s: got %+v, want exit code %d and %q", tt.path, got, tt.code, tt.error)
		}
		assertJSONLines(t, got.stderr, 2)
	}
}

// TestForeignChildren starts the defender as a process that already has a child, as process 1 of a container has: that
// child is collected and its exit code is not mistaken for the runtime's.
func TestForeignChildren(t *testing.T) {
	script := `sh -c 'exit 9' & foreign=$!; exec "$0" /bin/sh -c 'while [ -e /proc/'$foreign' ]; do :; done; exit 5'`
	if got := execute(t, environ(), "/bin/sh", "-c", script, defender); got.code != 5 || got.stderr != "" {
		t.Errorf("got %+v, want exit code 5", got)
	}
}
