package kernel

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
	"golang.org/x/sys/unix"
)

const attackSource = `
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <asm/sockios.h>
#include <unistd.h>
#define TRY(what) do { errno = 0; long r = (long)(what); printf("%s: %s\n", #what, r < 0 ? strerror(errno) : "through"); } while (0)
int main(int argc, char **argv) {
	setvbuf(stdout, 0, _IONBF, 0);
	int pid = atoi(argv[1]), tid = atoi(argv[2]);
	signal(SIGUSR1, SIG_IGN);
	char buf[8]; struct iovec v = {buf, 8}, w = {(void *)main, 8};
	TRY(kill(pid, SIGKILL));
	TRY(kill(tid, SIGKILL));
	TRY(kill(pid, SIGSTOP));
	TRY(syscall(SYS_tkill, tid, SIGKILL));
	TRY(syscall(SYS_tgkill, pid, tid, SIGKILL));
	siginfo_t info = {.si_code = SI_QUEUE};
	TRY(syscall(SYS_rt_sigqueueinfo, pid, SIGKILL, &info));
	TRY(syscall(SYS_rt_tgsigqueueinfo, pid, tid, SIGKILL, &info));
	int fd = syscall(SYS_pidfd_open, pid, 0);
	TRY(syscall(SYS_pidfd_send_signal, fd, SIGKILL, 0, 0));
	char path[64]; sprintf(path, "/proc/%d", pid);
	int dir = open(path, O_DIRECTORY);
	TRY(syscall(SYS_pidfd_send_signal, dir, SIGKILL, 0, 0));
	TRY(syscall(SYS_pidfd_getfd, fd, 0, 0));
	TRY(ptrace(PTRACE_ATTACH, pid, 0, 0));
	TRY(ptrace(PTRACE_SEIZE, tid, 0, 0));
	TRY(process_vm_readv(pid, &v, 1, &w, 1, 0));
	TRY(process_vm_writev(pid, &v, 1, &w, 1, 0));
	struct rlimit l = {0, 0};
	TRY(prlimit(pid, RLIMIT_CPU, &l, 0));
	cpu_set_t set; CPU_ZERO(&set); CPU_SET(0, &set);
	TRY(sched_setaffinity(tid, sizeof set, &set));
	TRY(setpriority(PRIO_PROCESS, pid, 19));
	int pair[2]; socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	fcntl(pair[0], F_SETSIG, SIGKILL);
	int leader = getpgid(pid), negative = -leader;
	struct f_owner_ex owner = {F_OWNER_PID, pid}, thread = {F_OWNER_TID, tid}, group = {F_OWNER_PGRP, leader};
	TRY(fcntl(pair[0], F_SETOWN, pid));
	TRY(fcntl(pair[0], F_SETOWN, tid));
	TRY(fcntl(pair[0], F_SETOWN_EX, &owner));
	TRY(fcntl(pair[0], F_SETOWN_EX, &thread));
	TRY(ioctl(pair[0], FIOSETOWN, &pid));
	if (leader != 0) { // what the kernel itself started is in no group that can be named
		TRY(fcntl(pair[0], F_SETOWN, negative));
		TRY(fcntl(pair[0], F_SETOWN_EX, &group));
		TRY(ioctl(pair[0], SIOCSPGRP, &negative));
	}
	int me = getpid(), nobody = 0;
	struct f_owner_ex mine = {F_OWNER_TID, me}, got = {0};
	printf("own descriptor:%d", fcntl(pair[0], F_SETOWN, me)); printf(" %d", fcntl(pair[0], F_GETOWN));
	printf(" %d", ioctl(pair[0], FIOSETOWN, &nobody)); printf(" %d", fcntl(pair[0], F_GETOWN));
	printf(" %d", fcntl(pair[0], F_SETOWN_EX, &mine)); fcntl(pair[0], F_GETOWN_EX, &got);
	printf(" %d %d", got.type, got.pid == me); printf(" %d", fcntl(pair[0], F_SETOWN_EX, 0)); printf(" %d\n", errno);
	printf("owner fits %d\n", ioctl(pair[0], SIOCSPGRP, &me) == 0 && fcntl(pair[0], F_GETOWN) == me);
	const char *files[] = {"mem", "environ", "maps", "fd", "fd/0", "root/etc/passwd", "cwd", "exe", "task"};
	for (int i = 0; i < 9; i++) {
		sprintf(path, "/proc/%d/%s", pid, files[i]);
		int f = open(path, i == 0 ? O_RDWR : O_RDONLY);
		printf("open %s: %s\n", files[i], f < 0 ? strerror(errno) : "through");
	}
	sprintf(path, "/proc/%d/fd", pid);
	symlink(path, argv[3]);
	sprintf(path, "%s/0", argv[3]);
	TRY(open(path, O_RDONLY));
	TRY(unshare(CLONE_NEWUSER));
	TRY(unshare(CLONE_NEWPID));
	TRY(chroot("/tmp"));
	TRY(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
	TRY(syscall(SYS_clone3, 0, 0));
	TRY(syscall(SYS_io_uring_setup, 1, buf));
	TRY(syscall(SYS_seccomp, 1, 8, 0));
	printf("dumpable %d", prctl(PR_SET_DUMPABLE, 0)); printf(" %d\n", prctl(PR_GET_DUMPABLE));
	printf("kill everybody in the group: %d\n", kill(0, SIGUSR1));
	pid_t child = fork();
	if (!child) { pause(); _exit(0); }
	printf("own child: %d\n", kill(child, SIGTERM));
	int status; waitpid(child, &status, 0);
	printf("died of %d\n", WTERMSIG(status));
	child = fork();
	if (!child) { pause(); _exit(0); }
	fd = syscall(SYS_pidfd_open, child, 0);
	printf("by descriptor: %ld\n", syscall(SYS_pidfd_send_signal, fd, SIGTERM, 0, 0));
	waitpid(child, &status, 0);
	printf("died of %d\n", WTERMSIG(status));
	printf("ask: %d\n", kill(pid, 0));
	return 0;
}`

