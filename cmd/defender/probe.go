package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/defend"
	"github.com/autodefend/autodefend/internal/kernel"
	"github.com/autodefend/autodefend/internal/preload"
	"github.com/autodefend/autodefend/internal/wrapper"
)

// probeTimeout bounds the whole probe.
const probeTimeout = 20 * time.Second

// finding is one thing that a sandbox permits or not, found by doing it.
type finding struct {
	Step      string `json:"step"`
	Permitted bool   `json:"permitted"`
	Detail    string `json:"detail,omitempty"`
}

// held is the best that a section can get here.
type held struct {
	Section  defend.Section      `json:"section"`
	Tier     autodefend.Tier     `json:"tier,omitempty"`
	Coverage autodefend.Coverage `json:"coverage"`
}

// probed is what the command reports.
type probed struct {
	Version  string            `json:"version"`
	Machine  string            `json:"machine"`
	Kernel   string            `json:"kernel"`
	User     int               `json:"user"`
	Steps    []finding         `json:"steps"`
	Tiers    []autodefend.Tier `json:"tiers"`
	Coverage []held            `json:"coverage"`
}

// probe finds out what this sandbox permits and which tier each section of a rule would get.
func probe(asJSON bool, stdout io.Writer) int {
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	report := survey(ctx)
	if asJSON {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		if encoder.Encode(report) != nil {
			return 1
		}
		return 0
	}
	return report.print(stdout)
}

func survey(ctx context.Context) probed {
	report := probed{Version: version(), Machine: runtime.GOOS + "/" + runtime.GOARCH, Kernel: kernelRelease(), User: os.Getuid()}
	kernelSteps, kernelWorks := probeKernel(ctx)
	preloadSteps, preloadWorks := probePreload(ctx)
	watchSteps, watchWorks := probeWatch()
	report.Steps = append(append(append(kernelSteps, preloadSteps...), watchSteps...), probeLoopback())
	for _, t := range []struct {
		tier  autodefend.Tier
		works bool
	}{{autodefend.TierKernel, kernelWorks}, {autodefend.TierPreload, preloadWorks}, {autodefend.TierWatch, watchWorks}} {
		if t.works {
			report.Tiers = append(report.Tiers, t.tier)
		}
	}
	for _, section := range []defend.Section{defend.Processes, defend.Network, defend.DNS, defend.Filesystem} {
		report.Coverage = append(report.Coverage, best(section, report.Tiers))
	}
	return report
}

// best is what a section gets from tiers, strongest first.
func best(section defend.Section, tiers []autodefend.Tier) held {
	for _, tier := range tiers {
		if coverage := defend.Capability(tier, section); coverage != autodefend.NotCovered {
			return held{section, tier, coverage}
		}
	}
	return held{Section: section, Coverage: autodefend.NotCovered}
}

// step describes what came of doing something.
func step(name string, err error) finding {
	if err != nil {
		return finding{Step: name, Detail: err.Error()}
	}
	return finding{Step: name, Permitted: true}
}

// probeKernel looks for tier kernel: it supervises a program that makes allowed and denied acts.
func probeKernel(ctx context.Context) ([]finding, bool) {
	got := kernel.Probe(ctx)
	var steps []finding
	for _, f := range got.Findings {
		steps = append(steps, finding{Step: "kernel: " + f.Name, Permitted: f.Error == "", Detail: f.Error})
	}
	return steps, got.Works()
}

// probePreload looks for tier preload: it starts a program with the shim in it.
func probePreload(ctx context.Context) ([]finding, bool) {
	shim, err := shimPath()
	if err != nil {
		return []finding{step("preload: shim in a process", err)}, false
	}
	got, err := preload.Probe(ctx, shim, newLog(0))
	entered := step("preload: shim in a process", err)
	entered.Permitted = got.Entered
	return []finding{
		entered,
		{Step: "preload: shim under the C library's own calls", Permitted: got.Patched},
		{Step: "preload: table that nobody can change", Permitted: got.Sealed},
	}, got.Entered
}

// probeWatch looks for tier watch.
func probeWatch() ([]finding, bool) {
	_, listErr := os.ReadDir("/proc")
	_, socketsErr := os.ReadFile("/proc/self/net/tcp")
	fd, pidfdErr := unix.PidfdOpen(os.Getpid(), 0)
	if pidfdErr == nil {
		_ = unix.Close(fd)
	}
	return []finding{
		step("watch: list of processes", listErr),
		step("watch: list of sockets", socketsErr),
		step("watch: certain end of a process", pidfdErr),
	}, listErr == nil
}

// probeLoopback looks for what the Runtime API's proxy and the resolver need.
func probeLoopback() finding {
	sockets, err := wrapper.Listen()
	for _, fd := range sockets.List() {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
	if err == nil {
		var pair net.Conn
		if pair, err = net.Dial("udp", "127.0.0.1:9"); err == nil {
			_ = pair.Close()
		}
	}
	return step("sockets on 127.0.0.1", err)
}

// shimPath returns the shim beside this program.
func shimPath() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find own program: %w", err)
	}
	path := filepath.Join(filepath.Dir(self), shimName)
	if _, err := os.Stat(path); err != nil {
		return "", err
	}
	return path, nil
}

func kernelRelease() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(name.Release[:])
}

// print writes the report for people.
func (p probed) print(stdout io.Writer) int {
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "defender %s on %s, Linux %s, user %d\n\n", p.Version, p.Machine, p.Kernel, p.User)
	fmt.Fprintln(w, "STEP\tPERMITTED\tDETAIL")
	for _, s := range p.Steps {
		permitted := "no"
		if s.Permitted {
			permitted = "yes"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", s.Step, permitted, s.Detail)
	}
	fmt.Fprintln(w, "\nSECTION\tTIER\tCOVERAGE")
	for _, h := range p.Coverage {
		tier := string(h.Tier)
		if tier == "" {
			tier = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", h.Section, tier, h.Coverage)
	}
	if w.Flush() != nil {
		return 1
	}
	return 0
}
