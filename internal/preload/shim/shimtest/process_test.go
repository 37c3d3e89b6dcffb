package shimtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func allowAll(question) (byte, int32) { return verdictAllow, 0 }

// TestPrograms: real programs print the same, and end the same, with a policy that asks about everything.
func TestPrograms(t *testing.T) {
	tests := []struct {
		name string
		args []string
	}{
		{"bash", []string{"bash", "-c", `set -e; cd /tmp; x=$(mktemp -d); cd "$x"; echo a > a; cat < a | tr a b; exec 7<a; read -r l <&7; echo "$l"; ln -s a l; cat l; (ulimit -n 20; ls); rm -r "$x"; env | grep -cE '^(LD_PRELOAD|AUTODEFEND)' || true; exit 3`}},
		{"bash descriptors", []string{"bash", "-c", "exec 0<&-; exec 0</etc/hostname; cat; ls /proc/self/fd | wc -l"}},
		{"python", []string{"python3", "-c", "import subprocess,sqlite3,tempfile,os,ssl,json\nd=tempfile.mkdtemp()\nc=sqlite3.connect(d+'/x'); c.execute('create table t(a)'); c.execute('insert into t values(1)'); c.commit()\nprint(c.execute('select * from t').fetchall(), subprocess.check_output(['echo','x'],env={}), sorted(os.listdir(d)), 'LD_PRELOAD' in os.environ)"}},
		{"python pool", []string{"python3", "-c", "import multiprocessing as m, concurrent.futures as c\nif __name__=='__main__':\n  print(m.Pool(3).map(abs, range(-5,5)), list(c.ThreadPoolExecutor(4).map(abs, range(-9,0))))"}},
		{"python asyncio", []string{"python3", "-c", "import asyncio\nasync def f():\n  p=await asyncio.create_subprocess_exec('cat', stdin=-1, stdout=-1)\n  print(await p.communicate(b'hello'))\nasyncio.run(f())"}},
		{"node", []string{"node", "-e", "const c=require('child_process'),f=require('fs');console.log(c.execFileSync('echo',['x']).toString(), f.readdirSync('/etc').length, Object.keys(process.env).filter(k=>/SHIM|PRELOAD/.test(k)));new (require('worker_threads').Worker)('console.log(1+1)',{eval:true})"}},
		{"node spawns", []string{"node", "-e", "const c=require('child_process');let n=0;for(let i=0;i<20;i++)c.spawn('true').on('exit',x=>{n+=x;if(i==19)setTimeout(()=>console.log(n),50)})"}},
		{"ruby", []string{"ruby", "-e", "puts `echo x`; p fork{exit 3}.class; Process.wait; p $?.exitstatus, File.read('/etc/hostname').size, ENV['LD_PRELOAD']"}},
		{"git", []string{"bash", "-c", "x=$(mktemp -d); cd $x; git init -q .; echo a > a; git add a; git -c user.name=a -c user.email=a@b commit -q -m m --date=2020-01-01T00:00:00Z; git log --format=%s; git gc -q; git status --short | wc -l; rm -rf $x"}},
		{"java", []string{"java", "-version"}},
		{"signals", []string{"bash", "-c", "exec 2>/dev/null; trap 'echo got' USR1; kill -USR1 $$; sleep 0.05 & kill $!; wait $!; echo $?; (kill -9 $BASHPID); echo $?"}},
		{"static", []string{"busybox", "echo", "x"}},
	}
	shim := shimFile(t, runtime.GOARCH)
	modes := map[int]byte{kindExec: modeAsk, kindConnect: modeAsk, kindListen: modeAsk, kindOpen: modeList, kindResolve: modeAsk}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			needs(t, test.args[0])
			s := newSupervisor(t, rules{modes: modes, denyRead: []string{"/nowhere"}, denyWrite: []string{"/nowhere"}, protected: []int{os.Getpid()}, answer: allowAll})
			bare, bareErr := runBounded(t, exec.Command(test.args[0], test.args[1:]...), 2*time.Minute)
			held, heldErr := runBounded(t, s.command(shim, test.args[0], test.args[1:]...), 2*time.Minute)
			if bare != held || fmt.Sprint(bareErr) != fmt.Sprint(heldErr) {
				t.Errorf("bare: %v\n%s\nunder the shim: %v\n%s", bareErr, bare, heldErr, held)
			}
		})
	}
}