// victim is a process that stands for the Defender's guardian. It is in the attacker's group.
func victim(t *testing.T, group int) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/bin/sleep", "100")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: group}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

func TestTampering(t *testing.T) {
	attack := compile(t, attackSource)
	guardian := victim(t, 0)
	// The supervisor is this test, one of its other threads is the second target.
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil || len(tasks) < 2 {
		t.Fatal(err, tasks)
	}
	for _, target := range [][2]int{{os.Getpid(), lastThread(t, tasks)}, {guardian.Process.Pid, guardian.Process.Pid}} {
		dir := filepath.Join(openDir(t), "link")
		r := begin(t, Config{Sections: sections(autodefend.Prevent), Protected: []int{guardian.Process.Pid}},
			func(e policy.Event) bool { return e.Kind == policy.Tamper },
			attack, strconv.Itoa(target[0]), strconv.Itoa(target[1]), dir)
		out := r.wait()
		for line := range strings.Lines(out) {
			if strings.Contains(line, ": through") && !strings.HasPrefix(line, "open task") {
				t.Errorf("%s", line)
			}
		}
		contains(t, out, "own descriptor:0 ", " 0 0 0 0 1 -1 14\n", "owner fits 1", "dumpable 0 1", "group: 0", "own child: 0", "by descriptor: 0", "died of 15", "ask: 0", "open task: through", "clone3, 0, 0): Function not implemented")
		if n := countTampers(r.judge); n < 17 {
			t.Errorf("%d events of tampering\n%s", n, out)
		}
		if guardian.ProcessState != nil || unix.Kill(guardian.Process.Pid, 0) != nil {
			t.Fatal("the guardian is gone")
		}
	}
}

func lastThread(t *testing.T, tasks []os.DirEntry) int {
	t.Helper()
	id, err := strconv.Atoi(tasks[len(tasks)-1].Name())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func countTampers(j *judge) int {
	return j.count(func(e policy.Event) bool { return e.Kind == policy.Tamper })
}

// TestPythonStarts: an answer that a signal of Go's runtime interrupts would lose a descriptor.
func TestPythonStarts(t *testing.T) {
	python := need(t, "python3")
	for range 60 {
		out, r := output(t, Config{Sections: sections(autodefend.Prevent)}, nil, python, "-c", "import json, urllib.request; print('fine')")
		if out != "fine\n" || r.status.ExitStatus() != 0 {
			t.Fatalf("%v: %s", r.status, out)
		}
	}
}

const signalSource = `
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
static void on(int n) {}
int main(int argc, char **argv) {
	struct sigaction a = {.sa_handler = on, .sa_flags = SA_RESTART};
	sigaction(SIGALRM, &a, 0);
	int every = atoi(argv[1]), count = atoi(argv[2]);
	struct itimerval t = {{0, every}, {0, every}};
	setitimer(ITIMER_REAL, &t, 0);
	int bad = 0, last = -1;
	for (int i = 0; i < count; i++) {
		int fd = open("/etc/passwd", O_RDONLY);
		char c;
		if (fd < 3 || read(fd, &c, 1) != 1) { bad++; if (bad < 5) printf("%d %s\n", fd, strerror(errno)); }
		if (fd > 9) last = fd;
		close(fd);
	}
	printf("bad %d stray %d\n", bad, last);
	return 0;
}`

// TestSignals opens files while signals rain: none may fail, nor leave a descriptor behind.
func TestSignals(t *testing.T) {
	program := compile(t, signalSource)
	every, count, want := "100", "5000", "bad 0 stray -1"
	if os.Getenv(inVM) != "" {
		every, count, want = "50000", "300", "bad 0" // an emulated processor is slow, and an old kernel can leave descriptors behind
	}
	out, _ := output(t, Config{Sections: sections(autodefend.Prevent)}, nil, program, every, count)
	contains(t, out, want)
}

// TestUnprivileged runs the others again as a user without any rights.
func TestUnprivileged(t *testing.T) {
	againAsNobody(t, 0o755, "Runs|DeniedProgram|Writable|Files|FilesGoOn|OldLinks|ProcLinks|ExecRaces|OpenRaces|AddressRaces|DNS|Connect|Unspecified|Tampering|Signals|Death|Probe|Scripts|Multithread")
}

// TestUnreadable: the Defender's program is a file that its user may start, not read.
func TestUnreadable(t *testing.T) {
	againAsNobody(t, 0o711, "Runs|DeniedProgram|Files|Connect|Tampering|Death|Scripts")
}

// againAsNobody runs tests in a copy of this program with another mode, as a user without any rights.
func againAsNobody(t *testing.T, mode os.FileMode, tests string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: already runs without rights")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(openDir(t), "kernel.test")
	if err := os.WriteFile(program, content, mode); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-test.run=^Test("+tests+")$", "-test.short", "-test.v")
	cmd.Dir = filepath.Dir(program)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	cmd.Env = append(os.Environ(), "HOME="+cmd.Dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "SKIP") {
			t.Log(strings.TrimSpace(line))
		}
	}
}
