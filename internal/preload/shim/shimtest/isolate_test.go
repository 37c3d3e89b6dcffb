package shimtest

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// number is that of a system call that the two architectures number differently.
func number(amd64, arm64 int) string {
	if runtime.GOARCH == "arm64" {
		return strconv.Itoa(arm64)
	}
	return strconv.Itoa(amd64)
}

// isolation calls the C library; an act is an expression, and what isn't done must be refused with EPERM's exception.
const isolation = `
import ctypes, os, struct
l = ctypes.CDLL(None, use_errno=True)
def c(name, *a):
  if (l.syscall(int(name), *a) if name.isdigit() else getattr(l, name)(*a)) < 0: raise OSError(ctypes.get_errno(), name)
filter = ctypes.create_string_buffer(struct.pack('=HBBI', 6, 0, 0, 0x7fff0000))
class Program(ctypes.Structure): _fields_ = [('len', ctypes.c_ushort), ('filter', ctypes.c_void_p)]
program = ctypes.byref(Program(1, ctypes.cast(filter, ctypes.c_void_p)))
`

// TestIsolation: no process leaves for where the supervisor can't be asked.
func TestIsolation(t *testing.T) {
	python := needs(t, "python3")
	shim := shimFile(t, runtime.GOARCH)
	tests := map[string]struct {
		call string
		want string // what is asked, "" for nothing
	}{
		"user namespace":    {"c('unshare', 0x10000000 | 0x20000)", "unshare"},
		"network namespace": {"c('unshare', 0x40000000)", "unshare"},
		"descriptors":       {"c('unshare', 0x400)", ""},
		"setns":             {"c('setns', os.open('/proc/self/ns/net', 0), 0)", "setns"},
		"clone":             {"c('" + number(56, 220) + "', 0x10000011, 0, 0, 0, 0)", "clone into namespaces"},
		"clone3":            {"c('435', ctypes.create_string_buffer(struct.pack('=11Q', 0x10000000, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0)), 88)", "clone into namespaces"},
		"bind mount":        {"c('mount', b'/usr', b'/mnt', None, 4096, None)", "mount"},
		"mount":             {"c('mount', b'none', b'/mnt', b'tmpfs', 0, None)", "mount"},
		"move_mount":        {"c('429', -1, b'', -1, b'/mnt', 4)", "mount"},
		"pivot_root":        {"c('" + number(155, 41) + "', b'/', b'/')", "pivot_root"},
		"chroot":            {"os.chroot('/')", "chroot"},
		"own filter":        {"c('prctl', 22, 2, program)", "seccomp filter"},
		"own filter, too":   {"c('" + number(317, 277) + "', 1, 0, program)", "seccomp filter"},
		"name":              {"c('prctl', 15, b'name')", ""},
		"children":          {"assert os.system('true') == 0; assert os.waitpid(os.fork() or os._exit(0), 0)", ""},
		"threads":           {"import threading; x = threading.Thread(target=print); x.start(); x.join()", ""},
	}
	if os.Getuid() != 0 {
		for _, name := range []string{"mount", "move_mount", "pivot_root"} {
			delete(tests, name)
		}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSupervisor(t, rules{})
			code := isolation + "def act():\n  " + strings.ReplaceAll(test.call, "; ", "\n  ") + "\ntry: act()\nexcept PermissionError: print('denied')\nelse: print('done')"
			out, err := runBounded(t, s.command(shim, python, "-c", code), time.Minute)
			asked := s.asked()
			if err != nil || (test.want == "") != strings.HasSuffix(out, "done\n") {
				t.Errorf("%v, printed %s", err, out)
			}
			if test.want == "" && len(asked) != 0 || test.want != "" && (len(asked) != 1 || asked[0].kind != kindTamper || asked[0].text != test.want) {
				t.Errorf("asked %+v, want %q", asked, test.want)
			}
		})
	}
}

// TestIsolationRefused: what the kernel doesn't permit anyhow is nobody's question.
func TestIsolationRefused(t *testing.T) {
	python := needs(t, "/usr/bin/python3")
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: needs to be root to be somebody else")
	}
	s := newSupervisor(t, rules{})
	for _, call := range []string{"c('" + number(155, 41) + "', b'/', b'/')", "c('429', -1, b'', -1, b'/mnt', 4)"} {
		cmd := exec.Command(python, "-c", isolation+"try: "+call+"\nexcept PermissionError: print('denied')")
		cmd.Env = s.command(shimFile(t, runtime.GOARCH), python).Env
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if out, err := runBounded(t, cmd, time.Minute); err != nil || out != "denied\n" {
			t.Errorf("%s: %v, printed %s", call, err, out)
		}
	}
	if asked := s.asked(); len(asked) != 0 {
		t.Errorf("asked %+v", asked)
	}
}

// TestUndelivered: a process that keeps its own questions from being asked gains nothing, though nobody fails closed.
func TestUndelivered(t *testing.T) {
	python := needs(t, "/usr/bin/python3")
	if runtime.GOARCH != "amd64" {
		t.Skip("SKIPPED: the filter has amd64's numbers")
	}
	secret, _ := secretFile(t)
	for _, blocked := range []string{"41", "42", "46", "47"} { // socket, connect, sendmsg, recvmsg
		s := newSupervisor(t, rules{modes: map[int]byte{kindOpen: modeList}, denyRead: []string{secret}, answer: func(q question) (byte, int32) {
			if q.kind == kindOpen {
				return verdictDeny, int32(syscall.EACCES)
			}
			return verdictAllow, 0
		}})
		code := isolation + `
def op(*a): return struct.pack('=HBBI', *a)
filter = ctypes.create_string_buffer(op(0x20, 0, 0, 0) + op(0x15, 0, 1, ` + blocked + `) + op(6, 0, 0, 0x50000 | 1) + op(6, 0, 0, 0x7fff0000))
c('prctl', 38, 1, 0, 0, 0)
c('prctl', 22, 2, ctypes.byref(Program(4, ctypes.cast(filter, ctypes.c_void_p))))
try: open('` + secret + `'); print('done')
except PermissionError: print('denied')`
		out, err := runBounded(t, s.command(shimFile(t, runtime.GOARCH), python, "-c", code), time.Minute)
		if err != nil || out != "denied\n" {
			t.Errorf("without %s: %v, printed %s", blocked, err, out)
		}
	}
}
