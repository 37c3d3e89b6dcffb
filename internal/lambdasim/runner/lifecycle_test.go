//go:build linux

package runner

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// extension is an external extension that logs what it is told. It ends with
// SHUTDOWN, after a while.
const extensionScript = `#!/bin/bash
name=$(basename $0)
api=http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension
[ -z "$LAMBDA_TASK_ROOT$_HANDLER" ] || echo "ext sees the runtime's variables"
id=$(wget -q -S -O /tmp/registered --header "Lambda-Extension-Name: $name" --post-data '{"events":["INVOKE","SHUTDOWN"]}' $api/register 2>&1 |
  sed -n 's/^ *Lambda-Extension-Identifier: *//Ip' | tr -d '\r')
echo "ext registered $(cat /tmp/registered)"
while event=$(wget -q -O - --header "Lambda-Extension-Identifier: $id" $api/event/next); do
  echo "ext event $event"
  case $event in *SHUTDOWN*) sleep 0.2; echo "ext done"; exit 0;; esac
done
echo "ext lost its API"
`

// buffer is a log that can be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// inOrder checks that a text holds some parts, one after the other.
func inOrder(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, p := range parts {
		_, after, found := strings.Cut(rest, p)
		if !found {
			t.Fatalf("%q is missing, or too early, in\n%s", p, text)
		}
		rest = after
	}
}

func TestExtensionLifeCycle(t *testing.T) {
	var log buffer
	r, err := New(Options{Output: &log})
	if err != nil {
		t.Fatal(err)
	}
	f := python(t, "import signal, sys\nprint('runtime starts')\ndef stop(*_):\n    print('runtime stops')\n    sys.exit(0)\nsignal.signal(signal.SIGTERM, stop)\ndef handler(e, c):\n    return 1")
	f.Layers = []Package{{Zip: zipped(t, source{"extensions/watcher!": extensionScript})}}
	for range 2 {
		if got := must(t, r, f, "{}"); string(got.Payload) != "1" {
			t.Fatalf("got %s\n%s", got.Payload, got.Log)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	inOrder(t, log.String(), `ext registered {"functionName":"probe","functionVersion":"$LATEST","handler":"app.handler"}`, "runtime starts", "EXTENSION\tName: watcher\tState: Ready\tEvents: [INVOKE, SHUTDOWN]", "START",
		`"eventType":"INVOKE"`, "REPORT", `"eventType":"INVOKE"`, `"invokedFunctionArn":"arn:aws:lambda:us-east-1:000000000000:function:probe"`,
		"REPORT", "runtime stops", `"eventType":"SHUTDOWN"`, `"shutdownReason":"SPINDOWN"`, "ext done")
	if strings.Contains(log.String(), "ext sees") {
		t.Error(log.String())
	}
}

func TestCloseEndsWhatRuns(t *testing.T) {
	var log buffer
	r, err := New(Options{Output: &log})
	if err != nil {
		t.Fatal(err)
	}
	f := python(t, "import time\ndef handler(e, c):\n    print('busy')\n    time.sleep(1000)")
	f.Timeout = 15 * time.Minute
	ended := make(chan error, 1)
	go func() {
		_, err := r.Invoke(t.Context(), f, []byte("{}"))
		ended <- err
	}()
	eventually(t, "the function runs", func() bool { return strings.Contains(log.String(), "busy") })
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want %v", err, ErrClosed)
	}
	if _, err := r.Invoke(t.Context(), f, []byte("{}")); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: got %v, want %v", err, ErrClosed)
	}
}

func TestShutdownWithoutExtensionIsAKill(t *testing.T) {
	var log buffer
	r, err := New(Options{Output: &log})
	if err != nil {
		t.Fatal(err)
	}
	must(t, r, python(t, "import signal\nsignal.signal(signal.SIGTERM, lambda *_: print('asked to stop'))\ndef handler(e, c):\n    return 1"), "{}")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(log.String(), "asked to stop") {
		t.Error("the runtime got SIGTERM")
	}
}

