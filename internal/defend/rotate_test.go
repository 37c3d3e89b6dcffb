package defend

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/client"
	"github.com/autodefend/autodefend/internal/policy"
)

// tokenConsole is a Console that is reached by HTTP, with one policy for whoever has an accepted token.
type tokenConsole struct {
	*httptest.Server
	mu       sync.Mutex
	accepted map[string]bool
	policy   string
	calls    []string // method, token and status of each
	stored   []string // ids
	wait     string   // Retry-After of a Console that takes nothing
}

func newTokenConsole(t *testing.T, tokens ...string) *tokenConsole {
	t.Helper()
	c := &tokenConsole{accepted: map[string]bool{}}
	for _, token := range tokens {
		c.accepted[token] = true
	}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *tokenConsole) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	status := http.StatusOK
	switch {
	case c.wait != "":
		status = http.StatusTooManyRequests
		w.Header().Set("Retry-After", c.wait)
	case !c.accepted[token]:
		status = http.StatusUnauthorized
	case r.Method == "POST":
		var audits []autodefend.Audit
		if json.NewDecoder(r.Body).Decode(&audits) != nil {
			status = http.StatusBadRequest
		}
		for _, a := range audits {
			c.stored = append(c.stored, a.ID)
		}
	case c.policy == "":
		status = http.StatusNotModified
	}
	c.calls = append(c.calls, r.Method+" "+token+" "+http.StatusText(status))
	w.WriteHeader(status)
	if status == http.StatusOK && r.Method == "GET" {
		_, _ = io.WriteString(w, c.policy)
	}
}

func (c *tokenConsole) change(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

func (c *tokenConsole) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	calls := c.calls
	c.calls = nil
	return calls
}

// byHTTP is a Console as cmd/defender makes one.
type byHTTP struct{ *client.Client }

func (c byHTTP) Policy(ctx context.Context, tag string) (string, string, error) {
	answer, err := c.FetchPolicy(ctx, tag)
	return answer.Envelope, answer.ETag, err
}

func dial(c policy.Console) (Console, error) {
	connection, err := client.New(client.Config{Address: c.Address, Token: c.Token, CA: c.CA, UserAgent: "autodefend-defender/test"})
	return byHTTP{connection}, err
}

// attached is a Defender whose policy has the token "old" for a Console.
func attached(t *testing.T, address string, change ...func(*policy.Envelope)) *world {
	t.Helper()
	w := &world{t: t, now: start}
	reachable := func(e *policy.Envelope) { e.Console = policy.Console{Address: address, Token: "old"} }
	config := w.config(seal(t, testKey, strict(autodefend.Alert), append(change, reachable)...))
	config.Console = dial
	d, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	w.defender = d
	d.Next(t.Context())
	return w
}

// ask lets an interval pass and waits for the answer to the question that is due.
func (w *world) ask() {
	w.t.Helper()
	w.pass(policy.DefaultInterval)
	if running := w.defender.ask(); running != nil {
		<-running.over
	}
}

// send has an act audited and waits until the Console has answered.
func (w *world) send(n int) {
	w.t.Helper()
	w.defender.audits.outbox.add(audit(n), 300)
	w.defender.audits.outbox.flush(w.t.Context(), false)
}

func withToken(token string) func(*policy.Envelope) {
	return func(e *policy.Envelope) { e.Console.Token = token }
}

