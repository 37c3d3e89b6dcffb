package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/bpf"
)

// sandboxAndExec is a helper process: it puts a filter on itself and becomes argv. The kind is "lambda" for all that
// Lambda's sandbox refuses, "prctl" for that call, "undivided" for what keeps the program from being divided at its entry
// point, and "deadly" for the death of a supervisor before the runtime is started.
func sandboxAndExec(kind string, argv []string) {
	runtime.LockOSThread()
	filter, environment := lambdaFilter(), os.Environ()
	switch kind {
	case "prctl":
		filter, environment = at(unix.SYS_PRCTL, unix.SECCOMP_RET_ERRNO|uint32(unix.EPERM)), environ()
	case "undivided":
		filter = at(unix.SYS_SIGNALFD4, unix.SECCOMP_RET_ERRNO|uint32(unix.EPERM))
	case "deadly":
		filter = at(unix.SYS_LISTEN, unix.SECCOMP_RET_KILL_PROCESS)
	}
	environment = slices.DeleteFunc(environment, func(v string) bool { return strings.HasPrefix(v, envHelper+"=") })
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	if err == nil {
		_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program)))
		if errno == 0 {
			err = syscall.Exec(argv[0], argv, environment)
		} else {
			err = errno
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(99)
}

// at does something at one system call.
func at(call, action uint32) []unix.SockFilter {
	return []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: call},
		{Code: unix.BPF_RET | unix.BPF_K, K: action},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
}

func lambdaFilter() []unix.SockFilter {
	arch, err := bpf.ArchOf(runtime.GOARCH)
	if err != nil {
		panic(err)
	}
	program, err := bpf.LambdaSandbox().Assemble(arch)
	if err != nil {
		panic(err)
	}
	var filter []unix.SockFilter
	for _, in := range program {
		filter = append(filter, unix.SockFilter{Code: in.Code, Jt: in.Jt, Jf: in.Jf, K: in.K})
	}
	return filter
}

// TestLambdaSandbox starts a function where Lambda's refusals are in force and no tier is forced: preload holds the rule.
func TestLambdaSandbox(t *testing.T) {
	if len(enforcing(t)) == 0 {
		t.Skip("SKIPPED: the shim was not built: no C compiler")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	f := startFunction(t, setup{
		policy: encoded(t, envelope(denying(autodefend.Prevent))), argv: python(t),
		env: []string{envHelper + "=lambda"}, program: []string{self, defender},
	})
	line := f.awaitLine("autodefend protects this function")
	if !strings.Contains(line, `"tiers":["preload","watch"]`) {
		t.Errorf("the line of the start: %s", line)
	}
	for i, a := range pythonAttempts() {
		if got := f.invoke(a.event); got.kind != "error" {
			t.Errorf("%s was not refused: %+v", a.name, got)
		}
		if got := f.awaitAudits(i + 1)[i]; got.AttackType != a.attack || got.Tier != autodefend.TierPreload || got.Coverage != autodefend.Enforced {
			t.Errorf("%s: %+v", a.name, got)
		}
	}
}

// TestPrctlRefused runs the defender where prctl is refused, as it is in Lambda.
func TestPrctlRefused(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	got := execute(t, environ(envHelper+"=prctl"), self, defender, "/bin/sh", "-c", "exit 17")
	if got.code == 99 {
		t.Skipf("SKIPPED: seccomp is not usable here: %s", got.stderr)
	}
	if got.code != 17 || got.stderr != "" {
		t.Errorf("got %+v, want exit code 17 in silence", got)
	}
}

// TestArm64 runs the other architecture's build in an emulator. User-mode emulation answers for the emulator in many
// things, so this covers what it can: that the entry point works and the runtime runs.
func TestArm64(t *testing.T) {
	emulator := program(t, "qemu-aarch64-static")
	binary := t.TempDir() + "/wrapper"
	if err := build(binary, "arm64"); err != nil {
		t.Fatal(err)
	}
	const show = `awk '/SigIgn/{print $2}' /proc/$$/status; exit 17`
	bare := ignoredOf(t, execute(t, environ(), "/bin/sh", "-c", show))
	if got := ignoredOf(t, execute(t, environ(), emulator, binary, "/bin/sh", "-c", show)); got != bare {
		t.Errorf("ignored signals %x, want %x as without the wrapper", got, bare)
	}
	const pipeAndUser1 = 0x1200
	got := execute(t, environ(), "/bin/sh", "-c", `trap '' PIPE USR1; exec "$@"`, "sh", emulator, binary, "/bin/sh", "-c", show)
	if got := ignoredOf(t, got); got != bare|pipeAndUser1 {
		t.Errorf("ignored signals %x, want %x", got, bare|pipeAndUser1)
	}
	got = execute(t, environ(), "/bin/sh", "-c", `exec <&-; exec "$@"`, "sh",
		emulator, binary, "/bin/sh", "-c", `test ! -e /proc/$$/fd/0 && echo closed`)
	if got.stdout != "closed\n" {
		t.Errorf("closed input: got %+v", got)
	}
	got = execute(t, environ(), emulator, binary, "/bin/sh", "-c", `kill -9 $$`)
	if got.signal != syscall.SIGKILL {
		t.Errorf("killed child: got %+v", got)
	}
	supervised := environ("TW_POLICY="+encoded(t, envelope(denyingNothing())), "AUTODEFEND_TIERS=none")
	got = execute(t, supervised, emulator, binary, "/bin/sh", "-c", `exit 17`)
	if got.code != 17 || got.stderr != "" {
		t.Errorf("with a supervisor: got %+v", got)
	}
	got = execute(t, supervised, emulator, binary, "/bin/sh", "-c", toGuardian("USR1"))
	if got.code != 18 || got.stderr != "" {
		t.Errorf("signal to the guardian: got %+v", got)
	}
	got = execute(t, supervised, emulator, binary, "/bin/sh", "-c", `kill -9 $$`)
	if got.signal != syscall.SIGKILL || got.stderr != "" {
		t.Errorf("killed child of a supervisor: got %+v", got)
	}
	got = execute(t, append(supervised, "AUTODEFEND_FAIL_MODE=closed"), emulator, binary, "/bin/sh", "-c", `kill -9 $PPID; while :; do sleep 1; done`)
	if got.code != 1 || !strings.Contains(got.stderr, "supervisor died") {
		t.Errorf("killed supervisor: got %+v", got)
	}
}

// ignoredOf returns the mask of ignored signals that a program printed before it exited with 17. The signals 32 and 33
// belong to the C library, and so to the emulator: what is printed of them isn't ours.
func ignoredOf(t *testing.T, got result) uint64 {
	t.Helper()
	const libcs = 3 << 31
	mask, err := strconv.ParseUint(strings.TrimSpace(got.stdout), 16, 64)
	if err != nil || got.code != 17 || got.stderr != "" {
		t.Fatalf("got %+v, want a mask and exit code 17", got)
	}
	return mask &^ libcs
}

// TestReproducible builds twice, from two directories, and compares the binaries.
func TestReproducible(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		first, second := t.TempDir()+"/wrapper", t.TempDir()+"/wrapper"
		for _, target := range []string{first, second} {
			if err := build(target, arch); err != nil {
				t.Fatal(err)
			}
		}
		if out, err := exec.Command("cmp", first, second).CombinedOutput(); err != nil {
			t.Errorf("%s: two builds differ: %s", arch, out)
		}
	}
}
