// Command testtotals runs "go test" and closes with one line of totals,
// "N passed, N failed, N skipped". Skipped tests are listed by name and reason,
// so that a green run cannot hide what it left out.
//
//	go run ./internal/testtotals -race ./...
//
// The arguments are those of go test. The exit status is 0 only when every
// package built and passed and at least one test ran.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run executes go test with args and writes its report to out. It returns the
// exit status: 0, or 1 for any failure.
func run(args []string, out, stderr io.Writer) int {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = stderr
	events, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintf(stderr, "testtotals: start go test: %v\n", err)
		return 1
	}
	totals, readErr := read(events, out)
	waitErr := cmd.Wait()
	totals.print(out)

	switch {
	case readErr != nil:
		fmt.Fprintf(stderr, "testtotals: read events: %v\n", readErr)
		return 1
	case waitErr != nil:
		var exit *exec.ExitError
		if !errors.As(waitErr, &exit) {
			fmt.Fprintf(stderr, "testtotals: go test: %v\n", waitErr)
		}
		return 1
	case totals.failed > 0 || totals.passed == 0:
		return 1
	}
	return 0
}
