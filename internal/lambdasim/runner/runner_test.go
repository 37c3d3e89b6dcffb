//go:build linux

package runner

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// source is a package's content: file name to text. Names that end in "!" are
// executable, those that end in "@" symbolic links.
type source map[string]string

// zipped packs a source.
func zipped(t *testing.T, files source) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range files {
		h := &zip.FileHeader{Name: strings.TrimRight(name, "!@"), Method: zip.Deflate}
		switch {
		case strings.HasSuffix(name, "!"):
			h.SetMode(0o755)
		case strings.HasSuffix(name, "@"):
			h.SetMode(fs.ModeSymlink | 0o777)
		default:
			h.SetMode(0o644)
		}
		w, err := z.CreateHeader(h)
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// logTo writes slog records to a test's log.
type logTo struct{ t *testing.T }

func (l logTo) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// newRunner returns a Runner that is closed with the test.
func newRunner(t *testing.T, o Options) *Runner {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(logTo{t}, nil))
	}
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// must invokes a function and fails the test when it can't be run.
func must(t *testing.T, r *Runner, f Function, payload string) Result {
	t.Helper()
	got, err := r.Invoke(bounded(t), f, []byte(payload))
	if errors.Is(err, ErrNoRuntime) {
		t.Skipf("SKIPPED: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// python is a function of one Python file.
func python(t *testing.T, code string) Function {
	t.Helper()
	return Function{
		Name: "probe", Runtime: "python3.11", Handler: "app.handler", Timeout: 20 * time.Second, MemoryMB: 256,
		Code: Package{Zip: zipped(t, source{"app.py": code})},
	}
}

func TestHello(t *testing.T) {
	tests := []struct {
		runtime, handler string
		code             source
	}{
		{"python3.11", "app.handler", source{"app.py": "def handler(event, context):\n    print('hello from python')\n    return {'hello': event['name'], 'id': context.aws_request_id, 'left': context.get_remaining_time_in_millis() > 0}"}},
		{"python3.11", "pkg/app.handler", source{"pkg/__init__.py": "", "pkg/app.py": "def handler(event, context):\n    print('hello from python')\n    return {'hello': event['name'], 'id': context.aws_request_id, 'left': context.get_remaining_time_in_millis() > 0}"}},
		{"nodejs22.x", "index.handler", source{"index.js": "exports.handler = async (event, context) => { console.log('hello from node'); return {hello: event.name, id: context.awsRequestId, left: context.getRemainingTimeInMillis() > 0} }"}},
		{"nodejs22.x", "index.handler", source{"index.mjs": "export const handler = async (event, context) => { console.log('hello from node'); return {hello: event.name, id: context.awsRequestId, left: context.getRemainingTimeInMillis() > 0} }"}},
		{"nodejs20.x", "index.handler", source{"index.cjs": "exports.handler = (event, context, callback) => { console.log('hello from node'); setTimeout(() => callback(null, {hello: event.name, id: context.awsRequestId, left: context.getRemainingTimeInMillis() > 0}), 5) }"}},
		{"ruby3.4", "app.handler", source{"app.rb": "def handler(event:, context:)\n  puts 'hello from ruby'\n  {hello: event['name'], id: context.aws_request_id, left: context.get_remaining_time_in_millis > 0}\nend"}},
		{"ruby3.4", "app.Shop.handler", source{"app.rb": "class Shop\n  def self.handler(event:, context:)\n  puts 'hello from ruby'\n  {hello: event['name'], id: context.aws_request_id, left: context.get_remaining_time_in_millis > 0}\nend\nend"}},
		{"provided.al2023", "hello", source{"bootstrap!": shellRuntime("echo hello from $_HANDLER; body='{\"hello\":\"you\",\"left\":true,\"id\":\"'$id'\"}'")}},
	}
	for _, profile := range Profiles() {
		for _, tt := range tests {
			t.Run(string(profile)+"/"+tt.runtime+"/"+tt.handler, func(t *testing.T) {
				t.Parallel()
				r := newRunner(t, Options{Profile: profile})
				f := Function{Name: "hello", Runtime: tt.runtime, Handler: tt.handler, Code: Package{Zip: zipped(t, tt.code)}, MemoryMB: 256, Timeout: 20 * time.Second}
				for n := range 2 {
					got := must(t, r, f, `{"name":"you"}`)
					want := `"hello":"you"`
					if got.FunctionError != "" || !strings.Contains(strings.ReplaceAll(string(got.Payload), " ", ""), want) || !strings.Contains(string(got.Payload), got.RequestID) {
						t.Fatalf("invocation %d: got %s %s\n%s", n, got.FunctionError, got.Payload, got.Log)
					}
					if (got.InitDuration > 0) != (n == 0) {
						t.Errorf("invocation %d: init duration %v", n, got.InitDuration)
					}
					checkLog(t, got, n == 0)
				}
			})
		}
	}
}

// shellRuntime is a runtime of its own that needs nothing but a shell and wget:
// the script sets body to the answer.
func shellRuntime(script string) string {
	return `#!/bin/bash
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
while headers=$(mktemp) && event=$(wget -q -S -O - $api/next 2>$headers); do
  id=$(sed -n 's/^ *Lambda-Runtime-Aws-Request-Id: *//Ip' $headers | tr -d '\r')
  ` + script + `
  wget -q -O /dev/null --post-data="$body" $api/$id/response
done
`
}

// checkLog checks a log's shape.
func checkLog(t *testing.T, r Result, cold bool) {
	t.Helper()
	id := regexp.QuoteMeta(r.RequestID)
	pattern := `(?s)START RequestId: ` + id + ` Version: \$LATEST\n.*hello from .*\nEND RequestId: ` + id +
		`\nREPORT RequestId: ` + id + `\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: 256 MB\tMax Memory Used: [1-9]\d* MB\t`
	if cold {
		pattern += `Init Duration: \d+\.\d\d ms\t`
	}
	if !regexp.MustCompile("^" + pattern + "\n$").Match(r.Log) {
		t.Errorf("got log\n%s\nwant it to match\n%s", r.Log, pattern)
	}
}

func TestFailures(t *testing.T) {
	tests := []struct {
		name, code string
		timeout    time.Duration
		kind       string
		message    string // "ID" stands for the request id
		logged     string
	}{
		{"exception", "def handler(e, c):\n    raise ValueError('no good')", 0, "ValueError", "no good", "[ERROR] ValueError: no good"},
		{"exit", "import os\ndef handler(e, c):\n    os._exit(3)", 0, "Runtime.ExitError", "RequestId: ID Error: Runtime exited with error: exit status 3", "Runtime.ExitError"},
		{"exit 0", "import os\ndef handler(e, c):\n    os._exit(0)", 0, "Runtime.ExitError", "RequestId: ID Error: Runtime exited without providing a reason", "Runtime.ExitError"},
		{"signal", "import os\ndef handler(e, c):\n    os.kill(os.getpid(), 9)", 0, "Runtime.ExitError", "RequestId: ID Error: Runtime exited with error: signal: killed", "signal: killed"},
		{"timeout", "import time\ndef handler(e, c):\n    time.sleep(100)", time.Second, "Sandbox.Timedout", "RequestId: ID Error: Task timed out after 1.00 seconds", "ID Task timed out after 1.00 seconds\n\nEND"},
		{"memory", "def handler(e, c):\n    return len(b'x' * 600_000_000)", 0, "Runtime.OutOfMemory", "RequestId: ID Error: Runtime exited with error: signal: killed", "Error Type: Runtime.OutOfMemory"},
		{"no module", "import nothing_here", 0, "Runtime.ImportModuleError", "Unable to import module 'app': No module named 'nothing_here'", "Phase: init\tStatus: error\tError Type: Runtime.ImportModuleError"},
		{"no handler", "x = 1", 0, "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'", "Runtime.HandlerNotFound"},
		{"syntax", "def", 0, "Runtime.UserCodeSyntaxError", "Syntax error in module 'app': invalid syntax (app.py, line 1)", ""},
		{"exit at start", "import sys\nsys.exit(4)", 0, "Runtime.ExitError", "RequestId: ID Error: Runtime exited with error: exit status 4", "INIT_REPORT Init Duration: "},
		{"not JSON", "def handler(e, c):\n    return {1, 2}", 0, "Runtime.MarshalError", "Unable to marshal response: Object of type set is not JSON serializable", ""},
		{"too much", "def handler(e, c):\n    return 'x' * 6291600", 0, "Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (6291556 bytes).", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRunner(t, Options{})
			f := python(t, tt.code)
			if tt.timeout > 0 {
				f.Timeout = tt.timeout
			}
			for range 2 { // the sandbox recovers from each
				got := must(t, r, f, "{}")
				var body struct{ ErrorType, ErrorMessage string }
				if err := json.Unmarshal(got.Payload, &body); err != nil {
					t.Fatalf("%v: %s\n%s", err, got.Payload, got.Log)
				}
				withID := func(s string) string { return strings.ReplaceAll(s, "ID ", got.RequestID+" ") }
				if got.FunctionError != unhandled || body.ErrorType != tt.kind || strings.ReplaceAll(body.ErrorMessage, got.RequestID, "ID") != tt.message {
					t.Errorf("got %s %+v, want %s: %s", got.FunctionError, body, tt.kind, tt.message)
				}
				if tt.logged != "" && tt.name != "no module" && tt.name != "exit at start" && !strings.Contains(string(got.Log), withID(tt.logged)) {
					t.Errorf("got log\n%s\nwant %q in it", got.Log, tt.logged)
				}
			}
		})
	}
}

func TestConcurrentEvents(t *testing.T) {
	r := newRunner(t, Options{MaxSandboxes: 3})
	f := python(t, "import os, time\nseen = []\ndef handler(e, c):\n    seen.append(1)\n    time.sleep(0.5)\n    return len(seen)")
	f.Timeout = 20 * time.Second
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			got, err := r.Invoke(bounded(t), f, []byte("{}"))
			if err != nil || string(got.Payload) != "1" {
				t.Errorf("got %s, %v: want a sandbox for each", got.Payload, err)
			}
		})
	}
	wg.Wait()
	if got := must(t, r, f, "{}"); string(got.Payload) != "2" {
		t.Errorf("got %s, want a sandbox that was used before", got.Payload)
	}
	other := f
	other.Name = "other"
	if got := must(t, r, other, "{}"); string(got.Payload) != "1" {
		t.Errorf("got %s, want an idle sandbox to make room", got.Payload)
	}
}