func TestExtensionsFailures(t *testing.T) {
	tests := []struct{ name, script, kind, message string }{
		{"crash at start", "#!/bin/sh\nexit 5", "Extension.Crash", "RequestId: ID Error: exit status 5"},
		{"not a program", "", "Extension.LaunchError", "RequestId: ID Error: start /opt/extensions/broken: exec format error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sandboxed(t)
			r := newRunner(t, Options{})
			f := python(t, "def handler(e, c):\n    return 1")
			f.Layers = []Package{{Zip: zipped(t, source{"extensions/broken!": tt.script})}}
			got := must(t, r, f, "{}")
			want := `{"errorType":"` + tt.kind + `","errorMessage":"` + strings.Replace(tt.message, "ID", got.RequestID, 1) + `"}`
			if string(got.Payload) != want {
				t.Errorf("got %s, want %s\n%s", got.Payload, want, got.Log)
			}
		})
	}
}

func TestWrapperScript(t *testing.T) {
	sandboxed(t)
	const wrapper = "#!/bin/bash\necho \"wrapped: $*\"\nexport ADDED=yes\nexec \"$@\"\n"
	tests := []struct{ runtime, handler, file, code, want string }{
		{"python3.11", "app.handler", "app.py", "import os\ndef handler(e, c):\n    return os.environ['ADDED']", "wrapped: /var/lang/bin/python3.11 /var/runtime/bootstrap.py\n"},
		{"nodejs22.x", "index.handler", "index.js", "exports.handler = async () => process.env.ADDED", "wrapped: /var/lang/bin/node --expose-gc --max-http-header-size 81920 /var/runtime/bootstrap.mjs\n"},
		{"ruby3.4", "app.handler", "app.rb", "def handler(event:, context:) = ENV['ADDED']", "wrapped: /var/lang/bin/ruby /var/runtime/bootstrap.rb\n"},
	}
	for _, tt := range tests {
		t.Run(tt.runtime, func(t *testing.T) {
			r := newRunner(t, Options{})
			f := Function{
				Name: "wrapped", Runtime: tt.runtime, Handler: tt.handler, MemoryMB: 256, Timeout: 20 * time.Second,
				Code: Package{Zip: zipped(t, source{tt.file: tt.code})}, Env: map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrapper"},
				Layers: []Package{{Zip: zipped(t, source{"wrapper!": "#!/bin/false"})}, {Zip: zipped(t, source{"wrapper!": wrapper})}},
			}
			got := must(t, r, f, "{}")
			if string(got.Payload) != `"yes"` || !strings.Contains(string(got.Log), tt.want) {
				t.Errorf("got %s\n%s", got.Payload, got.Log)
			}
		})
	}
	t.Run("provided", func(t *testing.T) {
		r := newRunner(t, Options{})
		f := Function{
			Name: "own", Runtime: "provided.al2023", Handler: "x", MemoryMB: 256, Timeout: 20 * time.Second,
			Layers: []Package{{Zip: zipped(t, source{"bootstrap!": shellRuntime("body=7")})}},
			Env:    map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/opt/nothing"},
		}
		if got := must(t, r, f, "{}"); string(got.Payload) != "7" {
			t.Errorf("got %s, want no wrapper and the layer's bootstrap\n%s", got.Payload, got.Log)
		}
	})
}

