package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
)

// TestConcurrentInvocations: workers that the runtime forks serve several invocations at once, as on managed instances.
// Each may speak to Lambda, and an audit names no request when there are several.
func TestConcurrentInvocations(t *testing.T) {
	const workers = 4
	for _, tiers := range enforcing(t) {
		t.Run(tiers, func(t *testing.T) {
			argv := python(t)
			source, err := os.ReadFile(argv[1])
			if err != nil {
				t.Fatal(err)
			}
			fork := fmt.Sprintf("import os\nfor _ in range(%d):\n    if os.fork() == 0: break\n", workers-1)
			argv[1] = writeFile(t, "bootstrap.py", fork+string(source), 0o644)
			f := startFunction(t, setup{policy: encoded(t, envelope(denying(autodefend.Prevent))), tiers: tiers, argv: argv})
			dir := t.TempDir()
			for range workers {
				f.events <- fmt.Sprintf(`
import os, time
open(%[1]q + "/" + str(os.getpid()), "w").close()
while len(os.listdir(%[1]q)) < %[2]d: time.sleep(.01)
try: open("/etc/hostname").close()
except PermissionError as e: result = "refused"`, dir, workers)
			}
			for range workers {
				select {
				case a := <-f.answers:
					if a.body != `"refused"` {
						t.Errorf("got %+v", a)
					}
				case <-time.After(patience):
					t.Fatalf("no answer\n%s", strings.Join(f.log(), "\n"))
				}
			}
			pids := map[int]bool{}
			for _, a := range f.awaitAudits(workers) {
				pids[a.PID] = true
				if a.AttackType != autodefend.AttackFileAccess {
					t.Errorf("audit %+v", a)
				}
			}
			if len(pids) != workers {
				t.Errorf("audits of %d processes, want %d", len(pids), workers)
			}
		})
	}
}

// TestMemory: the supervisor's resident memory after some work. The figure is the promise of a function of 128 MB.
func TestMemory(t *testing.T) {
	const limitKB, guardianKB = 15 << 10, 1 << 10
	for _, tiers := range append(enforcing(t), "watch") {
		t.Run(tiers, func(t *testing.T) {
			f := startFunction(t, setup{policy: encoded(t, envelope(denying(autodefend.Alert))), tiers: tiers, argv: python(t)})
			for range 50 {
				f.invoke(`import subprocess; result = subprocess.run(["/usr/bin/true"]).returncode`)
			}
			supervisor, guardian := residentKB(t, f.supervisor()), residentKB(t, f.cmd.Process.Pid)
			t.Logf("resident: supervisor %d kB, guardian %d kB", supervisor, guardian)
			if supervisor > limitKB {
				t.Errorf("the supervisor has %d kB, want at most %d", supervisor, limitKB)
			}
			if guardian > guardianKB {
				t.Errorf("the guardian has %d kB, want at most %d", guardian, guardianKB)
			}
		})
	}
}

func residentKB(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kB, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kB
}
