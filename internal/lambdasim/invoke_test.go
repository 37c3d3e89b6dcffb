package lambdasim_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/autodefend/autodefend/internal/lambdasim"
)

// fakeInvoker answers with what it was asked.
type fakeInvoker struct {
	mu    sync.Mutex // guards got
	got   []lambdasim.Invocation
	reply func(lambdasim.Invocation) (lambdasim.Outcome, error)
}

func (f *fakeInvoker) Invoke(_ context.Context, in lambdasim.Invocation) (lambdasim.Outcome, error) {
	f.mu.Lock()
	f.got = append(f.got, in)
	f.mu.Unlock()
	if f.reply != nil {
		return f.reply(in)
	}
	return lambdasim.Outcome{Payload: in.Payload, Log: []byte("START\nREPORT\n"), Duration: 20 * time.Millisecond}, nil
}

// last returns the last invocation.
func (f *fakeInvoker) last(t *testing.T) lambdasim.Invocation {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.got) == 0 {
		t.Fatal("nothing was invoked")
	}
	return f.got[len(f.got)-1]
}

// invoking calls a test with a world whose function "one" has the given
// settings, on Python.
func invoking(t *testing.T, fake *fakeInvoker, edit func(*lambdasim.FunctionSpec), test func(*testing.T, *lambdasim.World, *lambda.Client)) {
	t.Helper()
	inBubble(t, func(t *testing.T) {
		w := newWorld(lambdasim.Options{Invoker: fake})
		putFunction(w, "one", func(f *lambdasim.FunctionSpec) {
			f.Runtime, f.Handler = "python3.13", "src/main.run"
			if edit != nil {
				edit(f)
			}
		})
		test(t, w, newSDK(w))
	})
}

func TestInvokeRunsFunctions(t *testing.T) {
	fake := &fakeInvoker{}
	invoking(t, fake, func(f *lambdasim.FunctionSpec) {
		f.Env, f.Versions, f.Aliases = map[string]string{"MINE": "1"}, 2, map[string]string{"live": "2"}
	}, func(t *testing.T, w *lambdasim.World, c *lambda.Client) {
		tests := []struct{ qualifier, version, arn string }{
			{"", "$LATEST", ":function:one"},
			{"1", "1", ":function:one:1"},
			{"live", "2", ":function:one:live"},
			{"$LATEST", "$LATEST", ":function:one:$LATEST"},
		}
		for _, tt := range tests {
			in := &lambda.InvokeInput{FunctionName: aws.String("one"), Payload: []byte(`{"a":1}`), LogType: types.LogTypeTail, ClientContext: aws.String(base64.StdEncoding.EncodeToString([]byte(`{"c":1}`)))}
			if tt.qualifier != "" {
				in.Qualifier = aws.String(tt.qualifier)
			}
			out, err := c.Invoke(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			log, _ := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
			if string(out.Payload) != `{"a":1}` || out.StatusCode != 200 || out.FunctionError != nil || aws.ToString(out.ExecutedVersion) != tt.version || string(log) != "START\nREPORT\n" {
				t.Errorf("%q: got %+v %s", tt.qualifier, out, out.Payload)
			}
			got := fake.last(t)
			if got.Version != tt.version || !strings.HasSuffix(got.ARN, tt.arn) || got.Function.Env["MINE"] != "1" || got.ClientContext != `{"c":1}` || got.RequestID == "" {
				t.Errorf("%q: invoked %+v", tt.qualifier, got)
			}
		}
		if o := w.Stats(); o.Mutating() != 0 {
			t.Errorf("invocations count as %d changes", o.Mutating())
		}
	})
}

func TestInvokeStandsInForMissingCode(t *testing.T) {
	tests := []struct{ runtime, handler, file, holds string }{
		{"python3.13", "src/main.run", "src/main.py", "def run(event, context)"},
		{"nodejs22.x", "index.main", "index.mjs", "export async function main(event, context)"},
		{"ruby3.4", "app.handler", "app.rb", "def handler(event:, context:)"},
	}
	for _, tt := range tests {
		fake := &fakeInvoker{}
		invoking(t, fake, func(f *lambdasim.FunctionSpec) { f.Runtime, f.Handler = tt.runtime, tt.handler }, func(t *testing.T, _ *lambdasim.World, c *lambda.Client) {
			if _, err := c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("one")}); err != nil {
				t.Fatal(err)
			}
			got := fake.last(t)
			if string(got.Payload) != "{}" {
				t.Errorf("no payload became %q", got.Payload)
			}
			z, err := zip.NewReader(bytes.NewReader(got.Code), int64(len(got.Code)))
			if err != nil || len(z.File) != 1 || z.File[0].Name != tt.file {
				t.Fatalf("%s: got %v, %v", tt.runtime, z, err)
			}
			r, err := z.File[0].Open()
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(r)
			if err != nil || !strings.Contains(string(text), tt.holds) {
				t.Errorf("%s: %v, want %q in\n%s", tt.runtime, err, tt.holds, text)
			}
		})
	}
}