func TestEnvironment(t *testing.T) {
	sandboxed(t)
	r := newRunner(t, Options{})
	f := python(t, "import os\ndef handler(e, c):\n    return '\\n'.join(sorted(k + '=' + v for k, v in os.environ.items() if k not in ('AWS_LAMBDA_RUNTIME_API', 'AWS_LAMBDA_LOG_STREAM_NAME', '_X_AMZN_TRACE_ID', 'LC_CTYPE')))")
	f.ARN = "arn:aws:lambda:eu-west-1:123456789012:function:probe:7"
	f.Version, f.LogPipe = "7", true
	f.Env = map[string]string{"MINE": "1", "_DROPPED": "1", "AWS_REGION": "mars", "TZ": "Europe/Paris"}
	got := must(t, r, f, "{}")
	want := strings.Join([]string{
		"AWS_ACCESS_KEY_ID=ASIASIM123456789012", "AWS_DEFAULT_REGION=eu-west-1", "AWS_EXECUTION_ENV=AWS_Lambda_python3.11",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256", "AWS_LAMBDA_FUNCTION_NAME=probe", "AWS_LAMBDA_FUNCTION_VERSION=7",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand", "AWS_LAMBDA_LOG_FORMAT=Text", "AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/probe",
		"AWS_REGION=eu-west-1", "AWS_SECRET_ACCESS_KEY=simulated", "AWS_SESSION_TOKEN=simulated", "AWS_XRAY_CONTEXT_MISSING=LOG_ERROR",
		"AWS_XRAY_DAEMON_ADDRESS=169.254.100.1:2000", "LAMBDA_RUNTIME_DIR=/var/runtime", "LAMBDA_TASK_ROOT=/var/task", "LANG=en_US.UTF-8",
		"LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib", "MINE=1",
		"PATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin", "PYTHONPATH=/var/runtime", "TZ=Europe/Paris",
		"_AWS_XRAY_DAEMON_ADDRESS=169.254.100.1", "_AWS_XRAY_DAEMON_PORT=2000", "_HANDLER=app.handler", "_LAMBDA_TELEMETRY_LOG_FD=3",
	}, `\n`)
	if string(got.Payload) != `"`+want+`"` {
		t.Errorf("got  %s\nwant \"%s\"", got.Payload, want)
	}
}

func TestLogPipe(t *testing.T) {
	r := newRunner(t, Options{})
	f := python(t, "import os, struct, time\ndef handler(e, c):\n    text = b'framed\\nin two lines'\n    os.write(3, struct.pack('>IIq', 0xa55a0003, len(text), 1) + text)\n    os.write(3, struct.pack('>II', 0xa55a0001, 5) + b'older')\n    return os.listdir('/proc/self/fd')")
	f.LogPipe = true
	got := must(t, r, f, "{}")
	inOrder(t, string(got.Log), "START", "framed\nin two lines\nolder\n", "END")
}

func TestReadOnlyPlaces(t *testing.T) {
	sandboxed(t)
	r := newRunner(t, Options{})
	f := python(t, `import os, sys
def handler(e, c):
    assert os.readlink("/proc/self/exe") == sys.executable == "/var/lang/bin/python3.11", sys.executable
    out = []
    for d in ["/", "/var/task", "/opt", "/usr", "/etc", "/var/runtime", "/dev", "/tmp"]:
        try:
            open(os.path.join(d, "x"), "w").close()
            out.append(d)
        except OSError as err:
            assert err.errno == 30, (d, err)
    return [out, os.getuid(), os.getgid(), os.path.exists("/dev/shm"), os.getpid() < 20, os.getcwd()]
`)
	if got := must(t, r, f, "{}"); string(got.Payload) != `[["/tmp"], 993, 990, false, true, "/var/task"]` {
		t.Errorf("got %s", got.Payload)
	}
}

func TestFrozenBetweenEvents(t *testing.T) {
	for _, how := range []string{"cgroup", "signals"} {
		t.Run(how, func(t *testing.T) {
			r := newRunner(t, Options{})
			f := python(t, "import threading, time\nn = 0\ndef count():\n    global n\n    while True:\n        time.sleep(0.01)\n        n += 1\nthreading.Thread(target=count, daemon=True).start()\ndef handler(e, c):\n    time.sleep(0.05)\n    return n")
			must(t, r, f, "{}")
			i := onlyIdle(t, r)
			if how == "signals" {
				if err := i.freezer.thaw(); err != nil {
					t.Fatal(err)
				}
				closeAll(i.freezer.joins)
				i.freezer.joins = nil
				if err := i.freezer.freeze(); err != nil {
					t.Fatal(err)
				}
			} else if !i.sandbox.isolation.Freezer {
				t.Skip("no cgroup can be made here")
			}
			stopped := func() bool {
				for _, pid := range descendants(i.sandbox.cmd.Process.Pid) {
					state, _, ok := processState(pid)
					frozen := i.freezer.group != nil && i.freezer.group.number("cgroup.events", "frozen") == 1
					if ok && state != 'T' && state != 'Z' && !frozen {
						return false
					}
				}
				return true
			}
			eventually(t, "every process stops", stopped)
			if got := must(t, r, f, "{}"); got.FunctionError != "" {
				t.Errorf("after a freeze: %s", got.Payload)
			}
		})
	}
}

