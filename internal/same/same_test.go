package same

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var starts = flag.Int("starts", 5, "how often each program is started in TestStarts; those that take long by their share")

// result is what a program did.
type result struct {
	Stdout, Stderr string
	End            string // "exit 3" or "signal killed"

	log []string // the Defender's lines
}

// same compares what programs did.
func same(want, got result) string {
	return cmp.Diff(want, got, cmpopts.IgnoreUnexported(result{}))
}

// TestSame runs every program without the Defender twice, to see that it can be compared at all, and then with it.
func TestSame(t *testing.T) {
	for _, p := range programs() {
		t.Run(p.name, func(t *testing.T) {
			p.require(t)
			want := p.run(t, bare())
			if diff := same(want, p.run(t, bare())); diff != "" {
				t.Fatalf("the program itself is not the same twice:\n%s", diff)
			}
			for _, how := range defended(t) {
				t.Run(how.name, func(t *testing.T) {
					got := p.run(t, how)
					if diff := same(want, got); diff != "" {
						t.Errorf("with the Defender (-without +with):\n%s", diff)
					}
					if !p.quiet {
						how.looked(t, got)
					}
				})
			}
		})
	}
}

// TestStarts starts every program many times: what fails one time in a hundred would break functions.
func TestStarts(t *testing.T) {
	for _, how := range defended(t) {
		t.Run(how.name, func(t *testing.T) {
			total := 0
			for _, p := range programs() {
				count := *starts / max(1, p.share)
				if count == 0 {
					continue // TestSame starts it once
				}
				t.Run(p.name, func(t *testing.T) {
					p.require(t)
					want := p.run(t, bare())
					for i := range count {
						if diff := same(want, p.run(t, how)); diff != "" {
							t.Fatalf("start %d of %d (-without +with):\n%s", i+1, count, diff)
						}
						total++
					}
				})
			}
			t.Logf("figure: %d starts in %s, none different", total, how.name)
		})
	}
}

// looked asserts that the Defender was there: every section looked at by the tier meant, and something reported.
func (s setup) looked(t *testing.T, r result) {
	t.Helper()
	seen := fmt.Sprintf(`"effect":"alert","tier":%q,"coverage":"seen"`, s.holds())
	audits := 0
	for _, line := range r.log {
		if n := strings.Count(line, seen); strings.Contains(line, `"coverage":{`) && n != 4 {
			t.Errorf("%d of 4 sections are looked at by %s: %s", n, s.holds(), line)
		}
		if strings.Contains(line, `"attackType":`) {
			audits++
		}
	}
	if len(r.log) == 0 || audits == 0 {
		t.Errorf("the Defender wrote %d lines, %d of them audits", len(r.log), audits)
	}
}

func (p program) require(t *testing.T) {
	t.Helper()
	for _, name := range p.needs {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("SKIPPED: %s is not installed", name)
		}
	}
	if p.probe == nil {
		return
	}
	if err := exec.Command(p.probe[0], p.probe[1:]...).Run(); err != nil {
		t.Skipf("SKIPPED: %s: %v", strings.Join(p.probe, " "), err)
	}
}

// run runs the program in a directory of its own, always of the same name.
func (p program) run(t *testing.T, how setup) result {
	t.Helper()
	dir := filepath.Join(built.directory(t), "work")
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	argv := append(how.prefix(), p.command(t)...)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	cmd.Dir, cmd.Env = dir, how.environ()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("%s didn't end within a minute; so far:\n%s%s", p.name, stdout.Bytes(), stderr.Bytes())
	}
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	r := result{Stdout: stdout.String(), Stderr: stderr.String(), End: ending(cmd, err)}
	if how.tiers != "" {
		r.Stderr, r.log = withoutLog(r.Stderr)
	}
	return r
}

// ending tells how a command ended; one that couldn't be started ended as the Defender ends then.
func ending(cmd *exec.Cmd, err error) string {
	if errors.Is(err, os.ErrNotExist) {
		return "exit 127"
	}
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		return fmt.Sprint("signal ", status.Signal())
	}
	return fmt.Sprint("exit ", cmd.ProcessState.ExitCode())
}

// command returns the program's arguments with the files they stand for.
func (p program) command(t *testing.T) []string {
	t.Helper()
	here, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	argv := make([]string, len(p.argv))
	for i, arg := range p.argv {
		name, isFile := strings.CutPrefix(arg, "@")
		switch program, isProgram := strings.CutPrefix(name, "bin/"); {
		case isProgram:
			argv[i] = built.path(t, program, filepath.Join(here, program+".c"))
		case isFile:
			argv[i] = filepath.Join(here, name)
		default:
			argv[i] = arg
		}
	}
	return argv
}
