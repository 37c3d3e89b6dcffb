//go:build linux

package runner

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// bounded is the context of a test that starts processes.
func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// sandboxed skips a test where this machine permits no namespaces.
func sandboxed(t *testing.T) {
	t.Helper()
	out, err := Run(bounded(t), Command{Argv: []string{"true"}})
	if err != nil {
		t.Fatal(err)
	}
	if !out.Isolation.Namespaces {
		t.Skip("this machine permits no namespaces:", out.Isolation.Missing)
	}
}

// shell runs a script in a sandbox and returns what it printed.
func shell(t *testing.T, c Command, script string) string {
	t.Helper()
	c.Argv = []string{"sh", "-c", script}
	out, err := Run(bounded(t), c)
	if err != nil {
		t.Fatal(err)
	}
	if out.ExitCode != 0 {
		t.Fatalf("exit code %d, signal %v: %s", out.ExitCode, out.Signal, out.Stderr)
	}
	return strings.TrimSpace(string(out.Stdout))
}

func TestRunShowsWhatLambdaShows(t *testing.T) {
	sandboxed(t)
	tests := []struct{ name, script, want string }{
		{"user", "id -u; id -g; id -G", "993\n990\n990"},
		{"user's name", "id -un", "sbx_user1051"},
		{"no capabilities", "grep -c -E '^Cap(Inh|Prm|Eff|Bnd|Amb):\t0+$' /proc/self/status", "5"},
		{"own processes", "cat /proc/1/cmdline | tr '\\0' ' ' | grep -c sandbox; ls /proc | grep -c '^[0-9]' | awk '{print ($1 < 10)}'", "1\n1"},
		{"open files", "ulimit -n; ulimit -Hn", "1024\n1024"},
		{"home is hidden", "ls -d /root /home /mnt /var /sys /run /srv /boot 2>/dev/null || true", ""},
		{"read-only root", "touch /x /usr/x /etc/x /dev/x 2>&1 | grep -c 'Read-only file system'", "4"},
		{"private /tmp", "ls -A /tmp; stat -c '%a %u' /tmp; echo x > /tmp/x && cat /tmp/x", "700 993\nx"},
		{"devices", "ls /dev; head -c 4 /dev/zero | wc -c; echo > /dev/null", "fd\nfull\nnull\nrandom\nstderr\nstdin\nstdout\nurandom\nzero\n4"},
		{"no stray descriptors", "ls /proc/self/fd | tr '\\n' ' '", "0 1 2 3"},
		{"host name", "hostname", "169"},
		{"environment", "env | grep -v -E '^(PWD|_|SHLVL|OLDPWD)='", "PATH=/usr/local/bin:/usr/bin:/bin"},
		{"umask", "umask", "0022"},
		{"working directory", "pwd", "/"},
	}
	for _, profile := range Profiles() {
		for _, tt := range tests {
			t.Run(string(profile)+"/"+tt.name, func(t *testing.T) {
				if got := shell(t, Command{Profile: profile}, tt.script); got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			})
		}
	}
}

func TestRunOutcomes(t *testing.T) {
	tests := []struct {
		name   string
		script string
		code   int
		signal syscall.Signal
		stdout string
	}{
		{"success", "echo out", 0, 0, "out\n"},
		{"exit code", "exit 7", 7, 0, ""},
		{"signal", "kill -TERM $$", -1, syscall.SIGTERM, ""},
		{"standard input", "cat", 0, 0, "given"},
		{"children that stay are ended", "sleep 1000 & echo out", 0, 0, "out\n"},
		{"orphans in other sessions are ended", "setsid sh -c 'trap \"\" TERM HUP; sleep 1000' & echo out", 0, 0, "out\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, err := Run(bounded(t), Command{Argv: []string{"sh", "-c", tt.script}, Stdin: strings.NewReader("given")})
			if err != nil {
				t.Fatal(err)
			}
			if out.ExitCode != tt.code || out.Signal != tt.signal || string(out.Stdout) != tt.stdout {
				t.Errorf("got %d, %v, %q; want %d, %v, %q; stderr %s", out.ExitCode, out.Signal, out.Stdout, tt.code, tt.signal, tt.stdout, out.Stderr)
			}
		})
	}
}