// onlyIdle returns the Runner's one instance.
func onlyIdle(t *testing.T, r *Runner) *instance {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, waiting := range r.idle {
		if len(waiting) == 1 {
			return waiting[0]
		}
	}
	t.Fatal("there is no idle sandbox")
	return nil
}

// eventually waits, within bounds, until a condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

func TestIdleSandboxesEnd(t *testing.T) {
	r := newRunner(t, Options{IdleFor: 50 * time.Millisecond})
	must(t, r, python(t, "def handler(e, c):\n    return 1"), "{}")
	eventually(t, "the idle sandbox ends", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.count == 0
	})
}

func TestStreamedAnswer(t *testing.T) {
	r := newRunner(t, Options{})
	f := Function{
		Name: "stream", Runtime: "nodejs22.x", Handler: "index.handler", MemoryMB: 256, Timeout: 20 * time.Second,
		Code: Package{Zip: zipped(t, source{"index.mjs": "export const handler = awslambda.streamifyResponse(async (event, out) => { out.write('part 1, '); out.write('part 2'); if (event.fail) throw new RangeError('midway'); out.end() })"})},
	}
	got := must(t, r, f, "{}")
	if !got.Streamed || string(got.Payload) != "part 1, part 2" || got.FunctionError != "" {
		t.Errorf("got %+v %s", got, got.Payload)
	}
	got = must(t, r, f, `{"fail":true}`)
	if got.FunctionError != unhandled || got.ErrorType != "RangeError" || !strings.Contains(string(got.Payload), "midway") {
		t.Errorf("an error on the way: got %s %s %s", got.FunctionError, got.ErrorType, got.Payload)
	}
}

func TestPrivateNetworkFunction(t *testing.T) {
	sandboxed(t)
	r := newRunner(t, Options{PrivateNetwork: true})
	got := must(t, r, python(t, "def handler(e, c):\n    return [line.split(':')[0].strip() for line in open('/proc/net/dev').readlines()[2:]]"), "{}")
	if string(got.Payload) != `["lo"]` {
		t.Errorf("got %s", got.Payload)
	}
}

func TestMemoryIsWatchedWithoutCgroup(t *testing.T) {
	r := newRunner(t, Options{})
	f := python(t, "import time\nheld = []\ndef handler(e, c):\n    if e: held.append(b'x' * 400_000_000)\n    time.sleep(0.5 if not e else 100)\n    return 1")
	must(t, r, f, "{}")
	i := onlyIdle(t, r)
	if i.memory.group != nil {
		_ = i.memory.group.write("memory.memsw.limit_in_bytes", "-1")
		if err := i.memory.group.write("memory.limit_in_bytes", "-1"); err != nil {
			if err := i.memory.group.write("memory.max", "max"); err != nil {
				t.Skip("this machine's cgroup can't be unlimited:", err)
			}
		}
	}
	closeAll(i.memory.joins)
	i.memory.joins = nil // as if there had been no cgroup
	if got := must(t, r, f, "{}"); string(got.Payload) != "1" || got.MaxMemoryMB < 5 {
		t.Fatalf("got %s with %d MB", got.Payload, got.MaxMemoryMB)
	}
	for range 2 {
		if got := must(t, r, f, `{"eat":1}`); got.ErrorType != "Runtime.OutOfMemory" {
			t.Errorf("got %s %s\n%s", got.ErrorType, got.Payload, got.Log)
		}
	}
	if got := must(t, r, f, "{}"); string(got.Payload) != "1" {
		t.Errorf("after a kill: %s", got.Payload)
	}
}