// TestReinjection: no environment that a program gives its child keeps the shim out, and none shows it.
func TestReinjection(t *testing.T) {
	shim := shimFile(t, runtime.GOARCH)
	many := strings.Repeat("export V$((++i))=x; ", 400)
	tests := []struct{ name, script, want string }{
		{"env -i", "env -i env", ""},
		{"unset", "unset LD_PRELOAD; env -u AUTODEFEND_SHIM env | grep -E 'LD_PRELOAD|SHIM'", ""},
		{"owner's library", "LD_PRELOAD=libc.so.6 env | grep -E 'LD_PRELOAD|SHIM'", "LD_PRELOAD=libc.so.6\n"},
		{"two of them", "env -i LD_PRELOAD=libc.so.6:libm.so.6 A=b env", "LD_PRELOAD=libc.so.6:libm.so.6\nA=b\n"},
		{"the loader's", "env -i LD_AUDIT=/nothing LD_PROFILE=libc.so.6 LD_DEBUG_OUTPUT=/tmp/x LD_BIND_NOW=1 env", "LD_BIND_NOW=1\n"},
		{"empty", "env -i LD_PRELOAD= env", "LD_PRELOAD=\n"},
		{"another supervisor", "env -i AUTODEFEND_SHIM=1:nobody:/nothing env", ""},
		{"many variables", many + "env | grep -c ^V", "400\n"},
		{"/proc/self/environ", "env -i A=b cat /proc/self/environ | tr -d '\\0'", "A=b"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSupervisor(t, rules{answer: func(q question) (byte, int32) {
				if q.kind == kindTamper {
					return verdictDeny, int32(unix.EPERM)
				}
				return verdictAllow, 0
			}})
			out, err := runBounded(t, s.command(shim, "bash", "-c", test.script+"; true"), time.Minute)
			if err != nil || out != test.want {
				t.Errorf("%v, printed %q, want %q", err, out, test.want)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if hellos := len(s.seen); hellos < 2 {
				t.Errorf("%d hellos: the child has no shim", hellos)
			}
			tampers := slices.ContainsFunc(s.seen, func(q question) bool { return q.kind == kindTamper && q.text == "LD_AUDIT" })
			if tampers != strings.Contains(test.script, "LD_AUDIT=/") {
				t.Errorf("asked %+v", s.seen)
			}
		})
	}
}

// TestKnownSites: a child that is told where the calls are is held like one that looked, and one that is told nonsense
// looks for itself.
func TestKnownSites(t *testing.T) {
	secret, dir := secretFile(t)
	acts := program(t, compiler(t, runtime.GOARCH), "acts")
	for _, known := range []string{"", "AUTODEFEND_SITES=", "AUTODEFEND_SITES=0:", "AUTODEFEND_SITES=1,2", "AUTODEFEND_SITES=155e3c:1,2,3;", "AUTODEFEND_SITES=ffffffffffffffffffff:;;:"} {
		s := newSupervisor(t, actRules(secret))
		cmd := s.command(shimFile(t, runtime.GOARCH), acts, secret, dir)
		cmd.Env = append(cmd.Env, "NO_CHILDREN=1", known)
		if out, err := runBounded(t, cmd, time.Minute); err != nil || out != actsWant(false) {
			t.Errorf("%q: %v, printed\n%s", known, err, out)
		}
	}
}

// TestExecQuestion: what is asked about a program, and what becomes of the answers.
func TestExecQuestion(t *testing.T) {
	python := needs(t, "python3")
	shim := shimFile(t, runtime.GOARCH)
	code := "import os\ntry: os.execve('/bin/../bin/echo', ['echo', 'a b', ''], {})\nexcept OSError as e: print(e.errno)"
	for _, test := range []struct {
		verdict byte
		errno   unix.Errno
		out     string
		err     string
	}{
		{verdictAllow, 0, "a b \n", "<nil>"},
		{verdictDeny, unix.EPERM, "1\n", "<nil>"},
		{verdictExit, 0, "", "exit status 126"},
	} {
		s := newSupervisor(t, rules{modes: map[int]byte{kindExec: modeAsk}, answer: func(q question) (byte, int32) {
			if q.kind == kindHello || q.text != "/bin/../bin/echo" {
				return verdictAllow, 0
			}
			return test.verdict, int32(test.errno)
		}})
		out, err := runBounded(t, s.command(shim, python, "-c", code), time.Minute)
		if out != test.out || fmt.Sprint(err) != test.err {
			t.Errorf("verdict %d: %v, printed %q", test.verdict, err, out)
		}
		asked := s.asked()
		last := asked[len(asked)-1]
		if last.kind != kindExec || !slices.Equal(last.argv, []string{"echo", "a b", ""}) {
			t.Errorf("asked %+v", last)
		}
	}
}

