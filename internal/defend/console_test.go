package defend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

// fakeConsole keeps what it gets and answers what it is told to.
type fakeConsole struct {
	mu      sync.Mutex
	posts   [][]string // ids
	postErr []error    // of the next posts
	slow    time.Duration
	policy  string
	tag     string
	asked   []string // tags
	err     error
}

func (c *fakeConsole) PostAudits(ctx context.Context, audits []autodefend.Audit) error {
	var ids []string
	for _, a := range audits {
		ids = append(ids, a.ID)
	}
	return c.post(ctx, ids)
}

func (c *fakeConsole) PostFirewallAudits(ctx context.Context, audits []autodefend.FirewallAudit) error {
	var ids []string
	for _, a := range audits {
		ids = append(ids, "firewall "+a.ID)
	}
	return c.post(ctx, ids)
}

func (c *fakeConsole) post(ctx context.Context, ids []string) error {
	if err := c.wait(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.posts = append(c.posts, ids)
	if len(c.postErr) == 0 {
		return nil
	}
	err := c.postErr[0]
	c.postErr = c.postErr[1:]
	return err
}

func (c *fakeConsole) Policy(ctx context.Context, tag string) (string, string, error) {
	if err := c.wait(ctx); err != nil {
		return "", "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, tag)
	if c.err != nil || tag == c.tag {
		return "", tag, c.err
	}
	return c.policy, c.tag, nil
}

func (c *fakeConsole) wait(ctx context.Context) error {
	if c.slow == 0 {
		return nil
	}
	select {
	case <-time.After(c.slow):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *fakeConsole) sent() [][]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.posts
}

func audit(n int) autodefend.Audit { return autodefend.Audit{ID: fmt.Sprint(n)} }

// TestOutbox runs in virtual time.
func TestOutbox(t *testing.T) {
	unreachable := errors.New("unreachable")
	refused := &autodefend.Error{Code: autodefend.CodeInvalid, Message: "no"}
	tests := []struct {
		name string
		errs []error
		slow time.Duration
		run  func(o *outbox[autodefend.Audit])
		want [][]string
		log  string
	}{
		{"flush sends at once", nil, 0, func(o *outbox[autodefend.Audit]) {
			o.add(audit(1), 300)
			o.add(audit(2), 300)
			o.flush(context.Background(), false)
		}, [][]string{{"1", "2"}}, ""},
		{"without a flush after a while", nil, 0, func(o *outbox[autodefend.Audit]) {
			o.add(audit(1), 300)
			time.Sleep(2 * linger)
		}, [][]string{{"1"}}, ""},
		{"the same again after a failure", []error{unreachable}, 0, func(o *outbox[autodefend.Audit]) {
			o.add(audit(1), 300)
			o.flush(context.Background(), false)
			o.flush(context.Background(), false)
		}, [][]string{{"1"}, {"1"}}, ""},
		{"what is refused isn't sent again", []error{refused}, 0, func(o *outbox[autodefend.Audit]) {
			o.add(audit(1), 300)
			o.flush(context.Background(), false)
			o.flush(context.Background(), false)
		}, [][]string{{"1"}}, "audits=1"},
		{"a slow Console holds nobody up, and what it took isn't sent again", nil, 3 * time.Second, func(o *outbox[autodefend.Audit]) {
			o.add(audit(1), 300)
			began := time.Now()
			ctx, cancel := context.WithTimeout(context.Background(), flushAfterResponse)
			defer cancel()
			o.flush(ctx, false)
			if took := time.Since(began); took > flushAfterResponse {
				t.Errorf("flush took %s", took)
			}
			time.Sleep(10 * time.Second)
			o.flush(context.Background(), false)
		}, [][]string{{"1"}}, ""},
		{"nothing to send", nil, 0, func(o *outbox[autodefend.Audit]) { o.flush(context.Background(), false) }, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				console := &fakeConsole{postErr: tt.errs, slow: tt.slow}
				var log bytes.Buffer
				o := newOutbox(console.PostAudits, slog.New(slog.NewTextHandler(&log, nil)), time.Now)
				tt.run(o)
				time.Sleep(time.Minute)
				if diff := cmp.Diff(tt.want, console.sent()); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if !strings.Contains(log.String(), tt.log) {
					t.Errorf("no %q in %q", tt.log, log.String())
				}
			})
		})
	}
}

// TestOutboxIsBounded: what doesn't fit is counted, and what fits goes out in batches.
func TestOutboxIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		console := &fakeConsole{}
		var log bytes.Buffer
		o := newOutbox(console.PostAudits, slog.New(slog.NewTextHandler(&log, nil)), time.Now)
		for n := range outboxMax + 7 {
			o.add(audit(n), 300)
		}
		o.flush(context.Background(), false)
		synctest.Wait()
		posts := console.sent()
		if len(posts) != outboxMax/batchMax || len(posts[0]) != batchMax {
			t.Errorf("%d posts", len(posts))
		}
		if !strings.Contains(log.String(), "audits=7") {
			t.Errorf("the log doesn't say what was dropped: %s", log.String())
		}
	})
}

