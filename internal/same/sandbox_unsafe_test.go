package same

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/autodefend/autodefend/internal/bpf"
	"golang.org/x/sys/unix"
)

// lambdaSandbox puts the filter on the calling thread, which stays the one that becomes the program.
func lambdaSandbox() error {
	runtime.LockOSThread()
	arch, err := bpf.ArchOf(runtime.GOARCH)
	if err != nil {
		return err
	}
	program, err := bpf.LambdaSandbox().Assemble(arch)
	if err != nil {
		return err
	}
	filter := make([]unix.SockFilter, len(program))
	for i, in := range program {
		filter[i] = unix.SockFilter{Code: in.Code, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no new privileges: %w", err)
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if _, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog))); errno != 0 {
		return fmt.Errorf("install the filter: %w", errno)
	}
	return nil
}
