package bypass

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// envRole makes this test's program play a part of the world instead of testing.
const envRole = "BYPASS_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(envRole) {
	case "cell":
		os.Exit(cellMain())
	case "standin":
		os.Exit(standinMain(os.Args[1:]))
	}
	// Many attempts wait for something, so two for each processor keep it busy.
	flag.Parse()
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == parallel.DefValue {
		_ = flag.Set(parallel.Name, strconv.Itoa(2*runtime.GOMAXPROCS(0)))
	}
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// workshop is what all runs share, made once: the layer, the denied program, and the attempts' programs.
type workshop struct {
	once    sync.Once
	err     error
	dir     string
	program string // this test's program, without the race detector: cells and stand-ins are started from it
}

var built workshop

func (w *workshop) layer() string { return filepath.Join(w.dir, "layer") }
func (w *workshop) task() string  { return filepath.Join(w.dir, "task") }

// make builds everything once. Parts of the machine that are missing are no error here: attempts name what they need.
func (w *workshop) make(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: the bypass suite needs root: it makes namespaces and runs functions as another user")
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("SKIPPED: the bypass suite needs gcc: its attempts are written in C")
	}
	w.once.Do(func() { w.err = w.build(t.Context()) })
	if w.err != nil {
		t.Fatal(w.err)
	}
}

func (w *workshop) build(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "bypass")
	if err != nil {
		return err
	}
	w.dir = dir
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	if err := os.CopyFS(w.task(), os.DirFS("testdata")); err != nil {
		return err
	}
	// Copied programs must be runnable, whatever mode the checkout gave them.
	err = filepath.WalkDir(w.task(), func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chmod(path, 0o755)
	})
	if err != nil {
		return err
	}
	if err := buildPrograms(ctx, w.task()); err != nil {
		return err
	}
	if err := buildManaged(ctx, w.task()); err != nil {
		return err
	}
	if err := w.buildProgram(ctx); err != nil {
		return err
	}
	return buildLayer(ctx, w.layer())
}

// buildProgram finds or builds the program of cells. There are more than a thousand of them.
func (w *workshop) buildProgram(ctx context.Context) error {
	if !raced {
		self, err := os.Executable()
		w.program = self
		return err
	}
	w.program = filepath.Join(w.dir, "cell")
	build := command(ctx, ".", "go", "test", "-c", "-o", w.program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	return run(build)
}

// compilation is one line "build: OUT COMPILER FLAG..." in a C source's head. A source without one is compiled by gcc into
// its own name.
type compilation struct {
	source, out string
	command     []string
}

// buildPrograms compiles all attempts in dir, two at a time.
func buildPrograms(ctx context.Context, dir string) error {
	sources, err := filepath.Glob(filepath.Join(dir, "*.c"))
	if err != nil {
		return err
	}
	shim, err := filepath.Abs(filepath.Join(repository, "internal/preload/shim"))
	if err != nil {
		return err
	}
	var all []compilation
	for _, source := range sources {
		text, err := os.ReadFile(source)
		if err != nil {
			return err
		}
		all = append(all, compilations(source, string(text))...)
	}
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		errs error
		room = make(chan struct{}, 2)
	)
	for _, c := range all {
		if _, err := exec.LookPath(c.command[0]); err != nil {
			continue // the attempts that want it name the compiler as a need
		}
		wg.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			args := append([]string{"-O1", "-Wall", "-Werror", "-D_GNU_SOURCE", "-pthread", "-I" + shim, "-o", filepath.Join(dir, c.out), c.source}, c.command[1:]...)
			out, err := exec.CommandContext(ctx, c.command[0], args...).CombinedOutput()
			if err != nil {
				mu.Lock()
				errs = errors.Join(errs, fmt.Errorf("%s: %w\n%s", filepath.Base(c.source), err, out))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return errs
}

func compilations(source, text string) []compilation {
	var all []compilation
	for line := range strings.Lines(text) {
		_, rest, ok := strings.Cut(line, "build: ")
		if !ok {
			continue
		}
		if f := strings.Fields(rest); len(f) >= 2 {
			all = append(all, compilation{source, f[0], f[1:]})
		}
	}
	if len(all) == 0 {
		all = append(all, compilation{source, strings.TrimSuffix(filepath.Base(source), ".c"), []string{"gcc"}})
	}
	return all
}

// launch runs one order in a cell of its own.
func launch(t *testing.T, o order) report {
	t.Helper()
	o.Root, o.Layer, o.Task, o.Program = t.TempDir(), built.layer(), built.task(), built.program
	if o.Within == 0 {
		o.Within = 20 * time.Second
	}
	line, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	var stderr bytes.Buffer
	cmd := exec.Command(built.program)
	cmd.Env = append(os.Environ(), envRole+"=cell")
	cmd.Stderr = &stderr
	cmd.ExtraFiles = []*os.File{write}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWIPC}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start a cell: %v", err)
	}
	write.Close()
	_, _ = stdin.Write(append(line, '\n'))
	answer, readErr := bufio.NewReader(read).ReadBytes('\n')
	stdin.Close()
	err = cmd.Wait()
	var r report
	if len(answer) == 0 || json.Unmarshal(answer, &r) != nil {
		t.Fatalf("a cell gave no report: %v, %v\n%s", err, readErr, stderr.String())
	}
	if r.Error != "" {
		t.Fatalf("a cell is broken: %s\n%s", r.Error, stderr.String())
	}
	return r
}
