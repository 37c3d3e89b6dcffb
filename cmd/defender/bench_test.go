package main

import (
	"os/exec"
	"slices"
	"testing"
	"time"
)

// BenchmarkStart starts a small program with and without the defender, in turns, and prints the medians in milliseconds
// and their ratio.
func BenchmarkStart(b *testing.B) {
	for _, argv := range [][]string{{"/bin/true"}, {"python3", "-c", "0"}, {"node", "-e", "0"}} {
		b.Run(argv[0], func(b *testing.B) {
			path, err := exec.LookPath(argv[0])
			if err != nil {
				b.Skipf("SKIPPED: %s is not installed", argv[0])
			}
			var bare, wrapped []float64
			for b.Loop() {
				bare = append(bare, milliseconds(b, path, argv[1:]))
				wrapped = append(wrapped, milliseconds(b, defender, append([]string{path}, argv[1:]...)))
			}
			b.ReportMetric(median(bare), "bare-ms")
			b.ReportMetric(median(wrapped), "wrapped-ms")
			b.ReportMetric(median(wrapped)-median(bare), "added-ms")
			b.ReportMetric(median(wrapped)/median(bare), "ratio")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func milliseconds(b *testing.B, path string, args []string) float64 {
	b.Helper()
	cmd := exec.Command(path, args...)
	cmd.Env = environ()
	start := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatal(err)
	}
	return float64(time.Since(start).Microseconds()) / 1000
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
