//go:build linux

package runner

import (
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/autodefend/autodefend/internal/bpf"
)

// lambdaProgram returns the filter of ProfileLambda for this machine.
func lambdaProgram() ([]unix.SockFilter, error) {
	arch, err := bpf.ArchOf(runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	instructions, err := bpf.LambdaSandbox().Assemble(arch)
	if err != nil {
		return nil, err
	}
	program := make([]unix.SockFilter, len(instructions))
	for i, in := range instructions {
		program[i] = unix.SockFilter{Code: in.Code, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	return program, nil
}
