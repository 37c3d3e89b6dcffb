package runtimeapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/iotest"
	"time"
)

const (
	poll     = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nUser-Agent: aws-lambda-ruby/3.4\r\n\r\n"
	accepted = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
)

// eventWith is Lambda's response to a poll.
func eventWith(id, framing, body string) string {
	return "HTTP/1.1 200 OK\r\nlambda-runtime-AWS-request-id: " + id + "\r\nLambda-Runtime-Deadline-Ms: 1542409706888\r\n" +
		"Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-west-1:123456789012:function:f:live\r\n" +
		"Lambda-Runtime-Trace-Id: Root=1-5bef4de7\r\nLambda-Runtime-Aws-Tenant-Id: blue\r\nX-Other: a:b \r\n" + framing + "\r\n\r\n" + body
}

// answerTo is what the runtime posts.
func answerTo(id, verb, body string) string {
	return fmt.Sprintf("POST /2018-06-01/runtime/invocation/%s/%s HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s", id, verb, len(body), body)
}

// trace records the calls of hooks.
type trace struct {
	mu    sync.Mutex
	calls []string
}

func (tr *trace) add(format string, args ...any) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.calls = append(tr.calls, fmt.Sprintf(format, args...))
}

func (tr *trace) String() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return strings.Join(tr.calls, " ")
}

func (tr *trace) hooks() Hooks {
	return Hooks{
		Next: func(context.Context) { tr.add("next") },
		Invocation: func(_ context.Context, i *Invocation) (*Reply, error) {
			tr.add("invocation:%s", i.RequestID)
			return nil, nil
		},
		Response: func(_ context.Context, id string) { tr.add("response:%s", id) },
		Restored: func(context.Context) { tr.add("restored") },
	}
}

