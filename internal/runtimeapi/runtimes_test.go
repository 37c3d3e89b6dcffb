package runtimeapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRuntimes runs HTTP clients of real languages directly and through the proxy: they and Lambda must see the same.
func TestRuntimes(t *testing.T) {
	for _, command := range [][]string{
		{"python3", "testdata/runtime.py"}, {"node", "testdata/runtime.js"}, {"ruby", "testdata/runtime.rb"},
	} {
		t.Run(command[0], func(t *testing.T) {
			if _, err := exec.LookPath(command[0]); err != nil {
				t.Skipf("SKIPPED: %s is not installed", command[0])
			}
			direct := runWith(t, command, false)
			proxied := runWith(t, command, true)
			if diff := cmp.Diff(direct, proxied); diff != "" {
				t.Errorf("not the same (-direct +proxied):\n%s", diff)
			}
			if len(direct.Lambda) < 8 || !strings.Contains(direct.Runtime, "202") {
				t.Errorf("the runtime did not get far: %+v", direct)
			}
		})
	}
}

// exchangeLog is what both sides saw.
type exchangeLog struct {
	Runtime string
	Lambda  []string
}

func runWith(t *testing.T, command []string, proxied bool) exchangeLog {
	t.Helper()
	var recorder recorder
	lambda := httptest.NewServer(&recorder)
	defer lambda.Close()
	api := lambda.Listener.Addr().String()
	if proxied {
		listener := listen(t)
		proxy := NewProxy(Config{Listener: listener, Upstream: api, Hooks: Hooks{
			Invocation: func(_ context.Context, i *Invocation) (*Reply, error) {
				_, err := io.CopyN(io.Discard, i.Body, min(i.Length, 1000))
				return nil, err
			},
			Response: func(context.Context, string) {},
		}})
		served := make(chan error, 1)
		go func() { served <- proxy.Serve() }()
		defer func() {
			_ = proxy.Close()
			if err := <-served; err != nil {
				t.Error(err)
			}
		}()
		api = listener.Addr().String()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "AWS_LAMBDA_RUNTIME_API="+api)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v: %s", command, err, &stderr)
	}
	return exchangeLog{string(out), recorder.seen(api)}
}

// recorder plays Lambda and notes down all it gets.
type recorder struct {
	mu    sync.Mutex
	lines []string
	count int
}

func (rec *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	line, _ := json.Marshal([]any{
		r.Method, r.RequestURI, r.Proto, r.Host, r.Header, r.ContentLength, r.TransferEncoding, r.Close,
		fmt.Sprintf("%x", sha256.Sum256(body)), r.Trailer, fmt.Sprint(err),
	})
	rec.mu.Lock()
	rec.lines = append(rec.lines, string(line))
	rec.count++
	n := rec.count
	rec.mu.Unlock()
	switch {
	case strings.HasSuffix(r.URL.Path, "/invocation/next"):
		w.Header()["lambda-runtime-aws-request-id"] = []string{fmt.Sprintf("8476a536-%04d", n)}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(bytes.Repeat([]byte{' '}, n*20_000))
	case strings.HasSuffix(r.URL.Path, "/response"), strings.HasSuffix(r.URL.Path, "/error"):
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "{\"status\":\"OK\"}\n")
	case strings.HasSuffix(r.URL.Path, "/credentials"), strings.HasSuffix(r.URL.Path, "/restore/next"):
		_, _ = io.WriteString(w, "{}")
	default:
		http.NotFound(w, r)
	}
}

// seen gives the notes; the one thing that differs is the address that the runtime believes Lambda to have.
func (rec *recorder) seen(api string) []string {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	lines := slices.Clone(rec.lines)
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], api, "API")
	}
	return lines
}