// TestNewToken: a policy that is verified takes the Defender to its token, and no other does. An audit is sent before the
// policy comes and one after.
func TestNewToken(t *testing.T) {
	seal := func(change ...func(*policy.Envelope)) string {
		return seal(t, testKey, strict(autodefend.Alert), append([]func(*policy.Envelope){issued(time.Hour), withToken("new")}, change...)...)
	}
	unsigned := seal()
	unsigned = unsigned[:len(unsigned)-20] + strings.Repeat("A", 20)
	foreign := func() string {
		e := policy.Envelope{Target: policy.Target{Function: "orders", Region: "eu-west-1"}, Issued: start.Add(time.Hour), Console: policy.Console{Token: "new"}}
		value, err := policy.Encode(e, foreignKey, 0)
		if err != nil {
			t.Fatal(err)
		}
		return value
	}()
	before := []string{"POST old OK", "GET old OK"}
	tests := []struct {
		name     string
		policy   string
		accepted string // besides old
		want     []string
		log      string
	}{
		{"newer", seal(), "new", []string{"POST new OK", "GET new OK"}, "new token"},
		{"refused", seal(), "", []string{"POST new Unauthorized", "POST old OK", "GET old OK"}, "the old one goes on"},
		{"with the same address", seal(func(e *policy.Envelope) { e.Console.Address = "SAME" }), "new", []string{"POST new OK", "GET new OK"}, "new token"},
		{"unsigned", unsigned, "new", []string{"POST old OK", "GET old OK"}, "doesn't match"},
		{"of another key", foreign, "new", []string{"POST old OK", "GET old OK"}, "doesn't match"},
		{"older", seal(issued(-time.Hour)), "new", []string{"POST old OK", "GET old OK"}, "older"},
		{"of another function", seal(func(e *policy.Envelope) { e.Target.Function = "payments" }), "new", []string{"POST old OK", "GET old OK"}, "another function"},
		{"without a token", seal(withToken("")), "new", []string{"POST old OK", "GET old OK"}, ""},
		{"with a token that can't be", seal(withToken("new\nX: y")), "new", []string{"POST old OK", "GET old OK"}, "the old connection stays"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			console := newTokenConsole(t, "old", tt.accepted)
			console.policy = tt.policy
			if tt.name == "with the same address" {
				console.policy = seal(func(e *policy.Envelope) { e.Console.Address = console.URL })
			}
			w := attached(t, console.URL)
			w.send(1)
			w.ask()
			if diff := cmp.Diff(before, console.take()); diff != "" {
				t.Errorf("before (-want +got):\n%s", diff)
			}
			w.send(2)
			w.ask()
			if diff := cmp.Diff(tt.want, console.take()); diff != "" {
				t.Errorf("after (-want +got):\n%s", diff)
			}
			for _, want := range []string{"1", "2"} { // and that of a hijacked policy
				if !slices.Contains(console.stored, want) {
					t.Errorf("audit %s isn't in %q", want, console.stored)
				}
			}
			if got := w.errors.String(); !strings.Contains(got, tt.log) || strings.Contains(got, "=new") || strings.Contains(got, "=old") {
				t.Errorf("no %q in the log, or a token: %s", tt.log, got)
			}
			if len(w.changed) != 0 || strings.Contains(w.log.String(), "policy changed") {
				t.Errorf("the tiers are bothered with rules that they have: %d %s", len(w.changed), w.log.String())
			}
		})
	}
}

// TestNewTokenWhileAuditsWait: what was audited while the old token was refused goes out with the new one.
func TestNewTokenWhileAuditsWait(t *testing.T) {
	console := newTokenConsole(t, "old", "new")
	console.policy = seal(t, testKey, strict(autodefend.Prevent), issued(time.Hour), withToken("new"))
	w := attached(t, console.URL)
	console.change(func() { console.wait = "1" })
	w.send(1)
	w.send(2)
	console.change(func() { console.wait = "" })
	w.ask()
	console.change(func() { delete(console.accepted, "old") })
	w.send(3)
	if diff := cmp.Diff([]string{"POST old Too Many Requests", "GET old OK", "POST new OK"}, console.take()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"1", "2", "3"}, console.stored); diff != "" {
		t.Errorf("audits (-want +got):\n%s", diff)
	}
	if len(w.changed) != 1 || !w.defender.Judge(shell()).Deny {
		t.Error("the rules that came with the token don't hold")
	}
}

