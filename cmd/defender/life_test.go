package main

import (
	"strings"
	"syscall"
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

// alertAll is a rule that writes an audit for every program and stops nothing.
func alertAll() policy.Rule {
	rule := quiet()
	rule.Processes = policy.Processes{Effect: autodefend.Alert, MainOnly: true}
	return rule
}

// TestInvocations runs functions without any tier: the supervisor and the proxy are there and harm nothing.
func TestInvocations(t *testing.T) {
	tests := []struct {
		name, event, want string
		argv              []string
	}{
		{"python", `result = [1+1, __import__("os").environ.get("TW_POLICY")]`, `[2, null]`, python(t)},
		{"node", `return 1+1`, `2`, []string{program(t, "node"), testFile(t, "bootstrap.mjs")}},
		{"bash", `result=$((1+1))`, `"2"`, []string{program(t, "bash"), testFile(t, "bootstrap.sh")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := startFunction(t, setup{policy: encoded(t, envelope(alertAll())), tiers: "none", argv: tt.argv})
			for range 3 {
				if got := f.invoke(tt.event); got.kind != "response" || got.body != tt.want {
					t.Errorf("got %+v, want %s", got, tt.want)
				}
			}
			line := f.awaitLine("autodefend protects this function")
			if !strings.Contains(line, `"rule":"orders"`) || !strings.Contains(line, `"processes":{"effect":"alert","coverage":"none"}`) {
				t.Errorf("the line of the start: %s", line)
			}
			f.signal(syscall.SIGTERM)
			if status := f.awaitEnd(); status.Signal() != syscall.SIGTERM && status.ExitStatus() != 128+15 {
				t.Errorf("ended with %#x", status)
			}
		})
	}
}

func (f *function) signal(sig syscall.Signal) {
	f.t.Helper()
	if err := syscall.Kill(f.cmd.Process.Pid, sig); err != nil {
		f.t.Fatal(err)
	}
}
