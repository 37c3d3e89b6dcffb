package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/autodefend/autodefend/internal/lambdasim"
)

// pseudoTerminal opens a terminal of so many columns: what the program is given
// and what a person would see.
func pseudoTerminal(t *testing.T, columns uint16) (*os.File, *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there are no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { person.Close() })
	fd := int(person.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: columns})
	}
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	return program, person
}

// onTerminal runs the program with a terminal for all its streams and returns
// what a person sees.
func onTerminal(t *testing.T, environ []string, columns uint16, input string, args ...string) string {
	t.Helper()
	program, person := pseudoTerminal(t, columns)
	cmd := autodefendCommand(t, environ, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
	var seen bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(&seen, person) // ends with an error when the program's side is closed
	}()
	if _, err := io.WriteString(person, input); err != nil {
		t.Fatal(err)
	}
	err := cmd.Run()
	program.Close()
	<-read
	if err != nil {
		t.Fatalf("autodefend %s: %v\n%s", strings.Join(args, " "), err, &seen)
	}
	return seen.String()
}

// autodefendCommand prepares this test binary to be the program.
func autodefendCommand(t *testing.T, environ []string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Args = append([]string{"autodefend"}, args...)
	cmd.Env, cmd.Dir = environ, t.TempDir()
	return cmd
}

// servedEstate serves the small estate and returns the environment that leads
// there.
func servedEstate(t *testing.T, opts lambdasim.Options) []string {
	t.Helper()
	world := lambdasim.New(opts)
	smallEstate(world)
	defenderLayers(world)
	server := httptest.NewServer(world)
	t.Cleanup(server.Close)
	return append((&simServer{url: server.URL}).environ(), "TERM=xterm-256color", "GORACE=atexit_sleep_ms=0", "HOME=/nowhere", "PATH=/nowhere",
		"AUTODEFEND_RATE=1000", "AUTODEFEND_AS_OF=2026-07-15", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null")
}

func TestTerminal(t *testing.T) {
	const escape = "\x1b["
	environ := servedEstate(t, lambdasim.Options{})

	seen := onTerminal(t, environ, 200, "", "plan")
	if !strings.Contains(seen, escape) {
		t.Errorf("a terminal gets no colours:\n%q", seen)
	}
	for _, plain := range [][]string{slices.Concat(environ, []string{"NO_COLOR=1"}), slices.Concat(environ, []string{"TERM=dumb"})} {
		if seen := onTerminal(t, plain, 200, "", "plan"); strings.Contains(seen, escape) {
			t.Errorf("%s: there are colours:\n%q", plain[len(plain)-1], seen)
		}
	}
	seen = onTerminal(t, environ, 60, "", "plan", "--no-color")
	if strings.Contains(seen, escape) {
		t.Errorf("--no-color: there are colours:\n%q", seen)
	}
	for line := range strings.Lines(seen) {
		if width := utf8.RuneCountInString(strings.TrimRight(line, "\r\n")); width > 60 {
			t.Errorf("a line of %d columns on a terminal of 60: %q", width, line)
		}
	}

	seen = onTerminal(t, environ, 120, "yes\n", "apply")
	for _, want := range []string{"2 to protect", `Type "yes" to go ahead`, "attaching", "2 protected"} {
		if !strings.Contains(seen, want) {
			t.Errorf("apply on a terminal: no %q in\n%q", want, seen)
		}
	}
	if strings.Contains(seen, "protected 111111111111 us-east-1 orders-api") {
		t.Errorf("beside the progress bar there are lines for functions:\n%q", seen)
	}
	seen = onTerminal(t, environ, 120, "", "rollback", "--yes", "--quiet")
	if strings.Contains(seen, "rolling back") {
		t.Errorf("--quiet: there is a progress bar:\n%q", seen)
	}
}

// TestSecondInterrupt: the first signal lets the program finish, the second
// ends it at once.
func TestSecondInterrupt(t *testing.T) {
	arrived := make(chan struct{}, 64)
	environ := servedEstate(t, lambdasim.Options{Latency: func(c lambdasim.Call) time.Duration {
		if c.Operation != "UpdateFunctionConfiguration" {
			return 0
		}
		arrived <- struct{}{}
		return time.Hour
	}})
	cmd := autodefendCommand(t, environ, "apply", "--yes")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-arrived
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 256)
	n, err := stderr.Read(said)
	if err != nil || !strings.Contains(string(said[:n]), "interrupt again to stop at once") {
		t.Errorf("after the first signal it says %q, %v", said[:n], err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, stderr)
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
}
