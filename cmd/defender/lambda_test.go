package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// refusePrctlAndExec is a helper process: from here on prctl fails with EPERM, as in Lambda's sandbox, and argv runs.
func refusePrctlAndExec(argv []string) {
	runtime.LockOSThread()
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: unix.SYS_PRCTL},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	if err == nil {
		_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program)))
		if errno == 0 {
			err = syscall.Exec(argv[0], argv, environ())
		} else {
			err = errno
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(99)
}

// TestPrctlRefused runs the defender where prctl is refused, as it is in Lambda.
func TestPrctlRefused(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	got := execute(t, environ(envHelper+"=1"), self, defender, "/bin/sh", "-c", "exit 17")
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
	got := execute(t, environ(), emulator, binary, "/bin/sh", "-c", `awk '/SigIgn/{print $2}' /proc/$$/status; exit 17`)
	if got.code != 17 || got.stdout != "0000000000000000\n" || got.stderr != "" {
		t.Errorf("got %+v, want exit code 17", got)
	}
	got = execute(t, environ(), "/bin/sh", "-c", `trap '' PIPE USR1; exec "$@"`, "sh",
		emulator, binary, "/bin/sh", "-c", `awk '/SigIgn/{print $2}' /proc/$$/status; exit 17`)
	if got.code != 17 || got.stdout != "0000000000001200\n" || got.stderr != "" {
		t.Errorf("ignored signals: got %+v, want mask 1200", got)
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
