//go:build linux

package runner

import (
	"strings"
	"testing"
)

// refusals asks the kernel for what AWS Lambda refuses, and prints the answer's
// error name for each.
const refusals = `
import ctypes, errno, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(name, nr, *args):
    ctypes.set_errno(0)
    r = libc.syscall(ctypes.c_long(nr), *[ctypes.c_long(a) for a in args])
    print(name, errno.errorcode.get(ctypes.get_errno(), "-") if r < 0 else "ok")
amd = os.uname().machine == "x86_64"
def nr(a, b): return a if amd else b
call("prctl_name", nr(157, 167), 16, 0, 0, 0, 0)
call("no_new_privs", nr(157, 167), 39, 0, 0, 0, 0)
call("seccomp", nr(317, 277), 2, 0, 0)
call("ptrace", nr(101, 117), 0, 0, 0, 0)
call("unshare", nr(272, 97), 0x10000000)
call("chroot", nr(161, 51), 0)
call("mount", nr(165, 40), 0, 0, 0, 0, 0)
call("setns", nr(308, 268), -1, 0)
call("process_vm_readv", nr(310, 270), 1, 0, 0, 0, 0, 0)
call("pidfd_getfd", 438, -1, 0, 0)
call("bpf", nr(321, 280), 0, 0, 0)
call("io_uring_setup", 425, 0, 0)
call("kcmp", nr(312, 272), 1, 1, 0, 0, 0)
call("perf_event_open", nr(298, 241), 0, 0, 0, 0, 0)
call("clone3", 435, 0, 0)
call("getpid", nr(39, 172))
call("memfd_create", nr(319, 279), 0, 0)
`

func TestRunProfileRefuses(t *testing.T) {
	python, err := FindInterpreter(t.Context(), "python3")
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	tests := []struct {
		profile Profile
		refused []string
		allowed []string
	}{
		{
			ProfileLambda,
			strings.Fields("prctl_name no_new_privs seccomp ptrace unshare chroot mount setns process_vm_readv pidfd_getfd bpf io_uring_setup kcmp perf_event_open"),
			strings.Fields("getpid"),
		},
		{ProfileOpen, nil, strings.Fields("unshare getpid")},
	}
	for _, tt := range tests {
		t.Run(string(tt.profile), func(t *testing.T) {
			out, err := Run(bounded(t), Command{Argv: []string{python.Path, "-c", refusals}, Profile: tt.profile, Binds: python.Binds()})
			if err != nil {
				t.Fatal(err)
			}
			got := string(out.Stdout)
			for _, name := range tt.refused {
				if !strings.Contains(got, name+" EPERM\n") {
					t.Errorf("%s is not refused:\n%s%s", name, got, out.Stderr)
				}
			}
			for _, name := range tt.allowed {
				if !strings.Contains(got, name+" ok\n") {
					t.Errorf("%s is refused:\n%s%s", name, got, out.Stderr)
				}
			}
		})
	}
}
