//go:build linux

package endtoend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// answered is what became of an invocation, as Lambda hears of it.
type answered struct {
	id, kind string // response or error
	header   http.Header
	body     []byte
	trailer  http.Header
	cut      error // why the body has no end
}

// api is Lambda's side of the Runtime API, for any number of invocations at once.
type api struct {
	*httptest.Server
	t       testing.TB
	events  chan pending
	answers chan answered
	polls   chan struct{} // one for each poll
	// hold is called before an answer is accepted, and may wait.
	hold func(id string)
	// parts has one for each read of a streamed answer; a GET of /go-on takes one.
	parts chan struct{}

	mu   sync.Mutex
	sent int
}

type pending struct {
	id    string
	event []byte
}

func newAPI(t testing.TB) *api {
	t.Helper()
	a := &api{
		t: t, events: make(chan pending, 1024), answers: make(chan answered, 1024), polls: make(chan struct{}, 4096), parts: make(chan struct{}, 4096),
		hold: func(string) {},
	}
	ctx, cancel := context.WithCancel(context.Background())
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) { a.next(ctx, w, r) })
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/{kind}", a.answer)
	mux.HandleFunc("GET /go-on", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-a.parts:
		case <-r.Context().Done():
		}
	})
	a.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		cancel()
		a.Close()
	})
	return a
}

func (a *api) next(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	a.polls <- struct{}{}
	select {
	case p := <-a.events:
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", p.id)
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:"+functionName)
		w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(10*time.Minute).UnixMilli()))
		w.Header().Set("Content-Length", fmt.Sprint(len(p.event)))
		_, _ = w.Write(p.event)
	case <-r.Context().Done():
	case <-ctx.Done():
	}
}

func (a *api) answer(w http.ResponseWriter, r *http.Request) {
	got := answered{id: r.PathValue("id"), kind: r.PathValue("kind"), header: r.Header}
	var body bytes.Buffer
	buffer := make([]byte, 64<<10)
	for got.cut == nil {
		n, err := r.Body.Read(buffer)
		body.Write(buffer[:n])
		if n > 0 && r.Header.Get("Lambda-Runtime-Function-Response-Mode") != "" {
			a.parts <- struct{}{}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		got.cut = err
	}
	got.body, got.trailer = body.Bytes(), r.Trailer
	a.hold(got.id)
	w.WriteHeader(http.StatusAccepted)
	a.answers <- got
}

// send queues an event and returns its request's id.
func (a *api) send(event []byte) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent++
	id := fmt.Sprintf("request-%d", a.sent)
	a.events <- pending{id, event}
	return id
}

// take waits for an answer.
func (a *api) take() answered {
	a.t.Helper()
	select {
	case got := <-a.answers:
		return got
	case <-time.After(patience):
		a.t.Fatal("no answer")
		return answered{}
	}
}

// awaitPolls waits until the runtime has polled a number of times.
func (a *api) awaitPolls(count int) {
	a.t.Helper()
	for range count {
		select {
		case <-a.polls:
		case <-time.After(patience):
			a.t.Fatal("the runtime doesn't poll")
		}
	}
}

func (a *api) address() string { return strings.TrimPrefix(a.URL, "http://") }