// TestNewAddress: a verified policy moves the Defender; where nobody answers it stays.
func TestNewAddress(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	wrong := httptest.NewServer(http.NotFoundHandler())
	defer wrong.Close()
	for name, tt := range map[string]struct {
		address string // "" is another Console
		stays   bool
	}{
		"another Console": {"", false}, "nobody": {closed.URL, true}, "something else": {wrong.URL, true}, "no address": {"ftp://x", true},
	} {
		t.Run(name, func(t *testing.T) {
			first, second := newTokenConsole(t, "old"), newTokenConsole(t, "new")
			address := tt.address
			if address == "" {
				address = second.URL
			}
			first.policy = seal(t, testKey, strict(autodefend.Alert), issued(time.Hour), func(e *policy.Envelope) {
				e.Console = policy.Console{Address: address, Token: "new"}
			})
			w := attached(t, first.URL)
			w.ask()
			first.take()
			w.send(1)
			w.ask()
			want, got := []string{"POST old OK", "GET old OK"}, first.take()
			if !tt.stays {
				want, got = []string{"POST new OK", "GET new Not Modified"}, append(got, second.take()...)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if n := len(first.stored) + len(second.stored); n != 1 {
				t.Errorf("%d audits arrived", n)
			}
		})
	}
}

// TestPolicyIsPutOff: a Console that asks to be left alone is, and the question that follows isn't lost.
func TestPolicyIsPutOff(t *testing.T) {
	console := newTokenConsole(t, "old")
	console.wait = "600"
	w := attached(t, console.URL)
	for range 5 { // 2 to 10 minutes
		w.ask()
	}
	if got := console.take(); len(got) != 1 {
		t.Errorf("asked %q", got)
	}
	console.change(func() { console.wait = "" })
	w.ask()
	w.ask()
	w.ask()
	if got := console.take(); len(got) < 1 {
		t.Error("it isn't asked again")
	}
	// A snapshot knows nothing of what the Console wants now.
	console.change(func() { console.wait = "600" })
	w.ask()
	w.defender.Restored()
	w.ask()
	if got := console.take(); len(got) != 2 {
		t.Errorf("asked %q", got)
	}
}

// TestQuestionsSpread: functions that were started together don't ask together for ever, and none asks late.
func TestQuestionsSpread(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 100 {
		r := newRefresher(nil, start)
		at := time.Duration(0)
		for ; !r.due(start.Add(at), policy.DefaultInterval); at += 100 * time.Millisecond {
			if at > policy.DefaultInterval {
				t.Fatal("asked later than after the interval")
			}
		}
		if least := policy.DefaultInterval * 9 / 10; at < least {
			t.Errorf("asked after %s, want %s at least", at, least)
		}
		seen[at] = true
	}
	if len(seen) < 20 {
		t.Errorf("100 functions ask at %d moments", len(seen))
	}
}

// TestClockSkew: whoever's clock is wrong, a policy that follows another one holds, and one that was made before doesn't
// come back. The times are those of the right clock; issued are what the envelopes say.
func TestClockSkew(t *testing.T) {
	const year = 365 * 24 * time.Hour
	tests := []struct {
		name        string
		first, next time.Duration // when they were signed, by the signer's clock
		defender    time.Duration // how far the function's clock is ahead
		set         time.Duration // by how much it's set right, before the next policy comes
		holds       bool
	}{
		{"all right", 0, 2 * time.Minute, 0, 0, true},
		{"an old one comes back", 0, -time.Minute, 0, 0, false},
		{"the function is ahead", 0, 2 * time.Minute, 10 * time.Minute, 0, true},
		{"the function is behind", 0, 2 * time.Minute, -10 * time.Minute, 0, true},
		{"the function is ahead, and an old one comes back", 0, -time.Minute, 10 * time.Minute, 0, false},
		{"the signer was ahead", 10 * time.Minute, 2 * time.Minute, 0, 0, true},
		{"the signer was a year ahead", year, 2 * time.Minute, 0, 0, true},
		{"the signer was a year ahead, and an old one comes back", year, -time.Minute, 0, 0, false},
		{"the signer is ahead from now on", 0, year, 0, 0, true},
		{"another signer is behind by less than the interval", 0, time.Minute, 0, 0, true},
		{"both were a year ahead", year, 2 * time.Minute, year, -year, true},
		{"the function was a year behind", 0, 2 * time.Minute, -year, year, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			console := &fakeConsole{policy: seal(t, testKey, strict(autodefend.Prevent), issued(tt.next)), tag: "2"}
			w := &world{t: t, now: start.Add(tt.defender)}
			config := w.config(seal(t, testKey, strict(autodefend.Alert), issued(tt.first), func(e *policy.Envelope) { e.Console.Address = "x" }))
			config.Console = func(policy.Console) (Console, error) { return console, nil }
			d, err := New(config)
			if err != nil {
				t.Fatal(err)
			}
			w.defender = d
			d.Next(t.Context())
			w.pass(tt.set)
			w.ask()
			if got := d.Judge(shell()).Deny; got != tt.holds {
				t.Errorf("the next policy holds: %v, want %v; %s", got, tt.holds, w.errors.String())
			}
		})
	}
}
