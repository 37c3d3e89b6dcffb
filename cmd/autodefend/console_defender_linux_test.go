package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/client"
	"github.com/autodefend/autodefend/internal/console/route"
	"github.com/autodefend/autodefend/internal/defend"
	"github.com/autodefend/autodefend/internal/policy"
)

// The function of these tests.
const (
	ordersAccount  = "123456789012"
	ordersRegion   = "eu-west-1"
	ordersFunction = "orders"
)

// tokenOf makes a function's token that was issued some time ago.
func (c *wholeConsole) tokenOf(age time.Duration) string {
	return c.services.access.DefenderToken(route.FunctionIdentity{
		Account: ordersAccount, Region: ordersRegion, Function: ordersFunction, Issued: time.Now().Add(-age).Unix(),
	})
}

// envelope decodes what a Defender was given, by the Console's key.
func (c *wholeConsole) envelope(value []byte) policy.Envelope {
	c.t.Helper()
	key, err := policy.Decode(string(value), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	e, err := policy.Decode(string(value), key.Key)
	if err != nil {
		c.t.Fatal(err)
	}
	return e
}

// revoke refuses the function's tokens that were issued before a time. By the API that time is always now.
func (c *wholeConsole) revoke(account, region, function string, before time.Time) {
	c.t.Helper()
	id := fmt.Sprintf("test-%d", before.Unix())
	body, err := json.Marshal(api.RevokedFunction{ID: id, AccountID: account, Region: region, Function: function, Before: before})
	if err != nil {
		c.t.Fatal(err)
	}
	change := api.DocumentChange{Kind: api.KindRevokedFunction, ID: id, Version: api.Any, Body: body}
	if err := c.database.Write(c.t.Context(), []api.DocumentChange{change}, nil); err != nil {
		c.t.Fatal(err)
	}
}

// TestTokensAreRenewed asks for policies with tokens of some age. A token that is old is replaced, and one that was revoked
// isn't.
func TestTokensAreRenewed(t *testing.T) {
	const day, margin = 24 * time.Hour, 5 * time.Minute
	for name, tt := range map[string]struct {
		age     time.Duration
		revoked time.Duration // tokens that were issued before this long ago are; 0 for none
		given   string        // which token the envelope has: the same, another, or none
		works   bool          // another one, when tokens are revoked that were issued until a moment before it
	}{
		"young":                       {time.Hour, 0, "same", true},
		"nearly old":                  {6 * day, 0, "same", true},
		"old":                         {8 * day, 0, "another", true},
		"old, and older ones revoked": {8 * day, 9 * day, "another", true},
		"old, and revoked":            {8 * day, 7 * day, "none", false},
		"young, and revoked":          {time.Hour, time.Minute, "none", false},
	} {
		t.Run(name, func(t *testing.T) {
			console := startConsole(t, t.TempDir(), "", "")
			if tt.revoked > 0 {
				console.revoke(ordersAccount, ordersRegion, ordersFunction, time.Now().Add(-tt.revoked))
			}
			own := console.tokenOf(tt.age)
			status, body := console.send("GET", "/defender/policy", own, "")
			if tt.given == "none" {
				if status != http.StatusUnauthorized || strings.Contains(string(body), autodefend.PolicyPrefix) {
					t.Fatalf("a revoked token: %d %s", status, body)
				}
				return
			}
			if status != http.StatusOK {
				t.Fatalf("%d %s", status, body)
			}
			given := console.envelope(body).Console.Token
			if (given == own) != (tt.given == "same") {
				t.Errorf("given the same token: %v, want %s", given == own, tt.given)
			}
			if status, body := console.send("GET", "/defender/policy", given, ""); status != http.StatusOK {
				t.Errorf("the token that was given: %d %s", status, body)
			}
			if tt.given != "another" {
				return
			}
			// What revokes the old one by time leaves the new one. What was under way while the new one was made doesn't.
			console.revoke(ordersAccount, ordersRegion, ordersFunction, time.Now().Add(-7*day))
			for token, want := range map[string]int{own: http.StatusUnauthorized, given: http.StatusOK} {
				if status, _ := console.send("GET", "/defender/policy", token, ""); status != want {
					t.Errorf("after a revocation of a week ago, the old token %v: %d, want %d", token == own, status, want)
				}
			}
			console.revoke(ordersAccount, ordersRegion, ordersFunction, time.Now().Add(-margin+time.Minute))
			if status, _ := console.send("GET", "/defender/policy", given, ""); status != http.StatusUnauthorized {
				t.Errorf("after a revocation that was decided minutes before the new token was made: %d", status)
			}
		})
	}
}

// attachedDefender is a Defender in this process, with a clock of its own, that speaks to a Console by TLS.
type attachedDefender struct {
	*defend.Defender
	t    *testing.T
	mu   sync.Mutex
	time time.Time // zero: the real one, ahead by skew
	skew time.Duration
	log  bytes.Buffer // audits
	said bytes.Buffer // by the program itself
	pid  int
}

// attach makes a Defender with the value that the Console gives for the function.
func (c *wholeConsole) attach(d *attachedDefender) {
	c.t.Helper()
	var encoded api.EncodedPolicy
	body := fmt.Sprintf(`{"function":%q,"region":%q,"accountID":%q}`, ordersFunction, ordersRegion, ordersAccount)
	if err := json.Unmarshal(c.must("POST", "/policies/runtime/serverless/encode", body), &encoded); err != nil {
		c.t.Fatal(err)
	}
	d.t, d.pid = c.t, 100
	var err error
	d.Defender, err = defend.New(defend.Config{
		Policy: encoded.Data, Function: defend.Function{Name: ordersFunction, Region: ordersRegion}, Version: "test",
		Runtime: defend.Runtime{Path: "/var/lang/bin/python3", Args: []string{"python3"}},
		Log:     slog.New(slog.NewTextHandler(locked{d, &d.said}, nil)), Lines: locked{d, &d.log}, Now: d.now, NewID: rand.Text,
		End: func() {}, Console: dialConsole,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	d.Started(40)
	d.Next(c.t.Context())
}

// consoleByTLS is a Console as the Defender's program sees it.
type consoleByTLS struct{ *client.Client }

// Policy asks for a newer policy.
func (c consoleByTLS) Policy(ctx context.Context, tag string) (string, string, error) {
	answer, err := c.FetchPolicy(ctx, tag)
	return answer.Envelope, answer.ETag, err
}

func dialConsole(c policy.Console) (defend.Console, error) {
	connection, err := client.New(client.Config{Address: c.Address, Token: c.Token, CA: c.CA, UserAgent: "autodefend-defender/test"})
	return consoleByTLS{connection}, err
}

// locked writes into one of a Defender's buffers.
type locked struct {
	d    *attachedDefender
	into *bytes.Buffer
}

func (l locked) Write(p []byte) (int, error) {
	l.d.mu.Lock()
	defer l.d.mu.Unlock()
	return l.into.Write(p)
}

func (d *attachedDefender) now() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.time.IsZero() {
		return time.Now().Round(0).Add(d.skew)
	}
	return d.time
}

func (d *attachedDefender) pass(passed time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.time = d.time.Add(passed)
}

// starts judges the start of the program id by another process each time.
func (d *attachedDefender) starts() policy.Decision {
	d.pid++
	return d.Judge(policy.Event{
		Kind: policy.Exec, Tier: autodefend.TierKernel,
		Process: policy.Process{PID: d.pid, Path: "/bin/sh", Command: "sh -c id"},
		Program: policy.Program{Path: "/usr/bin/id", Given: "id", Args: []string{"id"}},
	})
}

// ids are those of the audits in the log.
func (d *attachedDefender) ids() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []string
	for line := range strings.Lines(d.log.String()) {
		var a autodefend.Audit
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			d.t.Errorf("not a line of JSON: %s", line)
		}
		if a.Type != "" {
			all = append(all, a.ID)
		}
	}
	return all
}