func TestHooksSeeTheLifeOfARuntime(t *testing.T) {
	tests := map[string]struct {
		steps []string
		want  string
	}{
		"responses and errors": {
			[]string{
				">" + poll, "<" + eventWith("a", "Content-Length: 2", "{}"), ">" + answerTo("a", "response", "null"), "<" + accepted,
				">" + poll, "<" + eventWith("b", "Content-Length: 2", "{}"), ">" + answerTo("b", "error", "{}"), "<" + accepted, ">" + poll,
			},
			"next invocation:a response:a next invocation:b response:b next",
		},
		"a response that is not accepted": {
			[]string{">" + answerTo("a", "response", "null"), "<HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n", ">" + answerTo("a", "error", "null"), "<" + accepted, ">" + poll},
			"response:a next",
		},
		"start fails": {
			[]string{">POST /2018-06-01/runtime/init/error HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "<" + accepted, ">" + poll}, "response: next",
		},
		"restore": {
			[]string{">GET /2018-06-01/runtime/restore/next HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ">" + poll}, "restored next",
		},
		"other ways to write it": {
			[]string{
				">GET http://127.0.0.1:9001/2099-01-01/runtime//invocation/./%6eext?x=y HTTP/1.1\r\n\r\n", "<" + eventWith("a", "Content-Length: 0", ""),
				">POST //2018-06-01/runtime/invocation/a/response?q HTTP/1.1\r\n\r\n", "<" + accepted, ">" + poll,
			},
			"next invocation:a response:a next",
		},
		"no events": {
			[]string{
				">" + poll, "<HTTP/1.1 403 Forbidden\r\nLambda-Runtime-Aws-Request-Id: a\r\nContent-Length: 0\r\n\r\n",
				">" + poll, "<HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
				">POST /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
				">GET /2020-01-01/extension/event/next HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
				">GET /2021-04-23/credentials HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
			},
			"next next",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var tr trace
			play(newBench(t, tr.hooks()), tt.steps)
			if got := tr.String(); got != tt.want {
				t.Errorf("hooks got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestEventIsReadAndPassedOn reads events in all ways and to all extents; the function always gets every byte.
func TestEventIsReadAndPassedOn(t *testing.T) {
	body := strings.Repeat("0123456789", 30_000)
	chunks := fmt.Sprintf("%x;x=y\r\n%s\r\n1\r\n!\r\n0\r\nT: v\r\n\r\n", len(body), body)
	framings := map[string]struct{ event, data string }{
		"length": {eventWith("a", fmt.Sprintf("Content-Length: %d", len(body)), body), body},
		"chunks": {eventWith("a", "Transfer-Encoding: chunked", chunks), body + "!"},
		"close":  {eventWith("a", "Connection: close", body), body},
	}
	for framing, f := range framings {
		for how, read := range map[string]func(*Invocation) ([]byte, error){
			"nothing":     func(*Invocation) ([]byte, error) { return nil, nil },
			"some":        func(i *Invocation) ([]byte, error) { return io.ReadAll(io.LimitReader(i.Body, 5000)) },
			"all":         func(i *Invocation) ([]byte, error) { return io.ReadAll(i.Body) },
			"all, slowly": func(i *Invocation) ([]byte, error) { return io.ReadAll(iotest.OneByteReader(i.Body)) },
			"all at once": func(i *Invocation) ([]byte, error) {
				event, err := i.Event()
				return bytes.Clone(event), err
			},
		} {
			t.Run(framing+"/"+how, func(t *testing.T) {
				var got []byte
				b := newBench(t, Hooks{Invocation: func(_ context.Context, i *Invocation) (*Reply, error) {
					want := Invocation{
						RequestID: "a", Deadline: time.UnixMilli(1542409706888), TraceID: "Root=1-5bef4de7", TenantID: "blue",
						ARN: "arn:aws:lambda:eu-west-1:123456789012:function:f:live",
					}
					if i.RequestID != want.RequestID || !i.Deadline.Equal(want.Deadline) || i.TraceID != want.TraceID || i.TenantID != want.TenantID || i.ARN != want.ARN {
						t.Errorf("got %+v, want %+v", i, want)
					}
					if i.Header("x-other") != "a:b" || i.Header("absent") != "" {
						t.Errorf("fields are %q and %q", i.Header("x-other"), i.Header("absent"))
					}
					var err error
					got, err = read(i)
					return nil, err
				}})
				client := b.dial()
				client.send(poll)
				lambda := b.accept()
				lambda.expect(poll)
				lambda.send(f.event)
				if framing == "close" {
					_ = lambda.CloseWrite()
				}
				client.expect(f.event)
				if !strings.HasPrefix(f.data, string(got)) || how == "some" && len(got) != 5000 || strings.HasPrefix(how, "all") && len(got) != len(f.data) {
					t.Errorf("the hook read %d bytes of %d", len(got), len(f.data))
				}
			})
		}
	}
}

func TestEventTooLarge(t *testing.T) {
	size := maxEvent + 1<<20
	b := newBench(t, Hooks{Invocation: func(_ context.Context, i *Invocation) (*Reply, error) {
		if event, err := i.Event(); event != nil || !errors.Is(err, ErrEventTooLarge) {
			t.Errorf("got %d bytes and %v", len(event), err)
		}
		n, err := io.Copy(io.Discard, i.Body)
		if n != maxEvent || !errors.Is(err, ErrEventTooLarge) {
			t.Errorf("read %d bytes and got %v", n, err)
		}
		return nil, err
	}})
	client := b.dial()
	client.send(poll)
	lambda := b.accept()
	lambda.expect(poll)
	event := eventWith("a", fmt.Sprintf("Content-Length: %d", size), strings.Repeat("x", size))
	go lambda.send(event)
	client.expect(event)
	client.send(poll)
	lambda.expect(poll)
	if !strings.Contains(b.log.String(), ErrEventTooLarge.Error()) {
		t.Errorf("the log says %s", b.log)
	}
}

// TestEventThatEndsEarly: the hook is told, and the runtime gets what came.
func TestEventThatEndsEarly(t *testing.T) {
	b := newBench(t, Hooks{Invocation: func(_ context.Context, i *Invocation) (*Reply, error) {
		if _, err := i.Event(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("got %v", err)
		}
		return nil, nil
	}})
	client := b.dial()
	client.send(poll)
	lambda := b.accept()
	lambda.expect(poll)
	event := eventWith("a", "Content-Length: 100", "not all")
	lambda.send(event)
	_ = lambda.CloseWrite()
	client.expect(event)
}

// TestReply lets a hook answer for the function twice; the runtime sees only the third event.
func TestReply(t *testing.T) {
	var tr trace
	hooks := tr.hooks()
	hooks.Invocation = func(_ context.Context, i *Invocation) (*Reply, error) {
		tr.add("invocation:%s", i.RequestID)
		switch i.RequestID {
		case "a":
			return &Reply{Header: map[string]string{"Content-Type": "application/json", "Evil": "a\r\nb: c"}, Body: []byte(`{"statusCode":403}`)}, nil
		case "b/?":
			return &Reply{Failed: true, Body: []byte("{}")}, errors.New("both")
		default:
			return nil, nil
		}
	}
	b := newBench(t, hooks)
	client := b.dial()
	client.send(poll)
	lambda := b.accept()
	lambda.expect(poll)
	lambda.send(eventWith("a", "Transfer-Encoding: chunked\r\nConnection: close", "3\r\nbad\r\n0\r\n\r\n"))
	_ = lambda.CloseWrite()
	lambda = b.accept()
	const head = "Host: 127.0.0.1:9001\r\nUser-Agent: aws-lambda-ruby/3.4\r\n"
	lambda.expect("POST /2018-06-01/runtime/invocation/a/response HTTP/1.1\r\n" + head + "Content-Type: application/json\r\nContent-Length: 18\r\n\r\n{\"statusCode\":403}")
	lambda.send(accepted)
	lambda.expect(poll)
	lambda.send(eventWith("b/?", "Content-Length: 3", "bad"))
	lambda = b.accept()
	lambda.expect("POST /2018-06-01/runtime/invocation/b%2F%3F/error HTTP/1.1\r\n" + head + "Content-Length: 2\r\n\r\n{}")
	lambda.send("HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n")
	lambda.expect(poll)
	event := eventWith("c", "Content-Length: 4", "good")
	lambda.send(event)
	client.expect(event)
	client.send(answerTo("c", "response", "null"))
	lambda.expect(answerTo("c", "response", "null"))
	lambda.send(accepted)
	client.expect(accepted)
	client.send(poll)
	lambda.expect(poll)
	want := "next invocation:a response:a next invocation:b/? response:b/? next invocation:c response:c next"
	if got := tr.String(); got != want {
		t.Errorf("hooks got %q, want %q", got, want)
	}
}

// TestReplyFails: nobody hangs when the answer for the function can't be sent, and the function does not see the event.
func TestReplyFails(t *testing.T) {
	for name, drop := range map[string]func(b *bench){
		"Lambda is gone": func(b *bench) { _ = b.lambda.Close() },
		"Lambda hangs up": func(b *bench) {
			conn := b.accept()
			conn.expect("POST ")
			_ = conn.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			inspected := make(chan struct{})
			b := newBench(t, Hooks{Invocation: func(context.Context, *Invocation) (*Reply, error) {
				<-inspected
				return &Reply{}, nil
			}})
			client := b.dial()
			client.send(poll)
			lambda := b.accept()
			lambda.expect(poll)
			lambda.send(eventWith("a", "Content-Length: 3", "bad"))
			close(inspected)
			drop(b)
			client.end(syscall.ECONNRESET)
		})
	}
}

// TestPollWaitsForResponseHooks: the sandbox may freeze during a poll, so one that comes in on another connection waits
// until the hook about an earlier response is done.
func TestPollWaitsForResponseHooks(t *testing.T) {
	flushing, flushed := make(chan struct{}), make(chan struct{})
	var tr trace
	b := newBench(t, Hooks{
		Next: func(context.Context) { tr.add("next") },
		Response: func(context.Context, string) {
			close(flushing)
			<-flushed
			tr.add("flushed")
		},
	})
	first := b.dial()
	first.send(answerTo("a", "response", "null"))
	lambda := b.accept()
	lambda.expect(answerTo("a", "response", "null"))
	lambda.send(accepted)
	first.expect(accepted) // the runtime isn't kept waiting
	<-flushing
	second := b.dial()
	second.send(poll)
	lambda = b.accept()
	tr.add("polled")
	close(flushed)
	lambda.expect(poll)
	if got := tr.String(); got != "polled flushed next" {
		t.Errorf("got %q", got)
	}
}

// TestNothingOvertakesAPoll: a request behind a poll waits for the event, because the proxy may have to poll again.
func TestNothingOvertakesAPoll(t *testing.T) {
	var tr trace
	hooks := tr.hooks()
	hooks.Invocation = func(context.Context, *Invocation) (*Reply, error) { return &Reply{}, nil }
	b := newBench(t, hooks)
	client := b.dial()
	client.send(poll + answerTo("x", "response", "null"))
	lambda := b.accept()
	lambda.expect(poll)
	lambda.send(eventWith("a", "Content-Length: 3", "bad"))
	lambda = b.accept()
	lambda.expect("POST /2018-06-01/runtime/invocation/a/response HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nUser-Agent: aws-lambda-ruby/3.4\r\nContent-Length: 0\r\n\r\n")
	lambda.send(accepted)
	lambda.expect(poll)
	const none = "HTTP/1.1 204 No Content\r\n\r\n"
	lambda.send(none)
	client.expect(none)
	lambda.expect(answerTo("x", "response", "null"))
	lambda.send(accepted)
	client.expect(accepted)
}

func TestForeignProcessIsRefused(t *testing.T) {
	b := newBench(t, Hooks{Allowed: func(remote net.Addr) bool { return remote.(*net.TCPAddr).Port == 0 }})
	client := b.dial()
	client.send(poll + strings.Repeat("x", 1<<20))
	_ = client.CloseWrite()
	answer, err := io.ReadAll(client)
	if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 403 Forbidden\r\n")) || !bytes.HasSuffix(answer, []byte(`"errorType":"Autodefend.Forbidden"}`)) {
		t.Errorf("got %q, %v", answer, err)
	}
	_ = b.lambda.SetDeadline(time.Now())
	if conn, err := b.lambda.Accept(); err == nil {
		t.Errorf("Lambda was bothered by %v", conn.RemoteAddr())
	}
}

func TestLambdaUnreachable(t *testing.T) {
	b := newBench(t, Hooks{})
	_ = b.lambda.Close()
	client := b.dial()
	client.send(poll)
	answer, err := io.ReadAll(client)
	if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 502 Bad Gateway\r\n")) {
		t.Errorf("got %q, %v", answer, err)
	}
}

// TestAmbiguousRequests are refused: Lambda could read them in another way than the proxy.
func TestAmbiguousRequests(t *testing.T) {
	for name, request := range map[string]string{
		"length and chunks":    "POST /a HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"two lengths":          "POST /a HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
		"signed length":        "POST /a HTTP/1.1\r\nContent-Length: +3\r\n\r\nabc",
		"list of lengths":      "POST /a HTTP/1.1\r\nContent-Length: 3, 3\r\n\r\nabc",
		"huge length":          "POST /a HTTP/1.1\r\nContent-Length: 9223372036854775808\r\n\r\nabc",
		"unknown coding":       "POST /a HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
		"two codings":          "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
		"coding in HTTP/1.0":   "POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"blank before colon":   "POST /a HTTP/1.1\r\nContent-Length : 3\r\n\r\nabc",
		"folded line":          "POST /a HTTP/1.1\r\nX: a\r\n Content-Length: 3\r\n\r\nabc",
		"bare carriage return": "POST /a HTTP/1.1\r\nX: a\rContent-Length: 3\r\n\r\nabc",
		"no field":             "POST /a HTTP/1.1\r\nwhat\r\n\r\n",
		"no request line":      "\r\n\r\n",
		"two words":            "GET /\r\n\r\n",
		"other version":        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"head too large":       "GET /a HTTP/1.1\r\nX: " + strings.Repeat("x", maxHead),
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Hooks{})
			client := b.dial()
			client.send(request)
			_ = client.CloseWrite()
			answer, err := io.ReadAll(client)
			if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 400 Bad Request\r\n")) {
				t.Errorf("got %q, %v", answer, err)
			}
			b.accept().end(syscall.ECONNRESET) // without a byte of it
		})
	}
}

