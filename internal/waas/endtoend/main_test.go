//go:build linux

package endtoend

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/autodefend/autodefend/internal/lambdasim/runner"
)

// patience is how long a test waits for what must happen.
const patience = time.Minute

// envRole makes this test's program a function's runtime instead of testing.
const envRole = "ENDTOEND_ROLE"

func TestMain(m *testing.M) {
	runner.SandboxMain()
	if role := os.Getenv(envRole); role != "" {
		os.Exit(runtimeMain(role))
	}
	code := m.Run()
	_ = os.RemoveAll(built.dir)
	os.Exit(code)
}

const repository = "../../.."

// layer is what the layer holds below /opt, built once.
type layer struct {
	once sync.Once
	err  error
	dir  string
}

var built layer

// opt returns the directory that becomes /opt.
func (l *layer) opt(t testing.TB) string {
	t.Helper()
	l.once.Do(func() { l.err = l.build(context.Background()) })
	if l.err != nil {
		t.Fatal(l.err)
	}
	return l.dir
}

// wrapper returns the path of the Defender's program.
func (l *layer) wrapper(t testing.TB) string { return filepath.Join(l.opt(t), "autodefend", "wrapper") }

// build builds the layer's programs as releases do. Without a C compiler there is no shim, which the firewall doesn't need.
func (l *layer) build(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "endtoend")
	if err != nil {
		return err
	}
	l.dir = dir
	target := filepath.Join(dir, "autodefend")
	if err := os.Mkdir(target, 0o755); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	program := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -E autodefendEntry",
		"-o", filepath.Join(target, "wrapper"), "./cmd/defender")
	program.Dir, program.Env = repository, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := program.CombinedOutput(); err != nil {
		return fmt.Errorf("build the Defender: %w\n%s", err, out)
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		return nil
	}
	shim := exec.CommandContext(ctx, "sh", "internal/preload/shim/build.sh", filepath.Join(target, "libautodefend.so"))
	shim.Dir, shim.Env = repository, append(os.Environ(), "CC=gcc")
	if out, err := shim.CombinedOutput(); err != nil {
		return fmt.Errorf("build the shim: %w\n%s", err, out)
	}
	return nil
}
