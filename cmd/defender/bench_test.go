package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
// adds until the runtime is ready, in milliseconds: processor time of all processes, and time on the clock. The least of
// the processor times is less disturbed by what else the machine does.
func BenchmarkColdStart(b *testing.B) {
	policy := "TW_POLICY=" + encoded(b, envelope(denyingNothing()))
	runtimes := []struct {
		name string
		argv []string
	}{
		{"python3", []string{"/usr/bin/python3", "-c", "import json, urllib.request, resource, sys\n" +
			"u = resource.getrusage(resource.RUSAGE_SELF); print(u.ru_utime + u.ru_stime, flush=True); sys.stdin.read()"}},
		{"node", []string{"/usr/bin/node", "-e", "const u = process.resourceUsage();" +
			"console.log((u.userCPUTime + u.systemCPUTime) / 1e6); process.stdin.resume()"}},
	}
	for _, r := range runtimes {
		for _, tiers := range []string{"plain", "none", "watch", "preload,watch", "kernel"} {
			b.Run(r.name+"/"+tiers, func(b *testing.B) {
				env := environ()
				if tiers != "plain" {
					env = environ(policy, "AUTODEFEND_TIERS="+tiers, "AWS_LAMBDA_RUNTIME_API=127.0.0.1:9", "AWS_LAMBDA_FUNCTION_NAME=orders")
				}
				var bareCPU, bareWall, cpu, wall []float64
				for b.Loop() {
					c, w := startUntilReady(b, environ(), r.argv)
					bareCPU, bareWall = append(bareCPU, c), append(bareWall, w)
					c, w = startUntilReady(b, env, append([]string{defender}, r.argv...))
					cpu, wall = append(cpu, c), append(wall, w)
				}
				b.ReportMetric(median(bareCPU), "bare-cpu-ms")
				b.ReportMetric(median(cpu)-median(bareCPU), "added-cpu-ms")
				b.ReportMetric(slices.Min(cpu)-slices.Min(bareCPU), "added-least-cpu-ms")
				b.ReportMetric(median(wall)-median(bareWall), "added-wall-ms")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// startUntilReady starts a program that says how much processor time it took so far, in seconds, and then waits. It
// returns the processor time of that program and of all above it, and the time that passed, in milliseconds.
func startUntilReady(b *testing.B, env, argv []string) (float64, float64) {
	b.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = env
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	var seconds float64
	if _, err := fmt.Fscan(stdout, &seconds); err != nil {
		b.Fatal(err)
	}
	wall := time.Since(start)
	cpu := seconds * 1000
	if argv[0] == defender {
		cpu += above(cmd.Process.Pid)
	}
	_ = stdin.Close()
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	return cpu, float64(wall.Microseconds()) / 1000
}

// above returns the processor time of a process and of its child when that is a supervisor, in milliseconds.
func above(pid int) float64 {
	total, child := 0.0, 0
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	for _, task := range tasks {
		var nanoseconds float64
		times, _ := os.ReadFile(task + "/schedstat")
		_, _ = fmt.Sscan(string(times), &nanoseconds)
		total += nanoseconds / 1e6
		children, _ := os.ReadFile(task + "/children")
		_, _ = fmt.Sscan(string(children), &child)
	}
	if program, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", child)); program == defender {
		total += above(child)
	}
	return total
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
