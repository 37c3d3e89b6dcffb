package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// event is one line of "go test -json"; see "go doc test2json".
type event struct {
	Action     string
	Package    string
	ImportPath string // of a build-output event
	Test       string // empty for what happens to a whole package
	Elapsed    float64
	Output     string
}

// testID names a test or subtest; name is empty for the package itself.
type testID struct{ pkg, name string }

// totals is the outcome of a run. Subtests count beside the tests that hold
// them; a package that fails without a failing test counts as one failure.
type totals struct {
	passed, failed, skipped int

	failures []testID
	skips    []skip
}

// skip is a test that declined to run, and its own words for why.
type skip struct {
	test   testID
	reason string
}

// read consumes events until in ends and writes to out what a person wants to
// see: a line per package, and everything that a failing test or build printed.
// Lines that are no event are passed through.
func read(in io.Reader, out io.Writer) (totals, error) {
	var sum totals
	pending := make(map[testID][]string)
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil || e.Action == "" {
				fmt.Fprintf(out, "%s", line)
			} else {
				sum.add(e, pending, out)
			}
		}
		if err == io.EOF {
			return sum, nil
		}
		if err != nil {
			return sum, err
		}
	}
}

// join adds the outcome of another run.
func (t *totals) join(other totals) {
	t.passed += other.passed
	t.failed += other.failed
	t.skipped += other.skipped
	t.failures = append(t.failures, other.failures...)
	t.skips = append(t.skips, other.skips...)
}

// add counts one event. pending holds the output of what is still running.
func (t *totals) add(e event, pending map[testID][]string, out io.Writer) {
	id := testID{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		fmt.Fprint(out, e.Output)
	case "output":
		pending[id] = append(pending[id], e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			t.endPackage(e, pending, out)
		} else {
			t.endTest(e.Action, id, pending[id], out)
		}
		delete(pending, id)
	}
}

func (t *totals) endTest(action string, id testID, output []string, out io.Writer) {
	switch action {
	case "pass":
		t.passed++
		figures(output, out)
	case "fail":
		t.failed++
		t.failures = append(t.failures, id)
		fmt.Fprint(out, strings.Join(output, ""))
	case "skip":
		t.skipped++
		t.skips = append(t.skips, skip{id, reason(output)})
	}
}

// figures prints what passing tests measured: the lines they log with
// "figure: " in them.
func figures(output []string, out io.Writer) {
	for line := range strings.Lines(strings.Join(output, "")) {
		if _, figure, ok := strings.Cut(line, "figure: "); ok {
			fmt.Fprintf(out, "      %s\n", strings.TrimSpace(figure))
		}
	}
}

// endPackage prints the package's own last words, and those of tests that never
// ended. A failing package without a failing test did not build, panicked or
// exited outside a test, or ran out of time.
func (t *totals) endPackage(e event, pending map[testID][]string, out io.Writer) {
	if e.Action == "pass" {
		fmt.Fprintf(out, "ok    %s  %.1fs\n", e.Package, e.Elapsed)
	}
	if e.Action != "fail" { // a skipped package has no tests
		return
	}
	for id, output := range pending {
		if id.pkg == e.Package && id.name != "" {
			fmt.Fprint(out, strings.Join(output, ""))
			delete(pending, id)
		}
	}
	fmt.Fprint(out, strings.Join(pending[testID{pkg: e.Package}], ""))
	known := slices.ContainsFunc(t.failures, func(id testID) bool { return id.pkg == e.Package })
	if !known {
		t.failed++
		t.failures = append(t.failures, testID{pkg: e.Package})
	}
}

// reason joins what a skipped test said, without the runner's own lines.
func reason(output []string) string {
	var said []string
	for line := range strings.Lines(strings.Join(output, "")) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- ") {
			continue
		}
		said = append(said, line)
	}
	if len(said) == 0 {
		return "no reason given"
	}
	return strings.Join(said, " ")
}

// print closes the report: skips and failures by name, then the totals alone on
// the last line, in the form that CI reads.
func (t *totals) print(out io.Writer) {
	for _, s := range t.skips {
		fmt.Fprintf(out, "SKIP  %s  %s\n", s.test, s.reason)
	}
	for _, id := range t.failures {
		fmt.Fprintf(out, "FAIL  %s\n", id)
	}
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped\n", t.passed, t.failed, t.skipped)
}

// String renders the test as its package and name.
func (id testID) String() string {
	return strings.TrimSuffix(id.pkg+" "+id.name, " ")
}