func TestInvokeRefusals(t *testing.T) {
	zero := 0
	tests := []struct {
		name   string
		edit   func(*lambdasim.FunctionSpec)
		in     lambda.InvokeInput
		fails  error
		code   string
		status int
	}{
		{name: "no function", in: lambda.InvokeInput{FunctionName: aws.String("two")}, code: "ResourceNotFoundException", status: 404},
		{name: "no version", in: lambda.InvokeInput{Qualifier: aws.String("7")}, code: "ResourceNotFoundException", status: 404},
		{name: "not JSON", in: lambda.InvokeInput{Payload: []byte("hello")}, code: "InvalidRequestContentException", status: 400},
		{name: "too much", in: lambda.InvokeInput{Payload: bytes.Repeat([]byte(" "), 6<<20+1)}, code: "RequestTooLargeException", status: 413},
		{name: "too much for a queue", in: lambda.InvokeInput{InvocationType: types.InvocationTypeEvent, Payload: bytes.Repeat([]byte(" "), 1<<20+1)}, code: "RequestTooLargeException", status: 413},
		{name: "no such type", in: lambda.InvokeInput{InvocationType: "Later"}, code: "ValidationException", status: 400},
		{name: "not active", edit: func(f *lambdasim.FunctionSpec) { f.State = "Failed" }, code: "ResourceConflictException", status: 409},
		{name: "undecryptable", edit: func(f *lambdasim.FunctionSpec) { f.EnvUndecryptable = true }, code: "KMSAccessDeniedException", status: 502},
		{name: "image", edit: func(f *lambdasim.FunctionSpec) {
			f.PackageType, f.ImageURI, f.Runtime, f.Handler = "Image", "x", "", ""
		}, code: "InvalidRuntimeException", status: 502},
		{name: "no code and nothing to stand in", edit: func(f *lambdasim.FunctionSpec) { f.Runtime = "dotnet8" }, code: "InvalidRuntimeException", status: 502},
		{name: "no concurrency", edit: func(f *lambdasim.FunctionSpec) { f.ReservedConcurrency = &zero }, code: "TooManyRequestsException", status: 429},
		{name: "busy", fails: lambdasim.ErrInvokerBusy, code: "TooManyRequestsException", status: 429},
		{name: "no runtime", fails: fmt.Errorf("x: %w", lambdasim.ErrNoRuntime), code: "InvalidRuntimeException", status: 502},
		{name: "bad package", fails: lambdasim.ErrBadPackage, code: "InvalidZipFileException", status: 502},
		{name: "broken", fails: io.ErrUnexpectedEOF, code: "ServiceException", status: 500},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fake := &fakeInvoker{reply: func(lambdasim.Invocation) (lambdasim.Outcome, error) { return lambdasim.Outcome{}, tt.fails }}
			invoking(t, fake, tt.edit, func(t *testing.T, _ *lambdasim.World, c *lambda.Client) {
				in := tt.in
				if in.FunctionName == nil {
					in.FunctionName = aws.String("one")
				}
				_, err := c.Invoke(t.Context(), &in, func(o *lambda.Options) { o.RetryMaxAttempts = 1 })
				wantCode(t, err, tt.code, tt.status)
			})
		})
	}
}

