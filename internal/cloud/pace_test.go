package cloud

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/lambdasim"
)

// diary is a pacer that writes down what it's told.
type diary struct {
	mu     sync.Mutex // guards lines
	lines  []string
	gap    time.Duration
	refuse error
}

// Wait notes the call and waits for the gap.
func (d *diary) Wait(ctx context.Context, account, region, class string) error {
	d.note("wait " + account + " " + region + " " + class)
	if d.refuse != nil {
		return d.refuse
	}
	select {
	case <-time.After(d.gap):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Answered notes the outcome.
func (d *diary) Answered(_, _, class string, throttled bool) {
	d.note(fmt.Sprintf("answered %s %t", class, throttled))
}

func (d *diary) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

// sequence answers with one status after the other, then with 200.
func sequence(sent func(), answers ...func(*http.Request) (*http.Response, error)) HTTPClient {
	return doFunc(func(q *http.Request) (*http.Response, error) {
		sent()
		if len(answers) == 0 {
			return response(q, 200, nil, `{"Configuration":{"FunctionArn":"arn:aws:lambda:eu-west-1:111111111111:function:fn"}}`), nil
		}
		answer := answers[0]
		answers = answers[1:]
		return answer(q)
	})
}

func refusal(status int, code string) func(*http.Request) (*http.Response, error) {
	return func(q *http.Request) (*http.Response, error) {
		return response(q, status, http.Header{"X-Amzn-Errortype": {code}}, `{"message":"x"}`), nil
	}
}

func TestEveryAttemptIsPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{gap: time.Second}
		lost := func(*http.Request) (*http.Response, error) { return nil, errors.New("connection reset by peer") }
		r := openThen(t, Config{Pacer: d, Jitter: func() float64 { return 0 }},
			sequence(func() { d.note("sent") }, refusal(429, "TooManyRequestsException"), refusal(500, "ServiceException"), lost))
		begin := time.Now()
		if _, err := r.GetFunction(t.Context(), "fn"); err != nil {
			t.Fatal(err)
		}
		wait := "wait " + home + " eu-west-1 get-function"
		want := []string{
			wait, "sent", "answered get-function true", wait, "sent", "answered get-function false",
			wait, "sent", "answered get-function false", wait, "sent", "answered get-function false",
		}
		if diff := cmp.Diff(want, d.lines); diff != "" {
			t.Errorf("diary (-want +got):\n%s", diff)
		}
		// Four gaps, and half of 250, 500 and 1,000 ms.
		if took := time.Since(begin); took != 4*time.Second+875*time.Millisecond {
			t.Errorf("took %s", took)
		}
	})
}

func TestClasses(t *testing.T) {
	d := &diary{}
	w := newWorld(lambdasim.Options{})
	w.PutFunction(home, ireland, lambdasim.FunctionSpec{Name: "fn", Runtime: "python3.13", Handler: "a.b"})
	r := openHome(t, w.Client(), Config{Pacer: d, Regions: []string{ireland}})
	calls := []struct {
		class string
		call  func() error
	}{
		{"shared", func() error { _, _, err := r.ListFunctions(t.Context(), ""); return err }},
		{"get-function", func() error { _, err := r.GetFunction(t.Context(), "fn"); return err }},
		{"shared", func() error { _, err := r.LayerVersions(t.Context(), "x"); return err }},
		{"tagging", func() error { _, err := r.FunctionTags(t.Context()); return err }},
		{"iam", func() error { _, err := r.DeniedActions(t.Context(), []string{"lambda:GetFunction"}); return err }},
		{"metrics", func() error { _, err := r.Observe(t.Context(), []string{"fn"}); return err }},
	}
	if want := []string{"wait " + home + " eu-west-1 account", "answered account false"}; !cmp.Equal(d.lines, want) {
		t.Errorf("Open: %q", d.lines)
	}
	for _, c := range calls {
		d.lines = nil
		if err := c.call(); err != nil {
			t.Fatal(err)
		}
		if want := []string{"wait " + home + " eu-west-1 " + c.class, "answered " + c.class + " false"}; !cmp.Equal(d.lines, want) {
			t.Errorf("diary = %q, want %q", d.lines, want)
		}
	}
}