// TestBadChunk ends the request for Lambda where it stopped to make sense; what Lambda says to that is passed on.
func TestBadChunk(t *testing.T) {
	b := newBench(t, Hooks{})
	client := b.dial()
	const head = "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
	client.send(head + "3\r\nabc")
	lambda := b.accept()
	lambda.expect(head + "3\r\nabc")
	client.send("oops\r\n")
	lambda.end(io.EOF)
	const refusal = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
	lambda.send(refusal)
	_ = lambda.Close()
	client.expect(refusal)
	client.end(io.EOF)
}

// TestRuntimeGoesAway: Lambda learns at once that nobody waits for the event.
func TestRuntimeGoesAway(t *testing.T) {
	for name, leave := range map[string]func(*peer) error{
		"closed": func(p *peer) error { _ = p.Close(); return io.EOF },
		"reset":  func(p *peer) error { _ = p.SetLinger(0); _ = p.Close(); return syscall.ECONNRESET },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Hooks{})
			client := b.dial()
			client.send(poll)
			lambda := b.accept()
			lambda.expect(poll)
			lambda.end(leave(client))
		})
	}
}

// TestMovedOrCopied: a sandbox that refuses to move bytes between sockets costs time, no byte.
func TestMovedOrCopied(t *testing.T) {
	body := strings.Repeat("x", 4*moveFrom)
	source, in := net.Pipe()
	out, sink := net.Pipe()
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(source, body)
		sent <- err
	}()
	var plain atomic.Bool
	passed := make(chan error, 1)
	go func() {
		b := lengthBody(int64(len(body)))
		passed <- newStream(in, &plain).pass(refusing{out}, 0, &b)
		_ = out.Close()
	}()
	got, err := io.ReadAll(sink)
	if err := errors.Join(err, <-sent, <-passed); err != nil || string(got) != body || !plain.Load() {
		t.Errorf("%d bytes, %v, copying is %v", len(got), err, plain.Load())
	}
}

