package shimtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// actsWant is what acts.c prints when the file is denied; what is allowed is done.
func actsWant(children bool) string {
	want := "open: denied\nopenat: denied\nfopen: denied\nfreopen: denied\nsyscall: denied\ncreat: denied\ntruncate: denied\n" +
		"unlink: denied\nsymlink: done\nopen link: denied\nrename: denied\nlink: denied\nroot: denied\nO_PATH: denied\nchmod: denied\nallowed: done\n"
	if children {
		want += "popen: denied\nenv -i: denied\nshell: denied\n"
	}
	return want
}

// actRules denies one file, for which nothing but the table is needed to know that it is to be asked about.
func actRules(secret string) rules {
	return rules{
		modes: map[int]byte{kindOpen: modeList}, denyRead: []string{secret}, denyWrite: []string{secret},
		protected: []int{os.Getpid()},
	}
}

// secretFile makes the file that is denied; its path, and its directory.
func secretFile(t testing.TB) (string, string) {
	t.Helper()
	dir := publicDir(t)
	file := filepath.Join(dir, "secret")
	if err := os.WriteFile(file, []byte("secret\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return file, dir
}

// TestActs: a denied file is denied in every way that the C library offers, whichever the library.
func TestActs(t *testing.T) {
	for _, cc := range []string{compiler(t, runtime.GOARCH), "musl-gcc"} {
		t.Run(filepath.Base(cc), func(t *testing.T) {
			needs(t, cc)
			secret, dir := secretFile(t)
			s := newSupervisor(t, actRules(secret))
			cmd := s.command(shimFile(t, runtime.GOARCH), program(t, cc, "acts"), secret, dir)
			got, err := runBounded(t, cmd, time.Minute)
			if err != nil || got != actsWant(true) {
				t.Errorf("%v, printed\n%s", err, got)
			}
		})
	}
}

// TestActsUnpatched: where the library's code can't be changed, what a program calls by name is denied still.
func TestActsUnpatched(t *testing.T) {
	secret, dir := secretFile(t)
	s := newSupervisor(t, actRules(secret))
	cc := compiler(t, runtime.GOARCH)
	held := s.command(shimFile(t, runtime.GOARCH), program(t, cc, "acts"), secret, dir)
	// What makes the sandbox isn't held itself: it would be refused.
	cmd := exec.Command(program(t, cc, "unpatched"), append(held.Env[len(held.Env)-2:], held.Args...)...)
	got, err := runBounded(t, cmd, time.Minute)
	want := strings.Replace(actsWant(true), "freopen: denied", "freopen: done", 1) // the one that isn't hooked by name
	if err != nil || got != want {
		t.Errorf("%v, printed\n%s", err, got)
	}
}

// TestActsArm64: the same on arm64, in an emulator. Its children would be this machine's own programs, so it has none.
func TestActsArm64(t *testing.T) {
	emulator := needs(t, "qemu-aarch64-static")
	cc := compiler(t, "arm64")
	secret, dir := secretFile(t)
	s := newSupervisor(t, actRules(secret))
	shim := shimFile(t, "arm64")
	args := []string{"-L", "/usr/aarch64-linux-gnu", "-E", "LD_PRELOAD=" + shim, program(t, cc, "acts"), secret, dir}
	cmd := exec.Command(emulator, args...)
	cmd.Env = append(os.Environ(), "AUTODEFEND_SHIM=1:"+s.name+":"+shim, "NO_CHILDREN=1")
	got, err := runBounded(t, cmd, time.Minute)
	if err != nil || got != actsWant(false) {
		t.Errorf("%v, printed\n%s", err, got)
	}
}

// TestStress: threads, signals on small stacks, fork, vfork and posix_spawn, all at once.
func TestStress(t *testing.T) {
	shim := shimFile(t, runtime.GOARCH)
	for _, cc := range []string{compiler(t, runtime.GOARCH), "musl-gcc"} {
		t.Run(filepath.Base(cc), func(t *testing.T) {
			needs(t, cc)
			s := newSupervisor(t, rules{
				modes:    map[int]byte{kindOpen: modeList, kindExec: modeAsk, kindConnect: modeAsk},
				denyRead: []string{"/etc/passwd"}, protected: []int{os.Getpid()},
				answer: func(q question) (byte, int32) {
					if q.text == "/etc/passwd" {
						return verdictDeny, 13
					}
					return verdictAllow, 0
				},
			})
			if out, err := runBounded(t, s.command(shim, program(t, cc, "stress"), "3"), time.Minute); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
