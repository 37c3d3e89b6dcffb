package runtimeapi

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"
)

func seeds(f *testing.F, heads ...string) {
	for _, head := range heads {
		f.Add([]byte(head))
	}
}

// FuzzRequest compares where a request ends with what net/http, which Lambda's side is made of, says. Whenever both
// accept a request they must agree, or one could be hidden in another.
func FuzzRequest(f *testing.F) {
	seeds(f,
		poll, answerTo("a", "response", "null")+poll,
		"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nA: b\r\n\r\nGET /",
		"POST /a HTTP/1.1\nHost: x\ncontent-length: 3\n\nabcdef", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"GET / HTTP/1.0\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", "CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n",
	)
	f.Fuzz(func(t *testing.T, data []byte) {
		ours, r, ok := ourRequest(t, data)
		if !ok {
			return
		}
		in := bytes.NewReader(data)
		buffered := bufio.NewReader(in)
		request, err := http.ReadRequest(buffered)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, request.Body); err != nil {
			return
		}
		theirs := len(data) - in.Len() - buffered.Buffered()
		if ours != theirs || r.method != request.Method || r.target != request.RequestURI {
			t.Errorf("%q ends at %d for us (%q %q), at %d for net/http (%q %q)", data, ours, r.method, r.target, theirs, request.Method, request.RequestURI)
		}
	})
}

// ourRequest finds the end of a complete request.
func ourRequest(t *testing.T, data []byte) (int, request, bool) {
	head := headEnd(data, 0)
	if head == 0 {
		return 0, request{}, false
	}
	r, err := parseRequest(data[:head])
	if err != nil {
		return 0, request{}, false
	}
	routeOf(r.method, r.target)
	n, ok := bodyEnd(t, r.body, data[head:])
	return head + n, r, ok
}

// bodyEnd finds the end of a complete body, which must not depend on how its bytes arrive.
func bodyEnd(t *testing.T, b body, data []byte) (int, bool) {
	single := b
	n, err := b.advance(data)
	at := 0
	var singleErr error
	for at < len(data) && !single.done() && singleErr == nil {
		var one int
		one, singleErr = single.advance(data[at : at+1])
		at += one
	}
	if at != n || single.done() != b.done() || (err == nil) != (singleErr == nil) {
		t.Errorf("%q ends at %d (%v, %v) at once, at %d (%v, %v) byte by byte", data, n, b.done(), err, at, single.done(), singleErr)
	}
	return n, err == nil && b.done()
}

// FuzzResponse is FuzzRequest for responses.
func FuzzResponse(f *testing.F) {
	for _, method := range []string{"GET", "HEAD", "POST", "CONNECT"} {
		f.Add([]byte(eventWith("a", "Content-Length: 2", "{}")+accepted), method)
		f.Add([]byte(eventWith("a", "Transfer-Encoding: chunked", "2\r\n{}\r\n0\r\n\r\n")), method)
		f.Add([]byte("HTTP/1.0 204 No Content\r\nContent-Length: 3\r\n\r\nabc"), method)
		f.Add([]byte("HTTP/1.1 304\r\nContent-Length: 3\r\n\r\nabc"), method)
		f.Add([]byte("HTTP/1.1 100 Continue\r\n\r\n"), method)
	}
	f.Fuzz(func(t *testing.T, data []byte, method string) {
		head := headEnd(data, 0)
		if head == 0 {
			return
		}
		r, err := parseResponse(data[:head], method)
		if err != nil || r.body.framing == framedByClose {
			return
		}
		n, ok := bodyEnd(t, r.body, data[head:])
		if !ok {
			return
		}
		in := bytes.NewReader(data)
		buffered := bufio.NewReader(in)
		response, err := http.ReadResponse(buffered, &http.Request{Method: method})
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			return
		}
		theirs := len(data) - in.Len() - buffered.Buffered()
		if ours := head + n; ours != theirs || r.status != response.StatusCode {
			t.Errorf("%q ends at %d for us (%d), at %d for net/http (%d)", data, ours, r.status, theirs, response.StatusCode)
		}
	})
}

// FuzzRelay lets both sides send anything. What arrives is a prefix of what was sent, or a refusal, and nothing hangs.
func FuzzRelay(f *testing.F) {
	f.Add([]byte(poll+answerTo("a", "response", "null")), []byte(eventWith("a", "Content-Length: 2", "{}")+accepted))
	f.Add([]byte(poll), []byte(eventWith("deny", "Transfer-Encoding: chunked", "2\r\n{}\r\n0\r\n\r\n")))
	f.Add([]byte("GET / HTTP/1.1\r\nUpgrade: x\r\n\r\nanything"), []byte("HTTP/1.1 101 Yes\r\n\r\nanything"))
	f.Add([]byte("what\r\n\r\n"), []byte("HTTP/1.1 408 Late\r\n\r\n"))
	f.Fuzz(func(t *testing.T, fromRuntime, fromLambda []byte) {
		p := NewProxy(Config{Upstream: "127.0.0.1:1", Hooks: Hooks{Invocation: readEvent}})
		defer p.cancel()
		client, in := socketPair(t)
		lambda, upstream := socketPair(t)
		for _, conn := range []net.Conn{client, lambda, in, upstream} {
			_ = conn.SetDeadline(time.Now().Add(patience))
		}
		toLambda, toRuntime := exchangeBytes(lambda, fromLambda), exchangeBytes(client, fromRuntime)
		newSession(p, newStream(in, &p.plain), upstream).run()
		_, _ = in.Close(), upstream.Close()
		if got := <-toLambda; !bytes.HasPrefix(fromRuntime, got) {
			t.Errorf("Lambda got %q of %q", got, fromRuntime)
		}
		got := <-toRuntime
		if i := bytes.Index(got, []byte("HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n")); i >= 0 {
			got = got[:i]
		}
		if !bytes.HasPrefix(fromLambda, got) {
			t.Errorf("the runtime got %q of %q", got, fromLambda)
		}
	})
}

func readEvent(_ context.Context, i *Invocation) (*Reply, error) {
	_, err := io.Copy(io.Discard, i.Body)
	if i.TraceID != "" {
		_, err = i.Event()
	}
	if i.RequestID == "deny" {
		return &Reply{}, err
	}
	return nil, err
}

// exchangeBytes sends bytes and no more, and gives what came back until the other side ended too.
func exchangeBytes(conn net.Conn, send []byte) <-chan []byte {
	result := make(chan []byte, 1)
	go func() {
		defer conn.Close()
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			_, _ = conn.Write(send)
			_ = closeWrite(conn)
		}()
		got, _ := io.ReadAll(conn)
		<-sent
		result <- got
	}()
	return result
}

func socketPair(t *testing.T) (net.Conn, net.Conn) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]net.Conn
	for i, fd := range fds {
		file := os.NewFile(uintptr(fd), "pair")
		if ends[i], err = net.FileConn(file); err != nil {
			t.Fatal(err)
		}
		_ = file.Close()
	}
	return ends[0], ends[1]
}
