//go:build linux

package endtoend

import (
	"bytes"
	"fmt"
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

// process is a function of this machine's own whose runtime is this test's program.
type process struct {
	t    testing.TB
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended

	mu  sync.Mutex
	out bytes.Buffer // guarded by mu
}

func (p *process) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(text)
}

func (p *process) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// launch starts a runtime in a role; tw is its policy, and without one it has no Defender.
func launch(t testing.TB, a *api, role, tw string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	argv := []string{self}
	if tw != "" {
		argv = []string{built.wrapper(t), self}
	}
	p := &process{t: t, done: make(chan struct{}), cmd: exec.Command(argv[0], argv[1:]...)}
	p.cmd.Env = []string{
		"PATH=/usr/bin:/bin", envRole + "=" + role, "TW_POLICY=" + tw, "AWS_LAMBDA_RUNTIME_API=" + a.address(), "AWS_LAMBDA_FUNCTION_NAME=" + functionName,
		"AWS_REGION=us-east-1", "AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023", "DB_PASSWORD=" + ownSecret, "GORACE=log_path=stderr",
	}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.done
	})
	return p
}

// ended waits for the end and returns the exit code.
func (p *process) ended() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("the function doesn't end; the log\n%s", p.log())
	}
	return p.cmd.ProcessState.ExitCode()
}

// supervisorKB is the resident memory of the Defender's larger process, in kB.
func (p *process) supervisorKB() int {
	p.t.Helper()
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", p.cmd.Process.Pid))
	for _, list := range lists {
		child, _ := os.ReadFile(list)
		status, _ := os.ReadFile("/proc/" + strings.TrimSpace(string(child)) + "/status")
		if _, rest, found := strings.Cut(string(status), "VmRSS:"); found {
			kB, _ := strconv.Atoi(strings.Fields(rest)[0])
			return kB
		}
	}
	p.t.Fatal("the Defender has no supervisor")
	return 0
}