// connected makes a world with a Console.
func connected(t *testing.T, console *fakeConsole, change ...func(*policy.Envelope)) *world {
	t.Helper()
	w := &world{t: t, now: start}
	reachable := func(e *policy.Envelope) { e.Console.Address = "console.example.com" }
	config := w.config(seal(t, testKey, strict(autodefend.Alert), append(change, reachable)...))
	config.Console = func(policy.Console) (Console, error) { return console, nil }
	d, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	w.defender = d
	return w
}

func issued(after time.Duration) func(*policy.Envelope) {
	return func(e *policy.Envelope) { e.Issued = start.Add(after) }
}

// TestRefresh lets time pass between polls for events; the Console has a policy that prevents.
func TestRefresh(t *testing.T) {
	newer := seal(t, testKey, strict(autodefend.Prevent), issued(time.Hour))
	broken := newer[:len(newer)-20] + strings.Repeat("A", 20)
	tests := []struct {
		name      string
		policy    string
		asks      int
		prevents  bool // afterwards
		hijacked  bool
		firstOnly bool // ask once only
	}{
		{"newer", newer, 2, true, false, false},
		{"older", seal(t, testKey, strict(autodefend.Prevent), issued(-time.Hour)), 2, false, false, false},
		{"of the same second", seal(t, testKey, strict(autodefend.Prevent)), 2, true, false, false},
		{"tampered with", broken, 2, false, true, false},
		{"of another key", seal(t, foreignKey, strict(autodefend.Prevent), issued(time.Hour)), 2, false, true, false},
		{"of another function", seal(t, testKey, strict(autodefend.Prevent), issued(time.Hour), func(e *policy.Envelope) { e.Target.Function = "payments" }), 2, false, true, false},
		{"of another region", seal(t, testKey, strict(autodefend.Prevent), issued(time.Hour), func(e *policy.Envelope) { e.Target.Region = "us-east-1" }), 2, false, true, false},
		{"no policy", "hello", 2, false, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				console := &fakeConsole{policy: tt.policy, tag: `"2"`}
				w := connected(t, console)
				w.defender.Next(t.Context())
				if len(console.asked) != 0 {
					t.Error("a policy of no age is refreshed")
				}
				for range tt.asks {
					w.pass(policy.DefaultInterval)
					w.defender.Next(t.Context())
				}
				if len(console.asked) != tt.asks {
					t.Errorf("asked %q", console.asked)
				}
				audits := w.audits()
				if hijacked := len(audits) > 0 && audits[0].AttackType == autodefend.AttackPolicyHijacked; hijacked != tt.hijacked {
					t.Errorf("audits %+v", audits)
				}
				if got := w.defender.Judge(shell()).Deny; got != tt.prevents {
					t.Errorf("prevents: %v, want %v; %s", got, tt.prevents, w.errors.String())
				}
				if applied := len(w.changed) > 0; applied != tt.prevents {
					t.Errorf("the tiers heard of %d changes", len(w.changed))
				}
				if tt.prevents && console.asked[1] != `"2"` {
					t.Errorf("asked with the tags %q", console.asked)
				}
				w.defender.Shutdown(t.Context())
			})
		})
	}
}

// TestRefreshAgain: a question that wasn't answered is repeated sooner than after the interval, each time later, and not
// before the Console wants it. The world's clock stands still between steps of a second.
func TestRefreshAgain(t *testing.T) {
	const interval = policy.DefaultInterval
	tests := []struct {
		name        string
		err         error
		least, most []time.Duration // of the pauses before the questions that follow the first
	}{
		{
			"unreachable", autodefend.Errorf(autodefend.CodeUnavailable, "the Console can't be reached"),
			[]time.Duration{interval / 16, interval / 8, interval / 4, interval / 2},
			[]time.Duration{interval / 8, interval / 4, interval / 2, interval},
		},
		{
			"asks to be left alone", errors.Join(later{time.Minute}, autodefend.Errorf(autodefend.CodeThrottled, "busy")),
			[]time.Duration{time.Minute},
			[]time.Duration{75 * time.Second},
		},
		{"refuses the token", autodefend.Errorf(autodefend.CodeDenied, "no"), []time.Duration{interval * 9 / 10}, []time.Duration{interval}},
		{"answers", nil, []time.Duration{interval * 9 / 10}, []time.Duration{interval}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				console := &fakeConsole{err: tt.err}
				w := connected(t, console)
				question := func() time.Duration {
					t.Helper()
					const step = time.Second
					for n := range 2 * interval / step {
						asked := len(console.asked)
						if w.defender.Next(t.Context()); len(console.asked) > asked {
							return n * step
						}
						w.pass(step)
					}
					t.Fatal("no question comes")
					return 0
				}
				question()
				for i := range tt.least {
					if pause := question(); pause < tt.least[i] || pause > tt.most[i]+time.Second {
						t.Errorf("question %d comes after %v, want %v to %v", i+2, pause, tt.least[i], tt.most[i])
					}
				}
				console.err = nil
				question()
				if pause := question(); pause < interval*9/10 {
					t.Errorf("a question after one that was answered comes after %v", pause)
				}
				w.defender.Shutdown(t.Context())
			})
		})
	}
}

