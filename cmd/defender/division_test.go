package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

// helped returns what starts a function in a helper process of a kind.
func helped(t *testing.T, kind string, s setup) setup {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s.program, s.env = []string{self, defender}, append(s.env, envHelper+"="+kind)
	return s
}

// toGuardian is a script whose shell sends a signal to its guardian and exits with 18 when that comes back.
func toGuardian(signal string) string {
	return `trap 'exit 18' ` + signal + `; kill -` + signal + ` $(awk '/^PPid/{print $2}' /proc/$PPID/status); while :; do sleep 0.01; done`
}

// TestDivision: a guardian isn't a Go program while its supervisor lives, and is when it can't be otherwise.
func TestDivision(t *testing.T) {
	started := setup{policy: encoded(t, envelope(alertAll())), tiers: "none", argv: python(t)}
	for _, divided := range []bool{true, false} {
		t.Run(fmt.Sprint(divided), func(t *testing.T) {
			s := started
			if !divided {
				s = helped(t, "undivided", s)
			}
			f := startFunction(t, s)
			tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", f.cmd.Process.Pid))
			if err != nil {
				t.Fatal(err)
			}
			command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", f.supervisor()))
			if err != nil {
				t.Fatal(err)
			}
			if single := len(tasks) == 1; single != divided {
				t.Errorf("the guardian has %d threads", len(tasks))
			}
			if restarted := bytes.Contains(command, []byte("\x00supervise\x00")); restarted == divided {
				t.Errorf("the supervisor is %q", command)
			}
		})
	}
}

// TestSupervisorDiesFirst: a runtime that was not started yet is started without a supervisor, with its own environment, or
// not at all.
func TestSupervisorDiesFirst(t *testing.T) {
	odd := []string{"B=1", "A=2", "NOEQUALS", "UTF=ä\xff"}
	tests := []struct {
		mode autodefend.FailMode
		code int
	}{{autodefend.FailOpen, 7}, {autodefend.FailClosed, 1}}
	for _, tt := range tests {
		t.Run(string(tt.mode), func(t *testing.T) {
			s := setup{
				policy: encoded(t, envelope(alertAll())), tiers: "none", env: append([]string{"AUTODEFEND_FAIL_MODE=" + string(tt.mode)}, odd...),
				argv: []string{"/bin/sh", "-c", `tr '\0' '\n' < /proc/$$/environ; exit 7`},
			}
			f := startOnly(t, helped(t, "deadly", s))
			if status := f.awaitEnd(); status.ExitStatus() != tt.code {
				t.Errorf("ended with %#x, want exit code %d", status, tt.code)
			}
			log := strings.Join(f.log(), "\n")
			if !strings.Contains(log, "supervisor died before the runtime was started") {
				t.Errorf("the log:\n%s", log)
			}
			if ran := strings.Contains(log, strings.Join(odd, "\n")); ran != (tt.code == 7) {
				t.Errorf("what the runtime saw:\n%s", log)
			}
			if strings.Contains(log, "TW_POLICY") {
				t.Error("the runtime saw the policy")
			}
		})
	}
}

// TestUndividedSupervisorKilled is TestSupervisorKilled for a guardian that was a Go program from the start.
func TestUndividedSupervisorKilled(t *testing.T) {
	for mode, effect := range map[autodefend.FailMode]autodefend.Effect{autodefend.FailOpen: autodefend.Alert, autodefend.FailClosed: autodefend.Block} {
		t.Run(string(mode), func(t *testing.T) {
			change := func(e *policy.Envelope) { e.FailMode = mode }
			f := startFunction(t, helped(t, "undivided", setup{policy: encoded(t, envelope(alertAll(), change)), tiers: "none", argv: python(t)}))
			f.hold()
			f.kill9(f.supervisor())
			if got := f.awaitAudits(1)[0]; got.AttackType != autodefend.AttackPolicyHijacked || got.Effect != effect {
				t.Errorf("audit %+v", got)
			}
			if mode == autodefend.FailOpen {
				f.signal(syscall.SIGTERM)
			}
			f.awaitEnd()
		})
	}
}

// TestSignalsToGuardian sends signals one after the other, so that the later ones find a guardian that the first has woken.
func TestSignalsToGuardian(t *testing.T) {
	supervised := environ("TW_POLICY="+encoded(t, envelope(denyingNothing())), "AUTODEFEND_TIERS=none")
	for _, signal := range []string{"USR1", "TERM", "HUP", "INT", "CONT", "WINCH", "40", "64", "TSTP", "TTIN"} {
		got := execute(t, supervised, defender, "/bin/sh", "-c", toGuardian(signal))
		if got.code != 18 || got.stderr != "" {
			t.Errorf("%s: got %+v", signal, got)
		}
	}
	const twice = `trap 'n=1' TSTP; trap '[ -n "$n" ] && exit 18; exit 1' TERM
g=$(awk '/^PPid/{print $2}' /proc/$PPID/status); kill -TSTP $g; while [ -z "$n" ]; do sleep 0.01; done
kill -TERM $g; while :; do sleep 0.01; done`
	if got := execute(t, supervised, defender, "/bin/sh", "-c", twice); got.code != 18 || got.stderr != "" {
		t.Errorf("TERM after TSTP: got %+v", got)
	}
}

// TestStoppedAtOnce: with fail mode closed a runtime doesn't go on without its supervisor even where the sandbox refuses to let
// it die with its parent, as Lambda's does, and its guardian can't get the memory to become a Go program.
func TestStoppedAtOnce(t *testing.T) {
	closed := func(e *policy.Envelope) { e.FailMode = autodefend.FailClosed }
	f := startFunction(t, helped(t, "lambda", setup{policy: encoded(t, envelope(alertAll(), closed)), tiers: "none", argv: python(t)}))
	pid := f.invoke(`import os; result = os.getpid()`).body
	f.hold()
	none := unix.Rlimit{}
	if err := unix.Prlimit(f.cmd.Process.Pid, unix.RLIMIT_AS, &none, nil); err != nil {
		t.Fatal(err)
	}
	f.kill9(f.supervisor())
	f.await("the runtime's stop", func() bool {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		return err != nil || strings.Contains(string(stat), ") T ") || strings.Contains(string(stat), ") Z ")
	})
	f.awaitEnd()
	if strings.Contains(strings.Join(f.log(), "\n"), "supervisor died") {
		t.Error("the guardian became a Go program after all")
	}
}