func TestFunctionsLeaveNothing(t *testing.T) {
	before := leftovers(t)
	r, err := New(Options{MaxSandboxes: 20})
	if err != nil {
		t.Fatal(err)
	}
	f := python(t, "import subprocess\ndef handler(e, c):\n    subprocess.Popen(['sleep', '1000'], start_new_session=True)\n    return 1")
	f.Handler, f.Runtime = "x", "provided.al2023"
	f.Code = Package{Zip: zipped(t, source{"bootstrap!": shellRuntime("setsid sleep 1000 & sleep 0.3; body=1")})}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := r.Invoke(bounded(t), f, []byte("{}")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if after := leftovers(t); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	if found, _ := filepath.Glob(filepath.Join(os.TempDir(), "autodefend-runner-*")); len(found) > 0 {
		t.Logf("runner directories of somebody: %v", found)
	}
}

// TestWithoutNamespaces runs functions where the kernel makes no sandbox: in
// children, which give up the right to make namespaces.
func TestWithoutNamespaces(t *testing.T) {
	const step = "RUNNER_TEST_WITHOUT_NAMESPACES"
	if os.Getenv(step) == "" {
		env := []string{step + "=1", "PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/nonexistent"}
		again(t, "^TestWithoutNamespaces$", env, nil)
		if os.Geteuid() == 0 {
			again(t, "^TestWithoutNamespaces$", env, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}})
		}
		return
	}
	forbidNamespaces(t)
	r := newRunner(t, Options{})
	f := python(t, "import os\ndef handler(e, c):\n    return [os.getcwd() == os.environ['LAMBDA_TASK_ROOT'], os.environ['WRAPPED']]")
	f.Env = map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrapper"}
	f.Layers = []Package{{Zip: zipped(t, source{"wrapper!": "#!/bin/bash\nexport WRAPPED=yes\nexec \"$@\"\n"})}}
	got := must(t, r, f, "{}")
	if string(got.Payload) != `[true, "yes"]` || got.Isolation.Namespaces || len(got.Isolation.Missing) < 2 {
		t.Errorf("got %s %+v\n%s", got.Payload, got.Isolation, got.Log)
	}
	f.Profile = ProfileLambda
	if got := must(t, r, f, "{}"); string(got.Payload) != `[true, "yes"]` {
		t.Errorf("lambda: got %s\n%s", got.Payload, got.Log)
	}
}

func TestFunctionsAsUnprivilegedUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("not root: the other tests are this test")
	}
	again(t, "^(TestHello|TestFailures|TestExtensionLifeCycle|TestReadOnlyPlaces|TestFrozenBetweenEvents|TestFunctionsLeaveNothing|TestWrapperScript)$",
		[]string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/nonexistent"}, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}})
}

