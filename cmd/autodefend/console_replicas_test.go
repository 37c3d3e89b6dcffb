package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/lambdasim"
	"github.com/autodefend/autodefend/internal/store/pgtest"
)

// replicaProcess is a Console in a process of its own.
type replicaProcess struct {
	t       *testing.T
	name    string
	command *exec.Cmd
	url     string
	ended   chan error
}

// startReplica starts this test's program as autodefend console.
func startReplica(t *testing.T, name, database, programs string) *replicaProcess {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "autodefend")
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	r := &replicaProcess{t: t, name: name, ended: make(chan error, 1)}
	r.command = exec.Command(program, "console", "--listen", "127.0.0.1:0", "--insecure-http", "--data", filepath.Join(t.TempDir(), "data"),
		"--database", database, "--programs", programs,
		// What functions are given: the balancer before all replicas.
		"--address", "https://console.example.com:8083")
	r.command.Env = append(os.Environ(), "AUTODEFEND_MASTER_KEY="+strings.Repeat("QUFB", 10)+"QUE=", adminPasswordVariable+"="+adminPassword)
	r.command.Stderr = prefixed{t.Output(), name}
	stdout, err := r.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.command.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(stdout)
	for r.url == "" && said.Scan() {
		if address, ok := strings.CutPrefix(said.Text(), "address"); ok {
			r.url = strings.TrimSpace(address)
		}
	}
	go func() {
		_, _ = io.Copy(io.Discard, stdout)
		r.ended <- r.command.Wait()
	}()
	t.Cleanup(r.kill)
	if r.url == "" {
		t.Fatalf("replica %s didn't tell its address", name)
	}
	return r
}

// prefixed names who logged a line.
type prefixed struct {
	to   io.Writer
	name string
}

func (p prefixed) Write(b []byte) (int, error) {
	if _, err := fmt.Fprintf(p.to, "%s: %s", p.name, b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// kill ends the process without warning, and waits until it's gone.
func (r *replicaProcess) kill() {
	if r.ended == nil {
		return
	}
	_ = r.command.Process.Kill()
	if err := <-r.ended; err != nil && !strings.Contains(err.Error(), "killed") {
		r.t.Errorf("replica %s ended with: %v", r.name, err)
	}
	r.ended = nil
}

func (r *replicaProcess) request(ctx context.Context, method, path, token, body string) *http.Response {
	r.t.Helper()
	q, err := http.NewRequestWithContext(ctx, method, r.url+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	q.SetBasicAuth(firstAdministrator, adminPassword)
	if token != "" {
		q.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(q)
	if err != nil {
		r.t.Fatalf("replica %s: %s %s: %v", r.name, method, path, err)
	}
	return response
}

// must sends a request that has to be answered by 200.
func (r *replicaProcess) must(method, path, token, body string) []byte {
	r.t.Helper()
	response := r.request(r.t.Context(), method, path, token, body)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		r.t.Fatalf("replica %s: %s %s: %s %s (%v)", r.name, method, path, response.Status, content, err)
	}
	return content
}

// live returns a channel that is closed when the replica's clients have been told of an audit.
func (r *replicaProcess) live(ctx context.Context, running *sync.WaitGroup, id string) <-chan struct{} {
	r.t.Helper()
	response := r.request(ctx, "GET", "/audits/live?stream=runtime", "", "")
	if response.StatusCode != http.StatusOK {
		r.t.Fatalf("replica %s: live: %s", r.name, response.Status)
	}
	told := make(chan struct{})
	running.Go(func() {
		defer response.Body.Close()
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			if bytes.Contains(lines.Bytes(), []byte(id)) {
				close(told)
				return
			}
		}
	})
	return told
}

// TestReplicas is two Consoles on one PostgreSQL: what one stores is told to the clients of both, and when the one that
// attaches Defenders is killed the other goes on, and no function is changed twice.
func TestReplicas(t *testing.T) { shareWork(t, pgtest.Start(t)) }

// shareWork runs two Consoles on one database.
func shareWork(t *testing.T, database string) {
	t.Helper()
	var names []string
	for i := range 30 {
		names = append(names, fmt.Sprintf("f-%02d", i))
	}
	w := newRuleWorld(t, names...)
	programs := t.TempDir()
	if err := writePrograms(programs); err != nil {
		t.Fatal(err)
	}
	first := startReplica(t, "first", database, programs)
	second := startReplica(t, "second", database, programs)
	bothAreTold(t, first, second)

	// The second stands still until the first has begun.
	second.kill()
	first.must("POST", "/credentials", "", `{"_id":"aws","type":"aws","accountID":"AKIASIM`+lambdasim.DemoProduction+`","secret":{"plain":"simulated"}}`)
	first.must("POST", "/settings/serverless-auto-deploy", "", `[{"name":"all","credentialID":"aws","awsRegionType":"regular","collections":[{"name":"All"}],"runtimes":["python"]}]`)
	eventually(t, 2*time.Minute, "functions are changed", func() bool { return len(w.updated()) > 2 })
	second = startReplica(t, "second, again", database, programs)
	first.kill()
	if begun := len(w.updated()); begun >= len(names) {
		t.Fatal("the first had done everything before it was killed")
	}
	killed := time.Now()
	begun := len(w.updated())
	eventually(t, 2*time.Minute, "the second goes on", func() bool { return len(w.updated()) > begun })
	t.Logf("the second went on %s after the first was killed", time.Since(killed).Round(time.Second/10))
	eventually(t, 2*time.Minute, "all are defended", func() bool {
		var status api.Status
		if err := json.Unmarshal(second.must("GET", "/statuses/serverless-auto-deploy", "", ""), &status); err != nil {
			t.Fatal(err)
		}
		s := status.ServerlessAutoDeploy
		return s != nil && len(s.Specs) == 1 && s.Specs[0].Defended == len(names)
	})
	changed := 0
	for key, count := range w.aws.Stats().Calls {
		if key.Operation == "UpdateFunctionConfiguration" {
			changed += count.Total - count.Failed
		}
	}
	if changed != len(names) {
		t.Errorf("%d functions were changed %d times: %v", len(names), changed, w.updated())
	}
}

// bothAreTold sends an audit to one replica and waits until the clients of both know.
func bothAreTold(t *testing.T, one, other *replicaProcess) {
	t.Helper()
	var token api.TokenResponse
	err := json.Unmarshal(one.must("POST", "/defender-tokens", "", `{"accountID":"`+lambdasim.DemoProduction+`","region":"us-east-1","function":"orders"}`), &token)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	const id = "9b0f7f0a-7d5c-4c36-8b7b-0e5d4f3c2b1a"
	heard := []<-chan struct{}{one.live(ctx, &running, id), other.live(ctx, &running, id)}
	body, err := json.Marshal([]autodefend.Audit{{
		ID: id, Effect: autodefend.Prevent, Type: autodefend.AuditProcesses, AttackType: autodefend.AttackDeniedProcess, Msg: "id launched",
		Function: "orders", Region: "us-east-1", AccountID: lambdasim.DemoProduction, RuleName: "r", FQDN: "orders", Time: time.Now().UTC(), Count: 1,
	}})
	if err != nil {
		t.Fatal(err)
	}
	one.must("POST", "/defender/audits", token.Token, string(body))
	for i, told := range heard {
		select {
		case <-told:
		case <-time.After(30 * time.Second):
			t.Errorf("clients of replica %d weren't told", i+1)
		}
	}
}
