package bypass

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/autodefend/autodefend/internal/bpf"
)

// lambdaSandbox refuses, on the calling thread and in what it starts, what Lambda's own sandbox refuses.
// Preconditions: the goroutine is locked to its thread and ends with it.
func lambdaSandbox() error {
	arch, err := bpf.ArchOf(runtime.GOARCH)
	if err != nil {
		return err
	}
	program, err := bpf.LambdaSandbox().Assemble(arch)
	if err != nil {
		return fmt.Errorf("assemble Lambda's filter: %w", err)
	}
	code := make([]unix.SockFilter, len(program))
	for i, in := range program {
		code[i] = unix.SockFilter{Code: in.Code, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	prog := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return fmt.Errorf("install Lambda's filter: %w", errno)
	}
	return nil
}