// TestEnforcedWithinTwoMinutesOfRunningTime has a function run that polls for events every second, by a clock that stands
// still meanwhile, and a Console that says nothing of how often it's to be asked. A policy that is written right after a
// question was answered holds two minutes later at most.
func TestEnforcedWithinTwoMinutesOfRunningTime(t *testing.T) {
	const most = 2 * time.Minute
	if policy.DefaultInterval != most {
		t.Errorf("by default policies are refreshed every %s", policy.DefaultInterval)
	}
	if flag := newConsole(&app{}).Flag("policy-interval"); flag == nil || flag.DefValue != most.String() {
		t.Errorf("the Console's default: %+v", flag)
	}
	console := startConsoleAsking(t, t.TempDir(), "", "", policy.DefaultInterval)
	console.must("PUT", "/policies/runtime/serverless", dnsPolicy(autodefend.Alert))
	began := time.Now().Round(0)
	d := &attachedDefender{time: began}
	console.attach(d)
	if d.starts().Deny {
		t.Fatal("a policy that alerts prevents")
	}
	console.must("PUT", "/policies/runtime/serverless", dnsPolicy(autodefend.Prevent))
	for d.now().Sub(began) < most {
		d.pass(time.Second)
		d.Next(t.Context())
	}
	// The time that counts stands still. How long the answer takes is this machine's affair.
	eventually(t, 20*time.Second, "the function obeys the new policy", func() bool { return d.starts().Deny })
	d.Shutdown(t.Context())
}

// TestSkewedClocksLoseNothing: whatever time it is in a function, all its audits are at the Console, none of them later than
// now.
func TestSkewedClocksLoseNothing(t *testing.T) {
	console := startConsole(t, t.TempDir(), "", "")
	console.must("PUT", "/policies/runtime/serverless", dnsPolicy(autodefend.Alert))
	var want []string
	for _, skew := range []time.Duration{0, 10 * time.Minute, -10 * time.Minute, 24 * time.Hour, -24 * time.Hour, 20 * 365 * 24 * time.Hour, -20 * 365 * 24 * time.Hour} {
		d := &attachedDefender{skew: skew}
		console.attach(d)
		for range 4 {
			d.starts()
			d.Responded(t.Context(), "1")
			d.Next(t.Context())
		}
		want = append(want, d.ids()...)
		eventually(t, 20*time.Second, fmt.Sprintf("the audits of a function that is ahead by %s are at the Console", skew), func() bool {
			d.Responded(t.Context(), "1")
			return len(console.audits(autodefend.Alert)) >= len(want)
		})
	}
	if len(want) != 7*4 {
		t.Errorf("%d audits were made", len(want))
	}
	got := map[string]bool{}
	for _, a := range console.audits(autodefend.Alert) {
		got[a.ID] = true
		if age := time.Since(a.Time); age < 0 || age > 25*time.Hour {
			t.Errorf("an audit is %s old", age)
		}
	}
	expected := map[string]bool{}
	for _, id := range want {
		expected[id] = true
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
