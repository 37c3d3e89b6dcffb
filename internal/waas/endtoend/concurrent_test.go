//go:build linux

package endtoend

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/defend"
	"github.com/autodefend/autodefend/internal/runtimeapi"
)

// pollers is how many invocations the function takes at once.
const pollers = 8

// inside is a Defender with its proxy in this process, where the race detector sees it, and a runtime beside it.
type inside struct {
	mu   sync.Mutex
	seen map[string]bool
	log  bytes.Buffer
}

func (i *inside) Write(line []byte) (int, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.log.Write(line)
}

// state returns which requests the handler saw, and the log.
func (i *inside) state() (map[string]bool, string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.seen, i.log.String()
}

// beside starts the runtime.
func beside(t *testing.T, a *api, tw string) *inside {
	t.Helper()
	i := &inside{seen: map[string]bool{}}
	var ids atomic.Int64
	defender, err := defend.New(defend.Config{
		Policy: tw, Function: defend.Function{Name: functionName, Region: "us-east-1"}, Log: slog.New(slog.NewJSONHandler(i, nil)), Lines: i, Now: time.Now,
		NewID: func() string { return fmt.Sprintf("%032x", ids.Add(1)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	proxy := runtimeapi.NewProxy(runtimeapi.Config{Listener: listener, Upstream: a.address(), Hooks: runtimeapi.Hooks{
		Next: defender.Next, Response: defender.Responded,
		Invocation: func(ctx context.Context, event *runtimeapi.Invocation) (*runtimeapi.Reply, error) {
			defender.Invoked(event.RequestID, event.ARN)
			refusal := defender.Inspect(ctx, defend.Invocation{RequestID: event.RequestID, Deadline: event.Deadline, Event: event.Event})
			if refusal == nil {
				return nil, nil
			}
			return &runtimeapi.Reply{Failed: refusal.Failed, Body: refusal.Body}, nil
		},
	}})
	served, ran := make(chan error, 1), make(chan struct{})
	go func() { served <- proxy.Serve() }()
	client := runtimeClient{base: "http://" + listener.Addr().String(), handle: echo, saw: func(id string) {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.seen[id] = true
	}}
	go func() {
		defer close(ran)
		client.run(pollers)
	}()
	t.Cleanup(func() {
		if err := errors.Join(proxy.Close(), <-served); err != nil {
			t.Error(err)
		}
		<-ran
	})
	return i
}

// eachDefender runs a test with a Defender in this process and with the real program. Seen returns the requests that the
// handler saw, and the log.
func eachDefender(t *testing.T, test func(t *testing.T, a *api, seen func() (map[string]bool, string))) {
	t.Helper()
	t.Run("in this process", func(t *testing.T) {
		a := newAPI(t)
		test(t, a, beside(t, a, encoded(t, rule(autodefend.Prevent))).state)
	})
	t.Run("program", func(t *testing.T) {
		a := newAPI(t)
		p := launch(t, a, fmt.Sprint(pollers), encoded(t, rule(autodefend.Prevent), both))
		test(t, a, func() (map[string]bool, string) {
			seen, log := map[string]bool{}, p.log()
			for line := range strings.Lines(log) {
				if id, found := strings.CutPrefix(strings.TrimSpace(line), "seen "); found {
					seen[id] = true
				}
			}
			return seen, log
		})
	})
}

// eventually waits for what a process has said to be read: its answers come another way, and may be sooner.
func eventually(happened func() bool) bool {
	for began := time.Now(); !happened(); {
		if time.Since(began) > patience {
			return false
		}
		time.Sleep(time.Millisecond)
	}
	return true
}

// hostile tells which of the events that follow one another is an attack.
func hostile(n int) bool { return n%3 == 0 }

func numbered(t *testing.T, n int) []byte {
	text := fmt.Sprintf("a book of %d tales", n)
	if hostile(n) {
		text += attacks()[n%len(attacks())].text
	}
	return bytesOf(t, triggers()[0].carry(text))
}

// TestConcurrency: of many invocations at once each gets its own answer.
func TestConcurrency(t *testing.T) {
	const count = 20 * pollers
	eachDefender(t, func(t *testing.T, a *api, seen func() (map[string]bool, string)) {
		events := map[string]int{}
		for n := range count {
			events[a.send(numbered(t, n))] = n
		}
		got := map[string]answered{}
		for range count {
			answer := a.take()
			got[answer.id] = answer
		}
		saw, byRequest := map[string]bool{}, map[string]int{}
		eventually(func() bool {
			var log string
			saw, log = seen()
			clear(byRequest)
			for _, audit := range audits([]byte(log)) {
				byRequest[audit.RequestID]++
			}
			return len(saw)+len(byRequest) == count
		})
		for id, n := range events {
			answer := got[id]
			if hostile(n) == saw[id] || hostile(n) != (byRequest[id] > 0) {
				t.Errorf("%s: hostile %v, seen %v, %d audits", id, hostile(n), saw[id], byRequest[id])
			}
			answer.check(t, hostile(n), numbered(t, n))
		}
	})
}

// check compares an answer with the event that it's to.
func (a answered) check(t *testing.T, refused bool, event []byte) {
	t.Helper()
	var got struct {
		ID         string `json:"id"`
		Event      string `json:"event"`
		StatusCode int    `json:"statusCode"`
		Body       string `json:"body"`
	}
	if err := json.Unmarshal(a.body, &got); err != nil || a.cut != nil || a.kind != "response" {
		t.Errorf("%s: %s %q: %v, %v", a.id, a.kind, a.body, err, a.cut)
		return
	}
	if refused && (got.StatusCode != 403 || !strings.Contains(got.Body, `"requestId":"`+a.id+`"`)) {
		t.Errorf("%s is answered with %s, not refused", a.id, a.body)
	}
	if !refused && (got.ID != a.id || got.Event != string(event)) {
		t.Errorf("%s is answered with %.200s", a.id, a.body)
	}
}

// TestRefusalsHoldNobodyUp: while Lambda takes its time with refused events, others are answered.
func TestRefusalsHoldNobodyUp(t *testing.T) {
	const stuck, others = pollers / 2, 5 * pollers
	eachDefender(t, func(t *testing.T, a *api, seen func() (map[string]bool, string)) {
		held, release := make(chan struct{}, stuck), make(chan struct{})
		a.hold = func(id string) {
			if n, err := strconv.Atoi(strings.TrimPrefix(id, "request-")); err == nil && n <= stuck {
				held <- struct{}{}
				<-release
			}
		}
		attack := bytesOf(t, rest(attacks()[0].text))
		for range stuck {
			a.send(attack)
		}
		for range stuck {
			select {
			case <-held:
			case <-time.After(patience):
				t.Fatal("an attack isn't answered")
			}
		}
		event := bytesOf(t, rest("a book"))
		for range others {
			a.send(event)
		}
		for range others {
			a.take().check(t, false, event)
		}
		close(release)
		for range stuck {
			a.take().check(t, true, attack)
		}
		var saw map[string]bool
		if !eventually(func() bool { saw, _ = seen(); return len(saw) == others }) {
			t.Errorf("the handler saw %d events, want %d", len(saw), others)
		}
	})
}

// TestStreamPassesInParts: a part of an answer is with Lambda before the next one is made; headers, an error on the way
// and an end that comes too early pass, too.
func TestStreamPassesInParts(t *testing.T) {
	a := newAPI(t)
	p := launch(t, a, roleStream, encoded(t, rule(autodefend.Prevent)))
	whole := ""
	for n := range parts {
		whole += part(n)
	}
	half := strings.Join(strings.SplitAfter(whole, "\n")[:parts/2], "")
	for _, tt := range []struct {
		path, body, failure string
		cut                 error
	}{{path: "/all", body: whole}, {path: "/fail", body: half, failure: "Function.Broken"}, {path: "/cut", body: half, cut: io.ErrUnexpectedEOF}} {
		id := a.send(bytesOf(t, urlRequest("GET", tt.path, "text/plain", "")))
		got := a.take()
		if got.id != id || string(got.body) != tt.body || got.trailer.Get("Lambda-Runtime-Function-Error-Type") != tt.failure || !errors.Is(got.cut, tt.cut) {
			t.Errorf("%s is answered with %q, trailers %v, %v", tt.path, got.body, got.trailer, got.cut)
		}
		if mode := got.header.Get("Lambda-Runtime-Function-Response-Mode"); mode != "streaming" || got.header.Get("Content-Type") != "application/vnd.awslambda.http-integration-response" {
			t.Errorf("%s: headers %v", tt.path, got.header)
		}
	}
	if code := p.ended(); code != exitedInCut {
		t.Errorf("exit code %d, want %d; the log\n%s", code, exitedInCut, p.log())
	}
}