// TestKilledRunnerLeavesNoProcess kills a process that runs functions, which
// then can't clean up.
func TestKilledRunnerLeavesNoProcess(t *testing.T) {
	const step = "RUNNER_TEST_TO_BE_KILLED"
	f := Function{Name: "stays", Runtime: "provided.al2023", Handler: "x", Timeout: time.Minute, Code: Package{Zip: zipped(t, source{"bootstrap!": "#!/bin/sh\nsetsid sleep 1000 &\nsleep 1000\n"})}}
	if dir := os.Getenv(step); dir != "" {
		r, err := New(Options{Dir: dir})
		if err == nil {
			_, err = r.Invoke(t.Context(), f, []byte("{}"))
		}
		t.Fatal("still here: ", err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(bounded(t), self, "-test.run=^TestKilledRunnerLeavesNoProcess$")
	cmd.Env = append(os.Environ(), step+"="+t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var born []int
	eventually(t, "the function starts its processes", func() bool {
		born = descendants(cmd.Process.Pid)
		return len(born) >= 4
	})
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	eventually(t, "its processes end", func() bool {
		left := processes()
		for _, pid := range born {
			if _, alive := left[pid]; alive {
				return false
			}
		}
		return true
	})
	removeLeftCgroups(t, cmd.Process.Pid)
}

// removeLeftCgroups removes the cgroups that a killed process couldn't.
func removeLeftCgroups(t *testing.T, pid int) {
	t.Helper()
	for _, controller := range []string{"", "memory"} {
		for _, parent := range cgroupParents(controller) {
			left, _ := filepath.Glob(filepath.Join(parent, "autodefend-"+strconv.Itoa(pid)+"-*"))
			for _, dir := range left {
				if err := (&cgroup{dir: dir}).remove(); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

func TestErrorShapesOfOtherRuntimes(t *testing.T) {
	tests := []struct{ name, runtime, handler, file, code, want string }{
		{"node exception", "nodejs22.x", "index.handler", "index.js", "exports.handler = async () => { throw new RangeError('no good') }", `{"errorType":"RangeError","errorMessage":"no good","trace":["RangeError: no good"`},
		{"node callback", "nodejs22.x", "index.handler", "index.js", "exports.handler = (e, c, done) => done(new Error('no good'))", `{"errorType":"Error","errorMessage":"no good"`},
		{"node rejection", "nodejs22.x", "index.handler", "index.js", "exports.handler = () => { Promise.reject(new Error('lost')); return new Promise(() => {}) }", `{"errorType":"Runtime.UnhandledPromiseRejection","errorMessage":"Error: lost"`},
		{"node module", "nodejs22.x", "index.handler", "other.js", "", `{"errorType":"Runtime.ImportModuleError","errorMessage":"Error: Cannot find module 'index'"`},
		{"node handler", "nodejs22.x", "index.handler", "index.js", "exports.other = 1", `{"errorType":"Runtime.HandlerNotFound","errorMessage":"index.handler is undefined or not exported"`},
		{"node syntax", "nodejs22.x", "index.handler", "index.mjs", "export const", `{"errorType":"Runtime.UserCodeSyntaxError"`},
		{"ruby exception", "ruby3.4", "app.handler", "app.rb", "def handler(event:, context:)\n  raise ArgumentError, 'no good'\nend", `{"errorMessage":"no good","errorType":"Function<ArgumentError>","stackTrace":["/var/task/app.rb:2:in `},
		{"ruby load", "ruby3.4", "app.handler", "app.rb", "require 'nothing_here'", `{"errorMessage":"cannot load such file -- nothing_here","errorType":"Init<LoadError>"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRunner(t, Options{})
			got := must(t, r, Function{
				Name: "fails", Runtime: tt.runtime, Handler: tt.handler, MemoryMB: 256, Timeout: 20 * time.Second,
				Code: Package{Zip: zipped(t, source{tt.file: tt.code})},
			}, "{}")
			if got.FunctionError != unhandled || !strings.HasPrefix(string(got.Payload), tt.want) {
				t.Errorf("got %s %s, want %s\n%s", got.FunctionError, got.Payload, tt.want, got.Log)
			}
		})
	}
}

func TestMissingRuntimesAreSaid(t *testing.T) {
	r := newRunner(t, Options{})
	for _, runtime := range []string{"java21", "dotnet8", "go1.x"} {
		if _, err := r.Invoke(bounded(t), Function{Name: "f", Runtime: runtime}, nil); !errors.Is(err, ErrNoRuntime) {
			t.Errorf("%s: got %v, want %v", runtime, err, ErrNoRuntime)
		}
	}
	if _, err := r.Invoke(bounded(t), Function{Name: "f", Runtime: "provided.al2", Code: Package{Zip: []byte("no zip")}}, nil); !errors.Is(err, ErrPackage) {
		t.Errorf("got %v, want %v", err, ErrPackage)
	}
	if got := must(t, r, Function{Name: "f", Runtime: "provided.al2"}, "{}"); got.ErrorType != "Runtime.InvalidEntrypoint" || !strings.Contains(string(got.Payload), "couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]") {
		t.Errorf("got %s %s", got.ErrorType, got.Payload)
	}
}