func TestInvokeFunctionError(t *testing.T) {
	fake := &fakeInvoker{reply: func(lambdasim.Invocation) (lambdasim.Outcome, error) {
		return lambdasim.Outcome{Payload: []byte(`{"errorType":"E"}`), FunctionError: "Unhandled", Log: bytes.Repeat([]byte("x"), 5000)}, nil
	}}
	invoking(t, fake, nil, func(t *testing.T, _ *lambdasim.World, c *lambda.Client) {
		out, err := c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("one"), LogType: types.LogTypeTail})
		if err != nil || aws.ToString(out.FunctionError) != "Unhandled" || string(out.Payload) != `{"errorType":"E"}` {
			t.Fatalf("got %+v, %v", out, err)
		}
		if log, err := base64.StdEncoding.DecodeString(*out.LogResult); err != nil || len(log) != 4096 {
			t.Errorf("got %d bytes of log, %v, want the last 4096", len(log), err)
		}
	})
}

func TestInvokeQueuesEvents(t *testing.T) {
	fake := &fakeInvoker{}
	invoking(t, fake, nil, func(t *testing.T, w *lambdasim.World, c *lambda.Client) {
		out, err := c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("one"), InvocationType: types.InvocationTypeEvent, Payload: []byte("7")})
		if err != nil || out.StatusCode != http.StatusAccepted || len(out.Payload) != 0 {
			t.Fatalf("got %+v, %v", out, err)
		}
		w.WaitForEvents()
		if got := fake.last(t); string(got.Payload) != "7" {
			t.Errorf("invoked with %q", got.Payload)
		}
	})
}

func TestInvokeStreams(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789"), 20_000)
	fake := &fakeInvoker{reply: func(lambdasim.Invocation) (lambdasim.Outcome, error) {
		return lambdasim.Outcome{Payload: big}, nil
	}}
	invoking(t, fake, nil, func(t *testing.T, _ *lambdasim.World, c *lambda.Client) {
		out, err := c.InvokeWithResponseStream(t.Context(), &lambda.InvokeWithResponseStreamInput{FunctionName: aws.String("one")})
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		complete := false
		for event := range out.GetStream().Events() {
			switch e := event.(type) {
			case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
				got = append(got, e.Value.Payload...)
			case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
				complete = e.Value.ErrorCode == nil
			}
		}
		if err := out.GetStream().Err(); err != nil || !complete || !bytes.Equal(got, big) {
			t.Errorf("got %d bytes, complete %t, %v", len(got), complete, err)
		}
	})
}

func TestInvokeIsSeenByCloudWatch(t *testing.T) {
	fails := false
	fake := &fakeInvoker{reply: func(lambdasim.Invocation) (lambdasim.Outcome, error) {
		out := lambdasim.Outcome{Payload: []byte("1"), Duration: 30 * time.Millisecond}
		if fails {
			out.FunctionError = "Unhandled"
		}
		return out, nil
	}}
	invoking(t, fake, nil, func(t *testing.T, w *lambdasim.World, c *lambda.Client) {
		for _, fails = range []bool{false, true, true} {
			if _, err := c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("one")}); err != nil {
				t.Fatal(err)
			}
		}
		o, ok := w.Observed(accountID, regionID, "one")
		if want := (lambdasim.Observed{Invocations: 3, Errors: 2, DurationP99Millis: 30}); !ok || o != want {
			t.Errorf("got %+v, want %+v", o, want)
		}
	})
}

func TestInvokePassesLayers(t *testing.T) {
	fake := &fakeInvoker{}
	layer := func(name string) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		if _, err := z.Create(name); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	inBubble(t, func(t *testing.T) {
		w := newWorld(lambdasim.Options{Invoker: fake})
		first := w.PutLayerVersion(accountID, regionID, lambdasim.LayerSpec{Name: "first", Content: layer("a")})
		described := w.PutLayerVersion(accountID, regionID, lambdasim.LayerSpec{Name: "described", CodeSize: 100})
		second := w.PutLayerVersion(accountID, regionID, lambdasim.LayerSpec{Name: "second", Content: layer("b")})
		putFunction(w, "one", func(f *lambdasim.FunctionSpec) {
			f.Runtime, f.Handler, f.Code, f.Layers = "python3.13", "a.b", layer("code"), []string{first, described, second}
		})
		if _, err := newSDK(w).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("one")}); err != nil {
			t.Fatal(err)
		}
		got := fake.last(t)
		if len(got.Layers) != 2 || !bytes.Equal(got.Layers[0], layer("a")) || !bytes.Equal(got.Layers[1], layer("b")) || !bytes.Equal(got.Code, layer("code")) {
			text, _ := json.Marshal(got)
			t.Errorf("got %s", text)
		}
	})
}
