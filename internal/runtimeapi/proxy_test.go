package runtimeapi

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait of the tests; none is expected to come near it.
const patience = 20 * time.Second

// bench is a proxy between a client and a Lambda that a test plays byte by byte.
type bench struct {
	t      testing.TB
	proxy  *Proxy
	lambda *net.TCPListener
	addr   string
	log    *bytes.Buffer
}

func newBench(t testing.TB, hooks Hooks) *bench {
	t.Helper()
	b := &bench{t: t, lambda: listen(t), log: &bytes.Buffer{}}
	l := listen(t)
	b.addr = l.Addr().String()
	b.proxy = NewProxy(Config{Listener: l, Upstream: b.lambda.Addr().String(), Hooks: hooks, Log: slog.New(slog.NewJSONHandler(b.log, nil))})
	served := make(chan error, 1)
	go func() { served <- b.proxy.Serve() }()
	t.Cleanup(func() {
		if err := b.proxy.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
		_ = b.lambda.Close()
	})
	return b
}

func listenLoopback() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }

func listen(t testing.TB) *net.TCPListener {
	t.Helper()
	l, err := listenLoopback()
	if err != nil {
		t.Fatal(err)
	}
	return l.(*net.TCPListener)
}

// peer is one end of a relayed connection.
type peer struct {
	t    testing.TB
	name string
	*net.TCPConn
}

func (b *bench) dial() *peer {
	b.t.Helper()
	conn, err := net.Dial("tcp", b.addr)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.peer("client", conn)
}

func (b *bench) accept() *peer {
	b.t.Helper()
	_ = b.lambda.SetDeadline(time.Now().Add(patience))
	conn, err := b.lambda.Accept()
	if err != nil {
		b.t.Fatal(err)
	}
	return b.peer("Lambda", conn)
}

func (b *bench) peer(name string, conn net.Conn) *peer {
	b.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &peer{b.t, name, conn.(*net.TCPConn)}
}

func (p *peer) send(s string) {
	p.t.Helper()
	if _, err := io.WriteString(p, s); err != nil {
		p.t.Fatalf("%s sends: %v", p.name, err)
	}
}

func (p *peer) expect(want string) {
	p.t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(p, got)
	if string(got[:n]) != want {
		p.t.Fatalf("%s got %d bytes %.200q (%v), want %d bytes %.200q", p.name, n, got[:n], err, len(want), want)
	}
}

// end is how a connection ends: io.EOF or syscall.ECONNRESET. Bytes before it are unexpected.
func (p *peer) end(want error) {
	p.t.Helper()
	rest, err := io.ReadAll(p)
	if err == nil {
		err = io.EOF
	}
	if len(rest) > 0 || !errors.Is(err, want) {
		p.t.Fatalf("%s got %.200q and %v, want %v", p.name, rest, err, want)
	}
}

