package runtimeapi

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// upstreamVariable makes the test program a proxy to the address it holds, and nothing else.
const upstreamVariable = "AUTODEFEND_TEST_PROXY_TO"

// TestMain fails when a goroutine outlives the tests.
func TestMain(m *testing.M) {
	if upstream := os.Getenv(upstreamVariable); upstream != "" {
		os.Exit(proxyMain(upstream))
	}
	goleak.VerifyTestMain(m)
}

// proxyMain proxies until its standard input ends.
func proxyMain(upstream string) int {
	listener, err := listenLoopback()
	if err != nil {
		return 1
	}
	proxy := NewProxy(Config{Listener: listener, Upstream: upstream, Hooks: Hooks{
		Next:       func(context.Context) {},
		Invocation: func(context.Context, *Invocation) (*Reply, error) { return nil, nil },
		Response:   func(context.Context, string) {},
	}})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = proxy.Close()
	}()
	fmt.Println(listener.Addr())
	if proxy.Serve() != nil {
		return 1
	}
	return 0
}

// TestMemory: events and answers of 6 MB pass without staying in memory.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("a figure")
	}
	api, pid := startProxy(t, 1<<10)
	invoke(t, api, make([]byte, 1<<10))
	idle := residentKB(t, pid)
	for range 300 {
		invoke(t, api, make([]byte, 1<<10))
	}
	small := residentKB(t, pid)

	api, pid = startProxy(t, 6<<20)
	for range 20 {
		invoke(t, api, make([]byte, 6<<20))
	}
	large := residentKB(t, pid)
	t.Logf("figure: Runtime API proxy in a process of its own: %d KB resident after 1 invocation, %d KB after 300 of 1 KB, %d KB after 20 of 6 MB (ratio %.2f)",
		idle, small, large, float64(large)/float64(small))
	if large > small+6<<10 {
		t.Errorf("6 MB events leave %d KB, small ones %d KB", large, small)
	}
}

// startProxy starts a process that proxies to a Lambda with events of a size.
func startProxy(t *testing.T, size int) (string, int) {
	t.Helper()
	lambda := httptest.NewServer(fakeLambda(size))
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), upstreamVariable+"="+lambda.Listener.Addr().String())
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
		lambda.Close()
	})
	api, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + strings.TrimSpace(api), cmd.Process.Pid
}

// residentKB is the memory of a process.
func residentKB(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(status, []byte("VmRSS:"))
	var kb int
	if _, err := fmt.Sscan(string(rest), &kb); err != nil {
		t.Fatal(err)
	}
	return kb
}
