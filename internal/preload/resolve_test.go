package preload

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestResolveAsKernel: what we resolve for ourselves is what the kernel resolves.
func TestResolveAsKernel(t *testing.T) {
	dir := yard(t)
	if err := errors.Join(os.Mkdir(dir+"/deep", 0o755), os.Symlink("../chain", dir+"/deep/up"), os.Symlink(dir+"/deep", dir+"/there"), os.Symlink("missing", dir+"/dangling")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	v := viewOf(os.Getpid())
	for _, name := range []string{
		"/", "//", "/.", "/..", "/bin", "/bin/sh", "/usr/bin/../bin/./sh", "dynamic", "./chain", "there/up", "deep/../there/../deep/up",
		"/proc/self/cwd/chain", "/proc/self/root" + dir + "/link", "/proc/self/exe", "/proc/thread-self/cwd/deep", "/dev/stdin",
		dir + "/there/up", "there/../../" + filepath.Base(dir) + "/link",
	} {
		fd, err := unix.Open(name, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want, err := readlink(procPath(os.Getpid(), "fd/"+strconv.Itoa(fd)))
		_ = unix.Close(fd)
		if err != nil {
			t.Fatal(err)
		}
		got, err := v.resolve(unix.AT_FDCWD, name, true)
		if err != nil || got.path != want {
			t.Errorf("%s: %q, %v, want %q", name, got.path, err, want)
		}
	}
	for name, want := range map[string]unix.Errno{"circle": unix.ELOOP, "missing/x": unix.ENOENT, "dynamic/x": unix.ENOTDIR, "": unix.ENOENT} {
		if got, err := v.resolve(unix.AT_FDCWD, name, true); !errors.Is(err, want) {
			t.Errorf("%s: %+v, %v, want %v", name, got, err, want)
		}
	}
	if got, err := v.resolve(unix.AT_FDCWD, "dangling", true); err != nil || !got.missing || got.path != dir+"/missing" {
		t.Errorf("dangling: %+v, %v", got, err)
	}
	if got, err := v.resolve(unix.AT_FDCWD, "chain", false); err != nil || got.path != dir+"/chain" {
		t.Errorf("a link itself: %+v, %v", got, err)
	}
}

func FuzzResolve(f *testing.F) {
	f.Add("/bin/../proc/self/cwd/x", true)
	f.Add("../..//./dev/fd/0", false)
	f.Fuzz(func(t *testing.T, name string, follow bool) {
		if strings.Contains(name, "\x00") || len(name) > textMax {
			return
		}
		got, err := viewOf(os.Getpid()).resolve(unix.AT_FDCWD, name, follow)
		if err == nil && strings.HasPrefix(got.path, "/") && filepath.Clean(got.path) != got.path {
			t.Errorf("%q became %q", name, got.path)
		}
	})
}