// TestRefreshHoldsNobodyUp: a Console that answers late changes the policy late, and one poll alone waits for it.
func TestRefreshHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		console := &fakeConsole{policy: seal(t, testKey, strict(autodefend.Prevent), issued(time.Hour)), tag: "2", slow: 2 * time.Second}
		w := connected(t, console)
		w.pass(time.Hour)
		began := time.Now()
		for range 20 {
			w.defender.Next(t.Context())
		}
		if took := time.Since(began); took != refreshWait {
			t.Errorf("20 polls took %s", took)
		}
		time.Sleep(3 * time.Second)
		if !w.defender.Judge(shell()).Deny {
			t.Error("the late answer was not used")
		}
		w.defender.Shutdown(t.Context())
		time.Sleep(time.Minute)
	})
}

// TestRefreshAtOnce: after a restore, and when TW_POLICY is only a summary, the Console is asked without delay.
func TestRefreshAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		console := &fakeConsole{}
		w := connected(t, console)
		w.defender.Restored()
		w.defender.Next(t.Context())
		if len(console.asked) != 1 {
			t.Error("not asked after a restore")
		}
		console = &fakeConsole{}
		w = connected(t, console, func(e *policy.Envelope) { e.Summary = true })
		w.defender.Refresh(t.Context())
		if len(console.asked) != 1 {
			t.Error("not asked for the rest of a summary")
		}
	})
}

// TestFirstPollWaits: the rest of a summary, which was asked for while the runtime started, holds for the first event when it
// comes in time. What asked has waited for it, too.
func TestFirstPollWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		console := &fakeConsole{policy: seal(t, testKey, strict(autodefend.Prevent), issued(time.Hour)), tag: "2", slow: refreshWait * 3 / 2}
		w := connected(t, console, func(e *policy.Envelope) { e.Summary = true })
		w.defender.Refresh(t.Context())
		w.defender.Next(t.Context())
		if !w.defender.Judge(shell()).Deny {
			t.Error("the first poll didn't wait for the rest of the policy")
		}
		w.defender.Shutdown(t.Context())
	})
}

// TestFrozenQuestion: a question that was under way when the sandbox froze, or when its snapshot was taken, doesn't keep
// later ones from being asked, though the time that it may take has stood still.
func TestFrozenQuestion(t *testing.T) {
	for name, thaw := range map[string]func(*world){
		"frozen": func(w *world) {
			w.pass(policy.DefaultInterval)
			w.defender.Next(w.t.Context())
		},
		"restored": func(w *world) { w.defender.Restored() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				console := &fakeConsole{policy: seal(t, testKey, strict(autodefend.Prevent), issued(time.Hour)), tag: "2", slow: time.Hour}
				w := connected(t, console)
				w.pass(time.Hour)
				w.defender.Next(t.Context())
				began := time.Now()
				thaw(w)
				if took := time.Since(began); took > 0 {
					t.Errorf("giving it up took %s", took)
				}
				synctest.Wait()
				console.slow = 0
				w.defender.Next(t.Context())
				if !w.defender.Judge(shell()).Deny {
					t.Errorf("the Console wasn't asked again: %s", w.errors.String())
				}
				w.defender.Shutdown(t.Context())
			})
		})
	}
}

// TestConsoleGetsWhatTheLogGets compares the two.
func TestConsoleGetsWhatTheLogGets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		console := &fakeConsole{}
		w := connected(t, console)
		w.defender.Starting(false)
		w.defender.Started(40)
		for n := range 9 {
			w.defender.Judge(shell(fmt.Sprint(n)))
		}
		w.defender.Shutdown(t.Context())
		var want []string
		for _, a := range w.audits() {
			want = append(want, a.ID)
		}
		if len(want) != ofRuntime().singly+2 {
			t.Errorf("%d lines in the log", len(want))
		}
		if diff := cmp.Diff([][]string{want}, console.sent()); diff != "" {
			t.Errorf("the Console got other audits (-log +Console):\n%s", diff)
		}
	})
}

// TestSortsSideBySide: what is said of events takes no time from what is said of processes.
func TestSortsSideBySide(t *testing.T) {
	for name, tt := range map[string]struct {
		slow  time.Duration
		flush func(*world)
	}{
		"at the shutdown":  {flushAtShutdown * 2 / 3, func(w *world) { w.defender.Shutdown(w.t.Context()) }},
		"after a response": {flushAfterResponse * 2 / 3, func(w *world) { w.defender.Responded(w.t.Context(), "r-1") }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				console := &fakeConsole{slow: tt.slow}
				w := connected(t, console)
				w.defender.firewall.outbox.add(autodefend.FirewallAudit{ID: "1"}, 300)
				w.defender.audits.outbox.add(audit(2), 300)
				began := time.Now()
				tt.flush(w)
				if took := time.Since(began); took != tt.slow || len(console.sent()) != 2 {
					t.Errorf("after %s the Console has %q", took, console.sent())
				}
				time.Sleep(time.Minute)
			})
		})
	}
}