// TestRelay plays exchanges: what one side sends is what the other gets, to the byte, before the next step is made.
// Steps that start with ">" are the runtime's, with "<" Lambda's; ">EOF" and "<EOF" end a direction. "+" is ">" for a
// part of a head, which arrives with the rest.
func TestRelay(t *testing.T) {
	const get = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nUser-Agent: aws-lambda-python/3.13\r\n\r\n"
	event := "HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: 8476a536\r\nContent-Length: 2\r\nX-Odd-cAsE:  spaced \t\r\n\r\n{}"
	big := strings.Repeat("0123456789abcdef", 4<<10)
	tests := map[string][]string{
		"invocation": {
			">" + get, "<" + event,
			">POST /2018-06-01/runtime/invocation/8476a536/response HTTP/1.1\r\ncontent-length: 4\r\n\r\nnull",
			"<HTTP/1.1 202 Accepted\r\nDate: today\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n",
			">" + get, "<" + event, ">EOF", "<EOF",
		},
		"split anywhere": {
			"+GET /x HT", "+TP/1.1\r", "+\n\r", ">\nGET /y HTTP/1.1\r\n\r\n",
		},
		"streaming response with error trailers": {
			">POST /2018-06-01/runtime/invocation/1/response HTTP/1.1\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n" +
				"Transfer-Encoding: chunked\r\nTrailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n",
			">5\r\nhello\r\n", ">00A;ext=\"a b\"\r\n0123456789\r\n",
			">0\r\nLambda-Runtime-Function-Error-Type: Runtime.Broken\r\nLambda-Runtime-Function-Error-Body: e30=\r\nundeclared: too\r\n\r\n",
			"<HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n",
			">" + get, "<" + event,
		},
		"large chunk and body": {
			">POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n" + big + "\r\n0\r\n\r\n",
			"<HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n" + big,
			">POST /b HTTP/1.1\r\nContent-Length: 131072\r\n\r\n" + big, ">" + big,
			"<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n" + big + "\r\n0\r\nA: b\r\n\r\n",
			">" + get, "<" + event,
		},
		"continue": {
			">POST /c HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
			"<HTTP/1.1 100 Continue\r\n\r\n", ">abc",
			"<HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 0\r\n\r\n",
			">" + get, "<" + event,
		},
		"early refusal": {
			">POST /c HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
			"<HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "<EOF",
		},
		"HTTP/1.0": {
			">GET /2021-04-23/credentials HTTP/1.0\r\n\r\n", "<HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end", "<, later", "<EOF",
		},
		"half-closed by the runtime": {
			">" + get, ">EOF", "<" + event, "<EOF",
		},
		"no bodies": {
			">HEAD /ping HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n",
			">GET /a HTTP/1.1\r\n\r\n", "<HTTP/1.1 204 No Content\r\n\r\n",
			">GET /a HTTP/1.1\r\n\r\n", "<HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n",
			">OPTIONS * HTTP/1.1\r\n\r\n", "<HTTP/1.1 200\r\nContent-Length:0\r\n\r\n",
			">BREW /2018-06-01/runtime/tea HTTP/1.1\r\n\r\n", "<HTTP/1.1 418 I'm a teapot\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n",
		},
		"pipelined": {
			">GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n",
			"<HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2",
		},
		"SnapStart and others": {
			">GET /2018-06-01/runtime/restore/next HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
			">POST /2018-06-01/runtime/restore/error HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", "<HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n",
			">PUT /2022-07-01/telemetry HTTP/1.1\r\nLambda-Extension-Identifier: x\r\nContent-Length: 2\r\n\r\n{}", "<HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK",
			">POST /2020-01-01/extension/register HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", "<HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
		},
		"another protocol offered in vain": {
			">GET /a HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n\r\n",
			"<HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ">" + get, "<" + event,
		},
		"another protocol": {
			">GET /up HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n", "<HTTP/1.1 101 Switching Protocols\r\n\r\nhi",
			">\x00\x01no HTTP", "<at all", ">EOF", "<EOF",
		},
		"bare line feeds": {
			">GET /a HTTP/1.1\nHost: x\n\n", "<HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
		},
		"what Lambda says is passed on, understood or not": {
			">GET /a HTTP/1.1\r\n\r\n", "<HTTP/2 200\r\n\r\nwhatever", "<EOF",
		},
		"idle connection ended with a word": {
			">GET /a HTTP/1.1\r\n\r\n", "<HTTP/1.1 204 No Content\r\n\r\n", "<HTTP/1.1 408 Request Timeout\r\n\r\nbye", "<EOF",
		},
		"cut short by Lambda": {
			">GET /a HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345", "<EOF",
		},
		"cut short by the runtime": {
			">POST /a HTTP/1.1\r\nContent-Length: 10\r\n\r\n12345", ">EOF", "<HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "<EOF",
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(newBench(t, Hooks{}), steps)
		})
	}
}

func play(b *bench, steps []string) {
	client := b.dial()
	var lambda *peer
	var held string
	for _, step := range steps {
		from, to := client, lambda
		if step[0] == '<' {
			from, to = lambda, client
		}
		if step[1:] == "EOF" {
			_ = from.CloseWrite()
			to.end(io.EOF)
			continue
		}
		from.send(step[1:])
		held += step[1:]
		if lambda == nil {
			lambda = b.accept()
			to = lambda
		}
		if step[0] == '+' {
			continue
		}
		to.expect(held)
		held = ""
	}
}

func TestLambdaDies(t *testing.T) {
	for name, head := range map[string]string{"before": "", "within a body": "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12"} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Hooks{})
			client := b.dial()
			const get = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n"
			client.send(get)
			lambda := b.accept()
			lambda.expect(get)
			lambda.send(head)
			client.expect(head)
			_ = lambda.SetLinger(0)
			_ = lambda.Close()
			client.end(syscall.ECONNRESET)
		})
	}
}