// TestHelloRefused: a program whose hello is refused never runs.
func TestHelloRefused(t *testing.T) {
	s := newSupervisor(t, rules{answer: func(question) (byte, int32) { return verdictExit, 0 }})
	out, err := runBounded(t, s.command(shimFile(t, runtime.GOARCH), "echo", "ran"), time.Minute)
	if out != "" || fmt.Sprint(err) != "exit status 126" {
		t.Errorf("%v, printed %q", err, out)
	}
}

// TestNobodyAnswers: with the supervisor gone, the table's fail flag decides; a program that makes asking impossible
// gains nothing.
func TestNobodyAnswers(t *testing.T) {
	python := needs(t, "/usr/bin/python3") // itself, not a script that starts it
	shim := shimFile(t, runtime.GOARCH)
	attempt := "\ntry: open(%q); print('done')\nexcept OSError as e: print(e.errno)\n"
	for _, test := range []struct {
		name, before string
		flags        uint32
		closes       bool
		want         string
	}{
		{"open", "input()", 0, true, "done\n"},
		{"closed", "input()", flagFailClosed, true, "13\n"},
		{"children of a closed one", "input()\nimport subprocess\nprint(subprocess.run(['/bin/true']).returncode)", flagFailClosed, true, "126\n13\n"},
		{"no descriptors", "input()\nimport resource,os\nresource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))\nos.dup(0)\n", 0, false, "24\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			secret, _ := secretFile(t)
			s := newSupervisor(t, rules{modes: map[int]byte{kindOpen: modeList}, flags: test.flags, denyRead: []string{secret}})
			cmd := s.command(shim, python, "-c", test.before+fmt.Sprintf(attempt, secret))
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				waitHello(s)
				if test.closes {
					s.close()
				}
				_, _ = in.Write([]byte("\n"))
			}()
			if out, err := runBounded(t, cmd, time.Minute); err != nil || out != test.want {
				t.Errorf("%v, printed %q, want %q", err, out, test.want)
			}
		})
	}
}

// waitHello returns when a shim has reported in, or after a while.
func waitHello(s *supervisor) {
	for range 1000 {
		s.mu.Lock()
		n := len(s.seen)
		s.mu.Unlock()
		if n > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond) // the table is on its way
}

