package kernel

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
	"golang.org/x/sys/unix"
)

// Finding is the outcome of one thing that was tried.
type Finding struct {
	Name string `json:"name"`
	// Error says why it doesn't work; "" is success.
	Error string `json:"error,omitempty"`
}

// Capabilities is what the tier can do in this sandbox.
type Capabilities struct {
	Findings []Finding `json:"findings"`
}

// Works tells whether everything that the tier needs was found to work.
func (c Capabilities) Works() bool {
	for _, f := range c.Findings {
		if f.Error != "" {
			return false
		}
	}
	return len(c.Findings) > 0
}

// ProbeWord is the argument that makes the program call ProbeMain.
const ProbeWord = "probe-kernel"

// probeTime bounds a probe.
const probeTime = 20 * time.Second

// Probe tries the tier out, for real and in processes of their own that are thrown away: this program is started again
// with ProbeWord and has to call ProbeMain.
func Probe(ctx context.Context) Capabilities {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		return Capabilities{[]Finding{{"start", err.Error()}}}
	}
	cmd := exec.CommandContext(ctx, self, ProbeWord)
	out, err := cmd.Output()
	var c Capabilities
	if parseErr := json.Unmarshal(out, &c); parseErr != nil {
		return Capabilities{[]Finding{{"start", errors.Join(err, parseErr).Error()}}}
	}
	return c
}

// ProbeMain is the body of the probe's processes: args are the arguments behind ProbeWord. It returns the exit code.
func ProbeMain(args []string) int {
	if len(args) > 0 {
		return probeActs(args[1:])
	}
	c := Capabilities{Findings: []Finding{{Name: "permitted", Error: textOf(Permitted())}}}
	if c.Works() {
		c.Findings = append(c.Findings, probeSupervision()...)
	}
	out, err := json.Marshal(c)
	if err != nil {
		return 1
	}
	if _, err := os.Stdout.Write(out); err != nil {
		return 1
	}
	return 0
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// probeSupervision supervises this program as it makes acts that are allowed and denied.
func probeSupervision() []Finding {
	server, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return []Finding{{"listen", err.Error()}}
	}
	defer func() { _ = server.Close() }()
	allowed := netip.MustParseAddrPort(server.Addr().String())
	var seen atomic.Int64
	effect := policy.Sections{Tamper: autodefend.Prevent}
	effect.Processes.Effect, effect.Network.Effect, effect.Files.Effect = autodefend.Prevent, autodefend.Prevent, autodefend.Prevent
	effect.Files.DenyRead = []string{probeSecret}
	s, err := Open(Config{
		Sections: effect,
		Judge: func(e policy.Event) policy.Decision {
			seen.Add(1)
			return policy.Decision{Deny: e.Kind == policy.Connect && e.Address != allowed || e.Kind == policy.Open && e.File == probeSecret || e.Kind == policy.Tamper}
		},
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return []Finding{{"open", err.Error()}}
	}
	defer s.Close()
	out, err := s.runProbe(allowed)
	if err != nil {
		return []Finding{{"launch", err.Error()}}
	}
	var findings []Finding
	for line := range strings.Lines(out) {
		name, problem, _ := strings.Cut(strings.TrimSpace(line), "\t")
		findings = append(findings, Finding{name, problem})
	}
	if seen.Load() == 0 || len(findings) == 0 {
		findings = append(findings, Finding{"judge", "no act was seen"})
	}
	return findings
}

// probeSecret is a file that every machine has, and that the probe may not read.
const probeSecret = "/proc/version" //nolint:gosec // a path

// runProbe starts the acts under supervision and returns what they print.
func (s *Supervisor) runProbe(allowed netip.AddrPort) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	in, out, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer func() { _ = in.Close() }()
	args := s.LaunchArgs(self, []string{self, ProbeWord, "acts", allowed.String()})
	pid, err := syscall.ForkExec(args[0], args, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, out.Fd(), 2}})
	_ = out.Close()
	if err != nil {
		return "", err
	}
	fd, err := s.Accept(pid, false)
	if err != nil {
		return "", err
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(fd) }()
	var text bytes.Buffer
	_ = in.SetReadDeadline(time.Now().Add(probeTime / 2))
	_, err = text.ReadFrom(in)
	_ = syscall.Kill(pid, syscall.SIGKILL)
	var status syscall.WaitStatus
	_, _ = syscall.Wait4(pid, &status, 0, nil)
	s.Close()
	return text.String(), errors.Join(err, <-served)
}

// probeActs makes the acts, each in a line with what went wrong.
func probeActs(args []string) int {
	if len(args) != 1 {
		return 2
	}
	expect := func(name string, err, want error) {
		problem := ""
		if !errors.Is(err, want) {
			problem = fmt.Sprintf("%v, want %v", err, want)
		}
		fmt.Printf("%s\t%s\n", name, problem)
	}
	_, err := os.ReadFile("/proc/self/status")
	expect("open", err, nil)
	_, err = os.ReadFile(probeSecret)
	expect("refuse to open", err, unix.EACCES)
	conn, err := net.Dial("tcp4", args[0])
	expect("connect", err, nil)
	if conn != nil {
		_ = conn.Close()
	}
	_, err = net.Dial("udp4", "127.0.0.1:9")
	expect("refuse to connect", err, unix.EACCES)
	expect("refuse to be signalled", unix.Kill(os.Getppid(), unix.SIGKILL), unix.EPERM)
	_, err = os.StartProcess("/proc/self/exe", []string{"x", ProbeWord, "nothing"}, &os.ProcAttr{})
	expect("start a program", err, nil)
	return 0
}
