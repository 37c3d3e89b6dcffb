package wrapper

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// envScenario makes the test binary run one scenario as a process of its own: Run takes the process over.
const envScenario = "WRAPPER_TEST_SCENARIO"

func TestMain(m *testing.M) {
	if scenario := os.Getenv(envScenario); scenario != "" {
		os.Exit(runScenario(scenario))
	}
	os.Exit(m.Run())
}

// runScenario runs a shell that exits with 5 under a Wrapper with a fault.
func runScenario(scenario string) int {
	w := Wrapper{Log: slog.New(slog.NewTextHandler(Stderr{}, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	environ := os.Environ()
	switch scenario {
	case "log panics before the start":
		w.Log = slog.New(brokenHandler{})
		environ = append(environ, EnvNextWrapper+"=/does/not/exist")
	case "log panics after the start":
		w.Log = slog.New(brokenHandler{debug: true})
	case "guard panics":
		w.Started = func(int) error { panic("boom") }
	case "guard fails":
		w.Started = func(int) error { return errors.New("no tier") }
	case "guard is told":
		w.Started = func(pid int) error {
			fmt.Println("guarded", pid)
			return nil
		}
	}
	return w.Run([]string{"/bin/sh", "-c", "read go; echo runtime $$; exit 5"}, environ)
}

// brokenHandler panics for errors, or else for debugging lines.
type brokenHandler struct{ debug bool }

func (h brokenHandler) Enabled(_ context.Context, level slog.Level) bool {
	return (level == slog.LevelDebug) == h.debug
}
func (brokenHandler) Handle(context.Context, slog.Record) error { panic("log") }
func (h brokenHandler) WithAttrs([]slog.Attr) slog.Handler      { return h }
func (h brokenHandler) WithGroup(string) slog.Handler           { return h }

// TestFailsOpen breaks one of our parts at a time. The runtime runs once, to its end, in every case.
func TestFailsOpen(t *testing.T) {
	tests := []struct {
		scenario string
		log      string // in the log
		stdout   string // beside the runtime's line
		inPlace  bool   // the runtime has our process id
	}{
		{scenario: "nothing", log: "runtime started"},
		{scenario: "log panics before the start", inPlace: true},
		{scenario: "log panics after the start"},
		{scenario: "guard panics", log: "boom"},
		{scenario: "guard fails", log: "no tier"},
		{scenario: "guard is told", log: "runtime started", stdout: "guarded"},
	}
	for _, tt := range tests {
		t.Run(tt.scenario, func(t *testing.T) {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), envScenario+"="+tt.scenario)
			cmd.Stdin = strings.NewReader("go\n")
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			err := cmd.Run()
			if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 5 {
				t.Fatalf("got %v, want exit code 5; %s", err, stderr.String())
			}
			if !strings.Contains(stderr.String(), tt.log) {
				t.Errorf("no %q in the log %q", tt.log, stderr.String())
			}
			_, rest, _ := strings.Cut(stdout.String(), "runtime ")
			pid, _, _ := strings.Cut(rest, "\n")
			if strings.Count(stdout.String(), "runtime") != 1 {
				t.Fatalf("the runtime did not run once: %q", stdout.String())
			}
			if inPlace := pid == strconv.Itoa(cmd.ProcessState.Pid()); inPlace != tt.inPlace {
				t.Errorf("runtime has process id %s, ours is %d", pid, cmd.ProcessState.Pid())
			}
			if tt.stdout != "" && !strings.Contains(stdout.String(), tt.stdout+" "+pid+"\n") {
				t.Errorf("got %q, want %q with the runtime's id", stdout.String(), tt.stdout)
			}
		})
	}
}
