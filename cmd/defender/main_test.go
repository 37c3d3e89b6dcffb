package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// defender is the path of the binary under test, built once, with the flags that releases use.
var defender string

// envSupervised makes every defender of a test have a supervisor: it holds a variable to add (see supervised_test.go).
const envSupervised = "DEFENDER_TEST_SUPERVISED"

var supervised = os.Getenv(envSupervised)

// envTestTiers and envTestBinary are the tiers and the program of such a run.
const (
	envTestTiers  = "DEFENDER_TEST_TIERS"
	envTestBinary = "DEFENDER_TEST_BINARY"
)

// envHelper makes the test binary itself a helper process (see lambda_test.go).
const envHelper = "DEFENDER_TEST_HELPER"

func TestMain(m *testing.M) {
	if kind := os.Getenv(envHelper); kind != "" {
		sandboxAndExec(kind, os.Args[1:])
	}
	os.Exit(buildAndTest(m))
}

func buildAndTest(m *testing.M) int {
	if defender = os.Getenv(envTestBinary); defender != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "defender")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	defender = filepath.Join(dir, "wrapper")
	if err := build(defender, ""); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := buildShim(filepath.Join(dir, shimName)); err != nil {
		fmt.Fprintln(os.Stderr, "the shim was not built, tier preload is not tested:", err)
	}
	return m.Run()
}

// buildShim puts the shim beside the program, as the layer has it.
func buildShim(target string) error {
	out, err := exec.Command("sh", filepath.Join("..", "..", "internal", "preload", "shim", "build.sh"), target).CombinedOutput()
	if err != nil {
		return fmt.Errorf("build shim: %w\n%s", err, out)
	}
	return nil
}

// build builds the program for arch; an empty arch is this machine's.
func build(target, arch string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -E autodefendEntry", "-o", target, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if arch != "" {
		cmd.Env = append(cmd.Env, "GOARCH="+arch)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build defender: %w\n%s", err, out)
	}
	return nil
}

// result is how a process ended and what it wrote.
type result struct {
	code           int            // -1 when it died of a signal
	signal         syscall.Signal // 0 when it exited
	stdout, stderr string
}

// execute runs argv to its end. Unlike os/exec it can be given any environment, duplicates included.
func execute(t *testing.T, env []string, argv ...string) result {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("run %q: %v", argv, err)
	}
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok {
		t.Fatalf("run %q: no wait status", argv)
	}
	r := result{code: status.ExitStatus(), stdout: stdout.String(), stderr: withoutStart(stderr.String())}
	if status.Signaled() {
		r.signal = status.Signal()
	}
	return r
}

// withoutStart drops the line that a defender with a policy writes at its start.
func withoutStart(log string) string {
	var kept strings.Builder
	for line := range strings.Lines(log) {
		if !strings.Contains(line, "autodefend protects this function") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// program finds an interpreter or skips the test, naming it.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("SKIPPED: %s is not installed", name)
	}
	return path
}

// environ is the tests' environment with more variables and without those of Lambda and ours.
func environ(more ...string) []string {
	var env []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "AUTODEFEND_") && !strings.HasPrefix(variable, "AWS_LAMBDA_") {
			env = append(env, variable)
		}
	}
	if supervised != "" {
		env = append(env, supervised, "AUTODEFEND_TIERS="+os.Getenv(envTestTiers))
	}
	return append(env, more...)
}

func writeFile(t *testing.T, name, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	return path
}
