// Command testtotals runs "go test" and closes with one line of totals,
// "N passed, N failed, N skipped". Skipped tests are listed by name and reason,
// so that a green run cannot hide what it left out.
//
//	go run ./internal/testtotals -race ./...
//	go run ./internal/testtotals -race ./a ./b + ./c
//
// The arguments are those of go test; after a lone "+" come those of another
// run, whose tests count too. The exit status is 0 only when every package
// built and passed and at least one test ran.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
)

// then stands between the arguments of two runs.
const then = "+"

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run executes go test with each part of args and writes its report to out. It
// returns the exit status: 0, or 1 for any failure.
func run(args []string, out, stderr io.Writer) int {
	var sum totals
	status := 0
	for len(args) > 0 {
		end := slices.Index(args, then)
		part, rest := args, []string(nil)
		if end >= 0 {
			part, rest = args[:end], args[end+1:]
		}
		totals, err := test(part, out, stderr)
		if err != nil {
			fmt.Fprintf(stderr, "testtotals: %v\n", err)
			status = 1
		}
		sum.join(totals)
		args = rest
	}
	sum.print(out)
	if sum.failed > 0 || sum.passed == 0 {
		return 1
	}
	return status
}

// test executes one go test. That tests failed is in the totals; the error says
// what else went wrong.
func test(args []string, out, stderr io.Writer) (totals, error) {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = stderr
	events, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return totals{}, fmt.Errorf("start go test: %w", err)
	}
	sum, readErr := read(events, out)
	waitErr := cmd.Wait()
	if readErr != nil {
		return sum, fmt.Errorf("read events: %w", readErr)
	}
	var exit *exec.ExitError
	if waitErr != nil && (!errors.As(waitErr, &exit) || sum.failed == 0) {
		return sum, fmt.Errorf("go test: %w", waitErr)
	}
	return sum, nil
}
