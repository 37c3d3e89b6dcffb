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

// BenchmarkColdStart starts runtimes bare and under each tier, in turns, and prints the medians of what the defender
// adds: processor time of all processes and time on the clock, in milliseconds.
func BenchmarkColdStart(b *testing.B) {
	policy := "TW_POLICY=" + encoded(b, envelope(denyingNothing()))
	for _, argv := range [][]string{
		{"/usr/bin/python3", "-c", "import json, urllib.request"},
		{"/usr/bin/node", "-e", "0"},
	} {
		for _, tiers := range []string{"plain", "none", "watch", "preload,watch", "kernel"} {
			b.Run(argv[0][len("/usr/bin/"):]+"/"+tiers, func(b *testing.B) {
				env := environ()
				if tiers != "plain" {
					env = environ(policy, "AUTODEFEND_TIERS="+tiers, "AWS_LAMBDA_RUNTIME_API=127.0.0.1:9", "AWS_LAMBDA_FUNCTION_NAME=orders")
				}
				var bareCPU, bareWall, cpu, wall []float64
				for b.Loop() {
					c, w := startOnce(b, environ(), argv)
					bareCPU, bareWall = append(bareCPU, c), append(bareWall, w)
					c, w = startOnce(b, env, append([]string{defender}, argv...))
					cpu, wall = append(cpu, c), append(wall, w)
				}
				b.ReportMetric(median(bareCPU), "bare-cpu-ms")
				b.ReportMetric(median(cpu)-median(bareCPU), "added-cpu-ms")
				b.ReportMetric(median(wall)-median(bareWall), "added-wall-ms")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// startOnce returns the processor time of a program and its children and the time it took, in milliseconds.
func startOnce(b *testing.B, env, argv []string) (float64, float64) {
	b.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = env
	start := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatal(err)
	}
	wall := time.Since(start)
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return float64(cpu.Microseconds()) / 1000, float64(wall.Microseconds()) / 1000
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
