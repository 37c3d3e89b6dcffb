package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

// TestSupervisorKilled kills the supervisor while an invocation runs.
func TestSupervisorKilled(t *testing.T) {
	for _, tiers := range forcedTiers(t) {
		t.Run("open/"+tiers, func(t *testing.T) {
			f := startFunction(t, setup{policy: encoded(t, envelope(alertAll())), tiers: tiers, argv: python(t)})
			release := f.hold()
			f.kill9(f.supervisor())
			got := f.awaitAudits(1)[0]
			if got.AttackType != autodefend.AttackPolicyHijacked || got.Function != "orders" || got.Effect != autodefend.Alert {
				t.Errorf("audit %+v", got)
			}
			f.awaitLine("supervisor died")
			if got := release(); got.kind != "response" || got.id != "request-1" {
				t.Errorf("the invocation that ran: %+v", got)
			}
			for i := range 3 {
				if got := f.invoke(fmt.Sprintf("result = %d", i)); got.body != fmt.Sprint(i) {
					t.Errorf("got %+v from a function that should go on", got)
				}
			}
			f.signal(syscall.SIGTERM) // reaches the runtime, whose end is ours
			f.awaitEnd()
		})
		t.Run("closed/"+tiers, func(t *testing.T) {
			closed := func(e *policy.Envelope) { e.FailMode = autodefend.FailClosed }
			f := startFunction(t, setup{policy: encoded(t, envelope(alertAll(), closed)), tiers: tiers, argv: python(t)})
			pid := f.invoke(`import os; result = os.getpid()`).body
			f.hold()
			f.kill9(f.supervisor())
			if status := f.awaitEnd(); status.Signal() != syscall.SIGKILL && status.ExitStatus() != 1 {
				t.Errorf("ended with %#x", status)
			}
			if state, err := os.ReadFile("/proc/" + pid + "/stat"); err == nil && !strings.Contains(string(state), ") Z ") {
				t.Errorf("the runtime lives: %s", state)
			}
			if got := f.awaitAudits(1)[0]; got.AttackType != autodefend.AttackPolicyHijacked || got.Effect != autodefend.Block {
				t.Errorf("audit %+v", got)
			}
		})
	}
}

// hold sends an event and returns when the function works on it. What it returns lets the function answer.
func (f *function) hold() func() said {
	f.t.Helper()
	dir := f.t.TempDir()
	f.events <- fmt.Sprintf(`
import os, time
open(%[1]q, "w").close()
while not os.path.exists(%[2]q): time.sleep(.01)`, dir+"/running", dir+"/go")
	f.await("the invocation", func() bool { return exists(dir + "/running") })
	return func() said {
		f.t.Helper()
		if err := os.WriteFile(dir+"/go", nil, 0o600); err != nil {
			f.t.Fatal(err)
		}
		select {
		case a := <-f.answers:
			return a
		case <-time.After(patience):
			f.t.Fatalf("no answer; the log:\n%s", strings.Join(f.log(), "\n"))
			return said{}
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// TestGuardianKilled: nothing of the function outlives its guardian.
func TestGuardianKilled(t *testing.T) {
	f := startFunction(t, setup{policy: encoded(t, envelope(alertAll())), tiers: "none", argv: python(t)})
	pid := f.invoke(`import os; result = os.getpid()`).body
	f.kill9(f.cmd.Process.Pid)
	f.await("the runtime's end", func() bool {
		state, err := os.ReadFile("/proc/" + pid + "/stat")
		return err != nil || strings.Contains(string(state), ") Z ")
	})
}

// TestUnreadablePolicy starts functions with policies that say nothing.
func TestUnreadablePolicy(t *testing.T) {
	good := encoded(t, envelope(alertAll()))
	tests := []struct {
		name, policy string
		env          []string
		code         int // of the function's end: 7 when it ran
		hijacked     bool
	}{
		{"another's", "eyJhIjoxfQ==", nil, 7, false},
		{"cut", good[:len(good)-9], nil, 7, false},
		{"tampered with", tampered(good), nil, 7, true},
		{"tampered with, closed", tampered(good), []string{"AUTODEFEND_FAIL_MODE=closed"}, 1, true},
		{"signed by another", good, []string{"AUTODEFEND_POLICY_KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "AUTODEFEND_FAIL_MODE=closed"}, 1, true},
		{"another function's", encoded(t, envelope(alertAll(), func(e *policy.Envelope) { e.Target.Function = "payments" })), nil, 7, true},
		{"off", encoded(t, envelope(quiet())), nil, 7, false},
		{"off, closed", encoded(t, envelope(quiet(), func(e *policy.Envelope) { e.FailMode = autodefend.FailClosed })), nil, 7, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := startOnly(t, setup{policy: tt.policy, tiers: "none", env: tt.env, argv: []string{"/bin/sh", "-c", "exit 7"}})
			if status := f.awaitEnd(); status.ExitStatus() != tt.code {
				t.Errorf("exit code %d, want %d\n%s", status.ExitStatus(), tt.code, strings.Join(f.log(), "\n"))
			}
			if tt.hijacked {
				f.awaitAudits(1)
			}
			audits := f.audits()
			if hijacked := len(audits) == 1 && audits[0].AttackType == autodefend.AttackPolicyHijacked; hijacked != tt.hijacked {
				t.Errorf("audits %+v", audits)
			}
		})
	}
}

// tampered changes one character of a policy's content.
func tampered(value string) string {
	i := len(value) - 20
	other := byte('A')
	if value[i] == other {
		other = 'B'
	}
	return value[:i] + string(other) + value[i+1:]
}

func (f *function) kill9(pid int) {
	f.t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		f.t.Fatal(err)
	}
}
