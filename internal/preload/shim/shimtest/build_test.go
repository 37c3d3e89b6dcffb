package shimtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// compilers for each architecture, the first that is installed counts.
func compilers(arch string) []string {
	if arch == runtime.GOARCH {
		return []string{"cc", "gcc", "clang"}
	}
	return []string{map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[arch] + "-linux-gnu-gcc"}
}

// needs returns the path of a program, or skips the test by that name.
func needs(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("SKIPPED: %s is not installed", name)
	}
	return path
}

func compiler(t testing.TB, arch string) string {
	t.Helper()
	for _, name := range compilers(arch) {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skipf("SKIPPED: no C compiler for %s is installed", arch)
	return ""
}

// output runs a command that must succeed.
func output(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// built is where this run's shims are.
var built string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "shimtest")
	if err != nil {
		panic(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		panic(err)
	}
	built = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// shimFile builds the shim for an architecture, once.
func shimFile(t testing.TB, arch string) string {
	t.Helper()
	file := filepath.Join(built, "libautodefend-"+arch+".so")
	if _, err := os.Stat(file); err == nil {
		return file
	}
	cmd := exec.Command("sh", "../build.sh", file)
	cmd.Env = append(os.Environ(), "CC="+compiler(t, arch))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the shim for %s: %v\n%s", arch, err, out)
	}
	return file
}

// publicDir is a temporary directory that other users can enter, too.
func publicDir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// program compiles testdata/NAME.c alone.
func program(t testing.TB, cc, name string, flags ...string) string {
	t.Helper()
	file := filepath.Join(publicDir(t), name)
	args := append([]string{"-std=gnu11", "-O1", "-g", "-Wall", "-Werror", "-pthread", "-I..", "-o", file, "testdata/" + name + ".c"}, flags...)
	output(t, cc, args...)
	return file
}

// withShimSources compiles testdata/NAME.c together with some of the shim's own sources.
func withShimSources(t testing.TB, name string, sources []string, flags ...string) string {
	t.Helper()
	for _, source := range sources {
		flags = append(flags, "../"+source+".c")
	}
	return program(t, compiler(t, runtime.GOARCH), name, flags...)
}

// libraryFree are the sources that need nothing of being a library: all but the constructor and the hooks.
func libraryFree() []string {
	return strings.Fields("ask change environ exec files gate guard isolate known memory network next patch patch_amd64 patch_arm64 path reach resolve table text")
}

// runBounded runs a command and kills it when its time is over. The result is what it printed.
func runBounded(t testing.TB, cmd *exec.Cmd, limit time.Duration) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	timer := time.AfterFunc(limit, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	return out.String(), err
}