func TestPacerEndsACall(t *testing.T) {
	sent := 0
	r := openThen(t, Config{Pacer: &diary{gap: time.Hour}}, sequence(func() { sent++ }))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.GetFunction(ctx, "fn"); !errors.Is(err, context.Canceled) || sent > 0 {
		t.Errorf("%d sent, %v", sent, err)
	}
	d := &diary{refuse: errors.New("no budget left")}
	r = openThen(t, Config{Pacer: d}, sequence(func() { sent++ }))
	_, err := r.GetFunction(t.Context(), "fn")
	checkError(t, err, []string{"throttled", "GetFunction fn: not sent: no budget left", "--rate"})
	if sent > 0 || len(d.lines) != 1 {
		t.Errorf("%d sent, %q", sent, d.lines)
	}
}

func TestAttemptsAreLogged(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w := newWorld(lambdasim.Options{})
	w.PutFunction(home, ireland, lambdasim.FunctionSpec{Name: "fn", Runtime: "python3.13", Handler: "a.b", Env: map[string]string{"SECRET": "canary"}})
	r := openHome(t, w.Client(), Config{Logger: logger})
	if _, err := r.GetFunction(t.Context(), "fn"); err != nil {
		t.Fatal(err)
	}
	_, err := r.GetFunction(t.Context(), "missing")
	for _, part := range []string{
		"operation=GetFunction account=" + home + " region=eu-west-1 request_id=", "outcome=ok",
		"request_id=" + RequestID(err) + " outcome=ResourceNotFoundException",
	} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log lacks %q:\n%s", part, &log)
		}
	}
	if strings.Contains(log.String(), "canary") {
		t.Error("the log shows a variable's value")
	}
}

// TestRetriesHaveNoBudget makes more retries than the SDK's own budget of them
// would pay for.
func TestRetriesHaveNoBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		r := openThen(t, Config{}, doFunc(func(q *http.Request) (*http.Response, error) {
			if sent++; sent%5 != 0 {
				return refusal(429, "TooManyRequestsException")(q)
			}
			return response(q, 200, nil, `{"Functions":[]}`), nil
		}))
		for range 100 {
			if _, _, err := r.ListFunctions(t.Context(), ""); err != nil {
				t.Fatalf("after %d attempts: %v", sent, err)
			}
		}
	})
}

// TestCallsUnderQuota sends more calls at once than AWS takes in a second.
func TestCallsUnderQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(lambdasim.Options{Quotas: lambdasim.AWSQuotas()})
		r := openHome(t, w.Client(), Config{MaxAttempts: 12})
		var running sync.WaitGroup
		for range 60 {
			running.Go(func() {
				if _, _, err := r.ListFunctions(t.Context(), ""); err != nil {
					t.Error(err)
				}
			})
		}
		running.Wait()
		if w.Stats().Throttled() == 0 {
			t.Error("nothing was throttled: the test shows nothing")
		}
	})
}

func TestBackoff(t *testing.T) {
	tests := []struct {
		attempt int
		jitter  float64
		want    time.Duration
	}{
		{0, 0, 125 * time.Millisecond},
		{1, 0, 125 * time.Millisecond},
		{1, 0.5, 187500 * time.Microsecond},
		{2, 0, 250 * time.Millisecond},
		{7, 0, 8 * time.Second},
		{8, 0, 10 * time.Second},
		{64, 0, 10 * time.Second},
		{1 << 40, 0.999999999, 19999999990 * time.Nanosecond},
	}
	for _, tt := range tests {
		if got := backoff(tt.attempt, tt.jitter); got != tt.want {
			t.Errorf("backoff(%d, %g) = %s, want %s", tt.attempt, tt.jitter, got, tt.want)
		}
	}
}

func TestThrottledCallsEndAsSuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		r := openThen(t, Config{}, doFunc(func(q *http.Request) (*http.Response, error) {
			sent++
			return refusal(429, "TooManyRequestsException")(q)
		}))
		_, err := r.GetFunction(t.Context(), "fn")
		if autodefend.ErrorCode(err) != autodefend.CodeThrottled || sent != 8 {
			t.Errorf("%d attempts, %v", sent, err)
		}
	})
}
