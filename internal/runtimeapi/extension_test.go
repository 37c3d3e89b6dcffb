package runtimeapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// fakeExtensions plays the Extensions API from a list of answers, one for each request, and notes the requests.
type fakeExtensions struct {
	answers []string
	seen    []string
}

// RoundTrip answers as the next entry says: "drop", or a status, an identifier and a body.
func (f *fakeExtensions) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	f.seen = append(f.seen, strings.TrimSpace(fmt.Sprintf("%s %s %s%s %s", r.Method, r.URL.Path,
		r.Header.Get("Lambda-Extension-Name"), r.Header.Get("Lambda-Extension-Identifier"), body)))
	if len(f.answers) == 0 {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	answer := f.answers[0]
	f.answers = f.answers[1:]
	var status int
	var identifier, content string
	if n, _ := fmt.Sscanf(answer, "%d %s %s", &status, &identifier, &content); n < 2 {
		return nil, errors.New(answer)
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Lambda-Extension-Identifier": {strings.Trim(identifier, "-")}},
		Body: io.NopCloser(strings.NewReader(content)),
	}, nil
}

// TestExtension plays lives of an extension in virtual time.
func TestExtension(t *testing.T) {
	const (
		register = `POST /2020-01-01/extension/register autodefend {"events":["SHUTDOWN"]}`
		next     = "GET /2020-01-01/extension/event/next id"
		shutdown = `200 - {"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":1}`
	)
	tests := map[string]struct {
		answers, seen []string
		shutdown      bool
		took          time.Duration
	}{
		"normal":                 {[]string{"200 id {}", shutdown}, []string{register, next}, true, 0},
		"other events":           {[]string{"200 id {}", `200 - {"eventType":"INVOKE"}`, shutdown}, []string{register, next, next}, true, 0},
		"API not there yet":      {[]string{"drop", "500 - {}", "200 id {}", shutdown}, []string{register, register, register, next}, true, 2 * time.Second},
		"poll fails":             {[]string{"200 id {}", "drop", "503 - {}", "200 - <html>", shutdown}, []string{register, next, next, next, next}, true, 3 * time.Second},
		"registration refused":   {[]string{"403 - {}"}, []string{register}, false, time.Hour},
		"no identifier":          {[]string{"200 - {}"}, []string{register}, false, time.Hour},
		"identifier not known":   {[]string{"200 id {}", "403 - {}"}, []string{register, next}, false, time.Hour},
		"nothing ever happens":   {[]string{"200 id {}"}, []string{register, next}, false, time.Hour},
		"frozen and gone wrong":  {[]string{"200 id {}", "drop", "400 - {}"}, []string{register, next, next}, false, time.Hour},
		"redirected to nowhere":  {[]string{"301 - {}", "200 id {}", shutdown}, []string{register, register, next}, true, time.Second},
		"registration times out": {nil, []string{register}, false, time.Hour},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				fake := &fakeExtensions{answers: tt.answers}
				start, called := time.Now(), 0
				err := runExtension(ctx, Extension{Name: "/opt/extensions/autodefend", API: "127.0.0.1:9001"}, func() { called++ }, fake)
				if tt.shutdown && (called != 1 || err != nil) || !tt.shutdown && (called != 0 || !errors.Is(err, context.DeadlineExceeded)) {
					t.Errorf("called %d times, %v", called, err)
				}
				if took := time.Since(start); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
				if got, want := strings.Join(fake.seen, "\n"), strings.Join(tt.seen, "\n"); got != want {
					t.Errorf("Lambda saw\n%s\nwant\n%s", got, want)
				}
			})
		})
	}
}

// TestExtensionWithoutAPI: where there is no Lambda, the extension waits and harms nobody.
func TestExtensionWithoutAPI(t *testing.T) {
	for _, api := range []string{"", "not an address", "127.0.0.1:1"} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		err := RunExtension(ctx, Extension{Name: "autodefend", API: api}, func() { t.Error("called") })
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%q: %v", api, err)
		}
		cancel()
	}
}

// TestExtensionSpeaksHTTP runs the real client once against bytes.
func TestExtensionSpeaksHTTP(t *testing.T) {
	l := listen(t)
	defer l.Close()
	done := make(chan error, 1)
	called := false
	go func() {
		done <- RunExtension(t.Context(), Extension{Name: "autodefend", API: l.Addr().String()}, func() { called = true })
	}()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	in := newStream(conn, nil)
	for _, answer := range []string{
		"HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: id\r\nContent-Length: 2\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n{\"eventType\":\"SHUTDOWN\"}",
	} {
		r, head, err := in.request()
		if err != nil || in.skip(head, &r.body) != nil {
			t.Fatalf("request: %v", err)
		}
		if _, err := io.WriteString(conn, answer); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-done; err != nil || !called {
		t.Errorf("called: %v, %v", called, err)
	}
}

func TestPassthrough(t *testing.T) {
	l, lambda := listen(t), listen(t)
	done := make(chan error, 1)
	go func() { done <- Passthrough(l, lambda.Addr().String()) }()
	b := &bench{t: t, lambda: lambda, addr: l.Addr().String()}
	for name, steps := range map[string][]string{
		"invocation": {">" + poll, "<" + eventWith("a", "Content-Length: 2", "{}"), ">" + answerTo("a", "response", "null"), "<" + accepted, ">EOF", "<EOF"},
		"no HTTP":    {">\x00", "<\x00", "<EOF", ">more", ">EOF"},
	} {
		t.Run(name, func(t *testing.T) { play(b, steps) })
	}
	_ = lambda.Close()
	client := b.dial()
	if _, err := client.Read(make([]byte, 1)); err == nil || errors.Is(err, net.ErrClosed) {
		t.Errorf("without Lambda: %v", err)
	}
	_ = l.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
