package main

import (
	"fmt"
	"io"
	"runtime"

	"github.com/autodefend/autodefend/internal/bpf"
)

// printFilter writes the seccomp program of tier kernel for this machine, as it is with every section on.
func printFilter(stdout io.Writer) int {
	arch, err := bpf.ArchOf(runtime.GOARCH)
	if err != nil {
		fmt.Fprintln(stdout, err)
		return 1
	}
	filter := bpf.Supervised(bpf.Options{Processes: true, Network: true, DNS: true, Files: true})
	if _, err := fmt.Fprint(stdout, filter.Dump(arch)); err != nil {
		return 1
	}
	return 0
}
