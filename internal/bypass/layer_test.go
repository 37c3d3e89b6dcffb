package bypass

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

const repository = "../.."

// buildLayer builds the layer's /opt: the real programs, from the tree as it is, where the real layer has them.
func buildLayer(ctx context.Context, dir string) error {
	opt := filepath.Join(dir, "autodefend")
	if err := os.MkdirAll(opt, 0o755); err != nil {
		return err
	}
	// The flags are the Makefile's: the program has an entry point of its own.
	goBuild := command(ctx, repository, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -E autodefendEntry", "-o", filepath.Join(opt, "wrapper"), "./cmd/defender")
	goBuild.Env = append(os.Environ(), "CGO_ENABLED=0")
	if err := run(goBuild); err != nil {
		return err
	}
	shim, err := filepath.Abs(filepath.Join(opt, "libautodefend.so"))
	if err != nil {
		return err
	}
	build := command(ctx, repository, "sh", "internal/preload/shim/build.sh", shim)
	build.Env = append(os.Environ(), "CC=gcc")
	if err := run(build); err != nil {
		return err
	}
	hooks := filepath.Join(repository, "internal/preload/hooks")
	if _, err := os.Stat(hooks); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return os.CopyFS(filepath.Join(opt, "hooks"), os.DirFS(hooks))
}

// buildManaged compiles the attempts that aren't C, where there is a compiler.
func buildManaged(ctx context.Context, task string) error {
	var errs error
	for _, args := range [][]string{
		{"-o", filepath.Join(task, "gonames"), "main.go"},
		{"-buildmode=pie", "-o", filepath.Join(task, "gocalls"), "calls.go"},
	} {
		goBuild := command(ctx, filepath.Join(task, "gosrc"), "go", append([]string{"build"}, args...)...)
		goBuild.Env = append(os.Environ(), "CGO_ENABLED=0", "GO111MODULE=off")
		errs = errors.Join(errs, run(goBuild))
	}
	if _, err := exec.LookPath(javac); err == nil {
		errs = errors.Join(errs, run(command(ctx, task, javac, "-J-XX:TieredStopAtLevel=1", "Ways.java")))
	}
	return errs
}

func command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	return cmd
}

func run(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(cmd.Path), err, out)
	}
	return nil
}

// Needs that are no programs.
const (
	kernelX32   = "kernel with the x32 interface"
	kernelMPTCP = "kernel with multipath TCP"
)

// missing returns what an attempt needs and this machine lacks, or "".
func (a attempt) missing() string {
	for _, need := range a.needs {
		switch {
		case need == kernelX32:
			if !hasX32() {
				return need
			}
		case need == kernelMPTCP:
			if _, err := os.Stat("/proc/sys/net/mptcp/enabled"); err != nil {
				return need
			}
		case strings.HasPrefix(need, "/"):
			if _, err := os.Stat(need); err != nil {
				return need
			}
		default:
			if _, err := exec.LookPath(need); err != nil {
				return need
			}
		}
	}
	if runtime.GOARCH != "amd64" && a.amd64Only() {
		return "amd64"
	}
	return ""
}

// amd64Only tells whether an attempt is written for that architecture.
func (a attempt) amd64Only() bool {
	return strings.Contains(a.name, "int80") || strings.Contains(a.name, "x32") || strings.Contains(a.name, "assembly") || a.crafted
}
