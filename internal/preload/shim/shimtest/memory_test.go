package shimtest

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestValgrind: no access of the shim in a whole program is invalid or uninitialised.
func TestValgrind(t *testing.T) {
	valgrind := needs(t, "valgrind")
	if runtime.GOARCH != "amd64" {
		t.Skip("SKIPPED: tried on amd64 only")
	}
	secret, dir := secretFile(t)
	s := newSupervisor(t, actRules(secret))
	program := program(t, compiler(t, runtime.GOARCH), "acts")
	cmd := s.command(shimFile(t, runtime.GOARCH), valgrind, "-q", "--error-exitcode=9", "--smc-check=all", "--trace-children=no", program, secret, dir)
	cmd.Env = append(cmd.Env, "NO_CHILDREN=1")
	out, err := runBounded(t, cmd, 3*time.Minute)
	if err != nil || !strings.Contains(out, "open: denied\n") {
		t.Errorf("%v, printed\n%s", err, out)
	}
}

// TestNoTrace: a program under the shim has no descriptor more, and the shim takes little memory of its own.
func TestNoTrace(t *testing.T) {
	needs(t, "bash")
	s := newSupervisor(t, rules{modes: map[int]byte{kindExec: modeAsk}, protected: []int{os.Getpid()}, answer: allowAll})
	script := "ls /proc/self/fd; grep -E 'Sig(Blk|Ign|Cgt)' /proc/self/status"
	bare, err := runBounded(t, exec.Command("bash", "-c", script), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	held, err := runBounded(t, s.command(shimFile(t, runtime.GOARCH), "bash", "-c", script), time.Minute)
	if err != nil || bare != held {
		t.Errorf("%v, printed\n%s\nbare\n%s", err, held, bare)
	}
}