// TestGuard: the protected process can't be reached in any of these ways.
func TestGuard(t *testing.T) {
	python := needs(t, "python3")
	victim := exec.Command("sleep", "300")
	victim.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = victim.Process.Kill()
		_ = victim.Wait()
	})
	pid := strconv.Itoa(victim.Process.Pid)
	s := newSupervisor(t, rules{protected: []int{victim.Process.Pid}})
	shim := shimFile(t, runtime.GOARCH)
	for name, call := range map[string]string{
		"kill":               "os.kill(P, 9)",
		"killpg":             "os.killpg(P, 9); raise PermissionError", // goes to the others of the group, of which there are none
		"tgkill":             "c(234, P, P, 9)",
		"tkill":              "c(200, P, 9)",
		"sigqueue":           "c(129, P, 9, ctypes.create_string_buffer(128))",
		"pidfd":              "os.pidfd_open(P)",
		"ptrace":             "c(101, 16, P, 0, 0)",
		"process_vm_writev":  "c(311, P, 0, 0, 0, 0, 0)",
		"prlimit":            "c(302, P, 7, 0, 0)",
		"sched_setscheduler": "os.sched_setscheduler(P, os.SCHED_BATCH, os.sched_param(0))",
		"sched_setparam":     "os.sched_setparam(P, os.sched_param(0))",
		"sched_setattr":      "c(314, P, ctypes.create_string_buffer(b'0' + bytes(47)), 0)",
		"sched_setaffinity":  "os.sched_setaffinity(P, {0})",
		"setpriority":        "os.setpriority(os.PRIO_PROCESS, P, 5)",
		"setpriority group":  "os.setpriority(os.PRIO_PGRP, P, 5)",
		"setpriority user":   "os.setpriority(os.PRIO_USER, 0, 5)",
		"ioprio_set":         "c(251, 1, P, 3 << 13)",
		"ioprio_set group":   "c(251, 2, P, 3 << 13)",
		"move_pages":         "c(279, P, 0, 0, 0, 0, 0)",
		"F_SETOWN":           "import fcntl; fcntl.fcntl(0, fcntl.F_SETOWN, P)",
		"mem":                "open('/proc/%d/mem' % P, 'rb+')",
		"environ":            "open('/proc/%d/environ' % P)",
		"comm":               "open('/proc/%d/comm' % P, 'w')",
		"maps":               "open('/proc/%d/maps' % P)",
		"thread's stat":      "open('/proc/%d/task/%d/stat' % (P, P))",
		"mem by cwd":         "os.chdir('/proc/%d' % P)",
		"mem by directory":   "os.open('/proc/%d' % P, os.O_PATH)",
		"mem from /proc":     "os.chdir('/proc'); open('%d/mem' % P)",
		"mem by link":        "n=tempfile.mktemp(); os.symlink('/proc/%d/mem' % P, n); open(n)",
		"mem by root":        "open('/proc/self/root/proc/%d/mem' % P)",
		"own code":           "open('/proc/self/mem', 'rb+')",
	} {
		t.Run(name, func(t *testing.T) {
			code := "import os,ctypes,tempfile\nP=" + pid + "\nl=ctypes.CDLL(None, use_errno=True)\ndef c(*a):\n  if l.syscall(*a) < 0: raise OSError(ctypes.get_errno(), 'x')\n" +
				"try:\n  " + call + "\n  print('done')\nexcept (PermissionError, ProcessLookupError): print('denied')"
			if out, err := runBounded(t, s.command(shim, python, "-c", code), time.Minute); err != nil || out != "denied\n" {
				t.Errorf("%v, printed %q", err, out)
			}
		})
	}
	s.asked()
	code := "P=" + pid + "\nfor n in 'stat', 'statm', 'status', 'cmdline', 'comm': assert open('/proc/%d/%s' % (P, n)).read()\nprint('read')"
	out, err := runBounded(t, s.command(shim, python, "-c", code), time.Minute)
	if asked := s.asked(); err != nil || out != "read\n" || len(asked) > 0 {
		t.Errorf("what is no secret: %v, printed %q, asked %+v", err, out, asked)
	}
	if err := victim.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("it is gone: %v", err)
	}
}

// TestCopiedLibrary: a C library under another name is led to the gate, too.
func TestCopiedLibrary(t *testing.T) {
	python := needs(t, "python3")
	secret, dir := secretFile(t)
	libc, err := filepath.EvalSymlinks("/lib/x86_64-linux-gnu/libc.so.6")
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	data, err := os.ReadFile(libc)
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(dir, "mine.so")
	if err := os.WriteFile(own, data, 0o755); err != nil {
		t.Fatal(err)
	}
	s := newSupervisor(t, actRules(secret))
	code := fmt.Sprintf("import ctypes; print(ctypes.CDLL(%q).open(%q.encode(), 0))", own, secret)
	if out, err := runBounded(t, s.command(shimFile(t, runtime.GOARCH), python, "-c", code), time.Minute); err != nil || out != "-1\n" {
		t.Errorf("%v, printed %q", err, out)
	}
	s = newSupervisor(t, rules{flags: flagWritableLibs, answer: func(q question) (byte, int32) {
		if q.text == own {
			return verdictDeny, int32(unix.EPERM)
		}
		return verdictAllow, 0
	}})
	out, err := runBounded(t, s.command(shimFile(t, runtime.GOARCH), python, "-c", "import ctypes\ntry: ctypes.CDLL("+strconv.Quote(own)+")\nexcept OSError: print('denied')"), time.Minute)
	if err != nil || out != "denied\n" {
		t.Errorf("%v, printed %q", err, out)
	}
}
