//go:build linux

package runner

import (
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autodefend/autodefend/internal/bpf"
)

// forbidNamespaces takes from this process, for good, the right to make
// namespaces, as a container's seccomp profile does.
func forbidNamespaces(t *testing.T) {
	t.Helper()
	const newNamespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS
	arch, err := bpf.ArchOf(runtime.GOARCH)
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	instructions, err := bpf.Filter{Name: "test", Rules: []bpf.Rule{
		{Call: "clone", When: []bpf.Condition{bpf.HasAny(0, newNamespaces)}, Then: bpf.Errno(uint16(unix.EPERM))},
		{Call: "clone3", Then: bpf.Errno(uint16(unix.ENOSYS))},
		{Call: "unshare", Then: bpf.Errno(uint16(unix.EPERM))},
	}}.Assemble(arch)
	if err != nil {
		t.Fatal(err)
	}
	var program []unix.SockFilter
	for _, in := range instructions {
		program = append(program, unix.SockFilter{Code: in.Code, Jt: in.Jt, Jf: in.Jf, K: in.K})
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if os.Geteuid() != 0 {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := installFilter(program, unix.SECCOMP_FILTER_FLAG_TSYNC); err != nil {
		t.Fatal(err)
	}
}
