package consoletest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
)

// adminPassword is that of the user admin in every Console of these tests.
const adminPassword = "correct horse battery staple"

// built is the program, built by the first test that starts it.
var built struct {
	sync.Once
	dir, path string
	err       error
}

// program returns the path of autodefend, built as this test was: with the race detector when it has it.
func program(t *testing.T) string {
	t.Helper()
	built.Do(func() {
		built.dir, built.err = os.MkdirTemp("", "autodefend")
		if built.err != nil {
			return
		}
		built.path = filepath.Join(built.dir, "autodefend")
		args := []string{"build", "-buildvcs=false", "-o", built.path}
		if info, ok := debug.ReadBuildInfo(); ok {
			for _, s := range info.Settings {
				if s.Key == "-race" || s.Key == "-gcflags" {
					args = append(args, s.Key+"="+s.Value)
				}
			}
		}
		build := exec.Command("go", append(args, repository+"/cmd/autodefend")...)
		if out, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%s: %w\n%s", build, err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

// process is a Console that runs, or one that did.
type process struct {
	command *exec.Cmd
	said    *os.File
	url     string
	// log is what it wrote to its standard error, and err how it ended: both when ended is closed.
	log   *bytes.Buffer
	err   error
	ended chan struct{}
}

// launch starts a Console on a database without waiting for it. It listens on a port of its own choice.
func launch(t *testing.T, dir, database string) *process {
	t.Helper()
	p := &process{log: &bytes.Buffer{}, ended: make(chan struct{})}
	p.command = exec.Command(program(t), "console", "--listen", "127.0.0.1:0", "--insecure-http", "--data", dir, "--database", database)
	p.command.Env = append(os.Environ(), "AUTODEFEND_ADMIN_PASSWORD="+adminPassword)
	p.command.Stderr = p.log
	said, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.said, p.command.Stdout = said, out
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	_ = out.Close() // the process has it
	go func() {
		p.err = p.command.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.kill()
		_ = said.Close()
	})
	return p
}

// kill ends the Console without warning, and waits until it's gone.
func (p *process) kill() {
	_ = p.command.Process.Kill()
	<-p.ended
}

// listen waits until a Console told where it listens; false when it ended before.
func (p *process) listen() bool {
	for lines := bufio.NewScanner(p.said); lines.Scan(); {
		if address, ok := strings.CutPrefix(lines.Text(), "address"); ok {
			p.url = strings.TrimSpace(address)
			return true
		}
	}
	return false
}

// startConsole starts a Console on a database and waits until it can be called.
func startConsole(t *testing.T, dir, database string) *process {
	t.Helper()
	p := launch(t, dir, database)
	if !p.listen() {
		<-p.ended
		t.Fatalf("the Console ended: %v\n%s", p.err, p.log)
	}
	return p
}

// reply is an answer of the Console.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// call sends one request; "" is no token. Errors are those of the connection.
func (p *process) call(ctx context.Context, method, path, token, body string) (reply, error) {
	r, err := http.NewRequestWithContext(ctx, method, p.url+path, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return reply{}, err
	}
	content, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, response.Header, content}, errors.Join(err, response.Body.Close())
}

// must sends a request to the API that has to be answered by 200.
func (p *process) must(t *testing.T, method, path, token, body string) reply {
	t.Helper()
	got, err := p.call(t.Context(), method, "/api/v1"+path, token, body)
	if err != nil || got.status != http.StatusOK {
		t.Fatalf("%s %s: %d %s %v", method, path, got.status, got.body, err)
	}
	return got
}

// read has a path of the API, as JSON, in v.
func (p *process) read(t *testing.T, path, token string, v any) reply {
	t.Helper()
	got := p.must(t, http.MethodGet, path, token, "")
	if err := json.Unmarshal(got.body, v); err != nil {
		t.Fatalf("GET %s: %v: %s", path, err, got.body)
	}
	return got
}

// administrator logs in and returns a token that outlives sessions.
func (p *process) administrator(t *testing.T) string {
	t.Helper()
	var session, token struct{ Token string }
	for _, step := range []struct {
		path, body string
		with       *string
		into       any
	}{
		{"/authenticate", `{"username":"admin","password":"` + adminPassword + `"}`, new(string), &session},
		{"/api-tokens", `{"name":"the test"}`, &session.Token, &token},
	} {
		if err := json.Unmarshal(p.must(t, http.MethodPost, step.path, *step.with, step.body).body, step.into); err != nil {
			t.Fatal(err)
		}
	}
	return token.Token
}

// defender returns the token of a function's Defender.
func (p *process) defender(t *testing.T, administrator, function string) string {
	t.Helper()
	var token struct{ Token string }
	body := `{"accountID":"123456789012","region":"eu-west-1","function":"` + function + `"}`
	if err := json.Unmarshal(p.must(t, http.MethodPost, "/defender-tokens", administrator, body).body, &token); err != nil {
		t.Fatal(err)
	}
	return token.Token
}

// report is the body of a Defender that sends audits with these ids, which were made at a time.
func report(at time.Time, ids ...string) string {
	audits := make([]autodefend.Audit, len(ids))
	for i, id := range ids {
		audits[i] = autodefend.Audit{
			ID: id, Time: at.UTC(), Type: autodefend.AuditNetwork, AttackType: autodefend.AttackDeniedDNS, Effect: autodefend.Prevent,
			RuleName: "names", Msg: "DNS resolution", Count: 1,
		}
	}
	body, err := json.Marshal(audits)
	if err != nil {
		panic(err) // they are plain values
	}
	return string(body)
}
