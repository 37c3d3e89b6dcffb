package crstest

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// TestMemory measures the resident memory of a program of its own that inspects events, over one that does nothing.
func TestMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("/proc is Linux's")
	}
	var events bytes.Buffer
	write := func(e functionURL) {
		events.Write(e.json())
		events.WriteByte('\n')
	}
	write(post())
	all := stages(t)
	for i := range all {
		if i%5 == 0 {
			write(all[i].event)
		}
	}
	for _, text := range hostile() {
		write(form(text))
	}
	write(form(prose(128 << 10)))
	empty := measure(t, "./testdata/memory/empty", nil)["start"]
	// When the collector ran last shows in the figures by some tenths of a megabyte, so the middle one of three is taken.
	got := map[string]int{}
	runs := make([]map[string]int, 3)
	for i := range runs {
		runs[i] = measure(t, "./testdata/memory", bytes.NewReader(events.Bytes()))
	}
	for name := range runs[0] {
		figures := []int{runs[0][name], runs[1][name], runs[2][name]}
		slices.Sort(figures)
		got[name] = figures[1]
	}
	for _, step := range []struct {
		name string
		most int
	}{{"start", 4 << 10}, {"first", 12 << 10}, {"load", 12 << 10}} {
		over := got[step.name] - empty
		t.Logf("figure: waas memory %-5s %.1f MB over an empty Go program (at most %d)", step.name, float64(over)/1024, step.most>>10)
		if over > step.most {
			t.Errorf("%s: %d KiB over the empty program's %d", step.name, over, empty)
		}
	}
}

// measure builds and runs a program and reads the figures that it prints.
func measure(t *testing.T, dir string, stdin *bytes.Reader) map[string]int {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", program, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := exec.Command(program)
	run.Env = []string{"GOMAXPROCS=1"}
	if stdin != nil {
		run.Stdin = stdin
	}
	out, err := run.Output()
	if err != nil {
		t.Fatal(err)
	}
	figures := map[string]int{}
	for line := range strings.Lines(string(out)) {
		var name string
		var size int
		if _, err := fmt.Sscan(line, &name, &size); err == nil {
			figures[name] = size
		}
	}
	return figures
}
