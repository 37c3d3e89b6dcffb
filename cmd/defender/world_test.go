package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

const testARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders"

// testKey signs the tests' policies. It is the same in every run.
var testKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))

// envelope is a policy for the tests' function, with changes.
func envelope(rule policy.Rule, change ...func(*policy.Envelope)) policy.Envelope {
	e := policy.Envelope{
		Rule:   &rule,
		Target: policy.Target{Function: "orders", Region: "eu-west-1", AccountID: "123456789012"},
		Issued: time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC),
	}
	for _, c := range change {
		c(&e)
	}
	return e
}

// encoded is the value of TW_POLICY.
func encoded(t testing.TB, e policy.Envelope) string {
	t.Helper()
	value, err := policy.Encode(e, testKey, 0)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// quiet is a rule whose sections are all off.
func quiet() policy.Rule {
	return policy.Rule{
		Name:      "orders",
		Processes: policy.Processes{Effect: autodefend.Disable}, Network: policy.Network{Effect: autodefend.Disable},
		DNS: policy.DNS{Effect: autodefend.Disable}, Filesystem: policy.Filesystem{Effect: autodefend.Disable},
		Own: policy.Extension{Fileless: autodefend.Disable},
	}
}

// said is what a function said to an event.
type said struct {
	id, kind string // response or error
	body     string
}

// lambda is Lambda's side of the Runtime API.
type lambda struct {
	t       *testing.T
	address string
	events  chan string
	answers chan said
	polls   chan struct{} // one for each poll that arrives
	stop    context.CancelFunc
}

func newLambda(t *testing.T) *lambda {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := &lambda{
		t: t, address: listener.Addr().String(), stop: cancel,
		events: make(chan string, 16), answers: make(chan said, 16), polls: make(chan struct{}, 64),
	}
	count := 0
	var mu sync.Mutex
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		select {
		case l.polls <- struct{}{}:
		default:
		}
		select {
		case event := <-l.events:
			mu.Lock()
			count++
			id := fmt.Sprintf("request-%d", count)
			mu.Unlock()
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", id)
			w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", testARN)
			w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
			body, _ := json.Marshal(event)
			_, _ = w.Write(body)
		case <-r.Context().Done():
		case <-ctx.Done():
		}
	})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/{kind}", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		l.answers <- said{r.PathValue("id"), r.PathValue("kind"), string(body)}
	})
	server := &http.Server{Handler: mux}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() {
		cancel()
		_ = server.Close()
	})
	return l
}

// invoke sends an event and waits for the answer.
func (l *lambda) invoke(event string) said {
	l.t.Helper()
	l.events <- event
	select {
	case a := <-l.answers:
		return a
	case <-time.After(patience):
		l.t.Fatalf("no answer to %q", event)
		return said{}
	}
}

// function is a running function.
type function struct {
	*lambda
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended

	mu    sync.Mutex
	lines []string // of standard error
}

// setup is how a function is started.
type setup struct {
	policy string
	tiers  string
	env    []string
	argv   []string
	// program starts the defender; nil is the defender itself.
	program []string
}

// startFunction starts a function under the defender in a process group of its own, as Lambda does, and waits until it
// polls.
func startFunction(t *testing.T, s setup) *function {
	t.Helper()
	f := startOnly(t, s)
	select {
	case <-f.polls:
	case <-f.done:
		t.Fatalf("the function ended: %v\n%s", f.cmd.ProcessState, strings.Join(f.log(), "\n"))
	case <-time.After(patience):
		t.Fatalf("the function doesn't poll\n%s", strings.Join(f.log(), "\n"))
	}
	return f
}

func startOnly(t *testing.T, s setup) *function {
	t.Helper()
	f := &function{lambda: newLambda(t), done: make(chan struct{})}
	start := append(slices.Clone(s.program), s.argv...)
	if s.program == nil {
		start = append([]string{defender}, s.argv...)
	}
	f.cmd = exec.Command(start[0], start[1:]...)
	f.cmd.Env = append([]string{
		"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/root",
		"AWS_LAMBDA_RUNTIME_API=" + f.address, "AWS_LAMBDA_FUNCTION_NAME=orders", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_REGION=eu-west-1", "AWS_EXECUTION_ENV=AWS_Lambda_python3.11", "TW_POLICY=" + s.policy, "AUTODEFEND_TIERS=" + s.tiers,
	}, s.env...)
	f.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stderr, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	f.cmd.Stderr = w
	f.cmd.Stdout = w
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	go f.read(stderr)
	go func() {
		_ = f.cmd.Wait()
		close(f.done)
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-f.cmd.Process.Pid, syscall.SIGKILL)
		<-f.done
	})
	return f
}

func (f *function) read(r io.Reader) {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		f.mu.Lock()
		f.lines = append(f.lines, scanner.Text())
		f.mu.Unlock()
	}
}

func (f *function) log() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.lines...)
}

// audits are those in the log.
func (f *function) audits() []autodefend.Audit {
	var all []autodefend.Audit
	for _, line := range f.log() {
		var a autodefend.Audit
		if json.Unmarshal([]byte(line), &a) == nil && a.Type != "" {
			all = append(all, a)
		}
	}
	return all
}

// await waits until condition holds.
func (f *function) await(what string, condition func() bool) {
	f.t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			f.t.Fatalf("waited for %s; the log:\n%s", what, strings.Join(f.log(), "\n"))
		}
	}
}

// awaitAudits waits for n audits and returns them.
func (f *function) awaitAudits(n int) []autodefend.Audit {
	f.t.Helper()
	f.await(fmt.Sprintf("%d audits", n), func() bool { return len(f.audits()) >= n })
	return f.audits()
}

// awaitLine waits for a line of the log that contains text.
func (f *function) awaitLine(text string) string {
	f.t.Helper()
	var found string
	f.await(text, func() bool {
		for _, line := range f.log() {
			if strings.Contains(line, text) {
				found = line
			}
		}
		return found != ""
	})
	return found
}

// awaitEnd waits for the function's end and returns how it ended.
func (f *function) awaitEnd() syscall.WaitStatus {
	f.t.Helper()
	select {
	case <-f.done:
	case <-time.After(patience):
		f.t.Fatalf("the function doesn't end; the log:\n%s", strings.Join(f.log(), "\n"))
	}
	status, _ := f.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return status
}

// supervisor returns the process id of the supervisor: the guardian's only child.
func (f *function) supervisor() int {
	f.t.Helper()
	pid := 0
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", f.cmd.Process.Pid))
	for _, task := range tasks {
		children, _ := os.ReadFile(task)
		_, _ = fmt.Sscan(string(children), &pid)
	}
	if pid == 0 {
		f.t.Fatal("the guardian has no child")
	}
	return pid
}

func python(t *testing.T) []string {
	t.Helper()
	// The interpreter itself: what is found first may be a script that chooses one.
	out, err := exec.Command(program(t, "python3"), "-c", "import sys, os; print(os.path.realpath(sys.executable))").Output()
	if err != nil {
		t.Fatal(err)
	}
	return []string{strings.TrimSpace(string(out)), testFile(t, "bootstrap.py")}
}

func testFile(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}