// refusing is a connection in a sandbox without splice(2).
type refusing struct{ net.Conn }

func (refusing) ReadFrom(io.Reader) (int64, error) {
	return 0, &net.OpError{Op: "readfrom", Err: syscall.EPERM}
}

// TestManyAtOnce runs invocations on many connections, as a function with several workers does.
func TestManyAtOnce(t *testing.T) {
	const workers, invocations = 40, 20
	var tr trace
	b := newBench(t, tr.hooks())
	_ = b.lambda.SetDeadline(time.Now().Add(patience))
	var running sync.WaitGroup
	running.Go(func() {
		for range workers {
			conn := b.accept()
			running.Go(func() { serveEvents(conn) })
		}
	})
	for w := range workers {
		running.Go(func() {
			client := b.dial()
			for i := range invocations {
				id := fmt.Sprintf("%d-%d", w, i)
				client.send(strings.Replace(poll, "Host", "Id: "+id+"\r\nHost", 1))
				client.expect(eventWith(id, "Content-Length: 2", "{}"))
				client.send(answerTo(id, "response", "null"))
				client.expect(accepted)
			}
			_ = client.CloseWrite()
		})
	}
	running.Wait()
	calls := make(map[string]int)
	for _, call := range strings.Fields(tr.String()) {
		calls[call]++
	}
	for w := range workers {
		for i := range invocations {
			for _, hook := range []string{"invocation", "response"} {
				if call := fmt.Sprintf("%s:%d-%d", hook, w, i); calls[call] != 1 {
					t.Fatalf("%s was called %d times", call, calls[call])
				}
			}
		}
	}
}

// serveEvents plays Lambda for a client that names the id of the event it wants.
func serveEvents(p *peer) {
	in := newStream(p.TCPConn, nil)
	for {
		r, head, err := in.request()
		if err != nil {
			return
		}
		id := field(in.buffered()[:head], "Id")
		if in.skip(head, &r.body) != nil {
			return
		}
		if r.method == "GET" {
			p.send(eventWith(id, "Content-Length: 2", "{}"))
		} else {
			p.send(accepted)
		}
	}
}

func TestCloseEndsEverything(t *testing.T) {
	b := newBench(t, Hooks{})
	client := b.dial()
	client.send(poll)
	lambda := b.accept()
	lambda.expect(poll)
	if err := b.proxy.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Read(make([]byte, 1)); err == nil {
		t.Error("the runtime's connection goes on")
	}
	if _, err := lambda.Read(make([]byte, 1)); err == nil {
		t.Error("Lambda's connection goes on")
	}
}