func TestRunRefuses(t *testing.T) {
	tests := []struct {
		name    string
		command Command
		want    string
	}{
		{"no program", Command{}, "there is no program"},
		{"a program that isn't there", Command{Argv: []string{"/nowhere"}}, "start /nowhere: no such file or directory"},
		{"a program that isn't on the PATH", Command{Argv: []string{"nowhere"}}, "start nowhere: no such file or directory"},
		{"a profile that isn't one", Command{Argv: []string{"true"}, Profile: "x"}, `no sandbox profile "x"`},
		{"a relative path to show", Command{Argv: []string{"true"}, Binds: []Bind{{Source: "x"}}}, "paths must be absolute"},
		{"nothing to show", Command{Argv: []string{"true"}, Binds: []Bind{{Source: "/nowhere"}}}, "show /nowhere: no such file"},
		{"a directory that isn't there", Command{Argv: []string{"true"}, Dir: "/nowhere"}, "enter /nowhere: no such file"},
		{"too much", Command{Argv: []string{"true", strings.Repeat("x", maxMessage)}}, errTooLong.Error()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Run(bounded(t), tt.command); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	out, err := Run(ctx, Command{Argv: []string{"sh", "-c", "echo early; sleep 1000"}})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
	if string(out.Stdout) != "early\n" {
		t.Errorf("got %q, want what was written before the deadline", out.Stdout)
	}
}

func TestRunShowsBinds(t *testing.T) {
	sandboxed(t)
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "given"), []byte("here"), 0o644); err != nil {
		t.Fatal(err)
	}
	binds := []Bind{{Source: dir, Target: "/opt/ro"}, {Source: dir, Target: "/mnt/rw", Writable: true}, {Source: filepath.Join(dir, "given"), Target: "/opt2/file"}}
	got := shell(t, Command{Binds: binds}, "cat /opt/ro/given /opt2/file; touch /opt/ro/x 2>/dev/null; echo new > /mnt/rw/new; cat /opt/ro/new")
	if got != "herehere"+"new" {
		t.Errorf("got %q", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "x")); err == nil {
		t.Error("a read-only bind was written to")
	}
}

func TestRunKeepsTheEndOfOutput(t *testing.T) {
	out, err := Run(bounded(t), Command{Argv: []string{"sh", "-c", "seq 100000"}, MaxOutput: 12})
	if err != nil || string(out.Stdout) != "9999\n100000\n" || out.Dropped != 588895-12 {
		t.Errorf("got %q with %d dropped, %v", out.Stdout, out.Dropped, err)
	}
}

func TestRunPrivateNetwork(t *testing.T) {
	sandboxed(t)
	if got := shell(t, Command{PrivateNetwork: true}, "cut -d: -f1 /proc/net/dev | tail -n +3 | tr -d ' '"); got != "lo" {
		t.Errorf("got interfaces %q, want lo alone", got)
	}
}

func TestRunLimitsMemory(t *testing.T) {
	const hungry = "x=$(head -c 300000000 /dev/zero | tr '\\0' x); echo ${#x}"
	out, err := Run(bounded(t), Command{Argv: []string{"sh", "-c", hungry}, MemoryMB: 64})
	if err != nil {
		t.Fatal(err)
	}
	if !out.OutOfMemory || out.ExitCode == 0 {
		t.Errorf("got exit code %d, %q, isolation %+v: want it killed", out.ExitCode, out.Stdout, out.Isolation)
	}
	out, err = Run(bounded(t), Command{Argv: []string{"true"}, MemoryMB: 64})
	if err != nil || out.OutOfMemory || out.MaxMemory > 64<<20 {
		t.Errorf("a modest program: got %+v, %v", out, err)
	}
}

func TestRunAsUnprivilegedUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("not root: the other tests are this test")
	}
	again(t, "^TestRun", []string{"HOME=/nonexistent"}, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}})
}

// again runs tests of this program in another process.
func again(t *testing.T, pattern string, env []string, attr *syscall.SysProcAttr) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "runner-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	copied := filepath.Join(dir, "runner.test")
	program, err := os.ReadFile(self)
	if err == nil {
		err = errors.Join(os.WriteFile(copied, program, 0o755), os.Chmod(dir, 0o755))
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, copied, "-test.run="+pattern, "-test.v")
	cmd.Dir = "/"
	cmd.Env = append(append(os.Environ(), "TMPDIR=/tmp"), env...)
	cmd.SysProcAttr = attr
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS") {
		t.Errorf("%v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(strings.TrimSpace(line), "--- SKIP") {
			t.Log(strings.TrimSpace(line))
		}
	}
}

func TestRunLeavesNothing(t *testing.T) {
	before := leftovers(t)
	for range 20 {
		if _, err := Run(bounded(t), Command{Argv: []string{"sh", "-c", "sleep 1000 & setsid sleep 1000 &"}, MemoryMB: 64}); err != nil {
			t.Fatal(err)
		}
	}
	if after := leftovers(t); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

// leftovers lists what sandboxes of this process could leave behind: children,
// mounts, directories, control groups and descriptors.
func leftovers(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, pid := range descendants(os.Getpid()) {
		name, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
		b.WriteString("process " + strings.ReplaceAll(string(name), "\x00", " ") + "\n")
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	b.WriteString("mounts " + strconv.Itoa(strings.Count(string(mounts), "\n")) + "\n")
	for _, pattern := range []string{
		filepath.Join(os.TempDir(), "autodefend-sandbox-*"),
		"/sys/fs/cgroup/*/autodefend-" + strconv.Itoa(os.Getpid()) + "-*",
		"/sys/fs/cgroup/*/*/*/autodefend-" + strconv.Itoa(os.Getpid()) + "-*",
	} {
		found, _ := filepath.Glob(pattern)
		b.WriteString(strings.Join(found, "\n"))
	}
	fds, _ := os.ReadDir("/proc/self/fd")
	b.WriteString("descriptors " + strconv.Itoa(len(fds)) + "\n")
	return b.String()
}
