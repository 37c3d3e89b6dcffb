package consoletest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"
)

// reporters is how many Defenders send audits at the same time, keepers how many collections are changed.
const (
	reporters = 3
	keepers   = 2
)

// client is one that loads the Console: it goes on after each kill with what it knows.
type client interface {
	// step sends one request, and reports false when the Console doesn't answer any more or ctx has ended.
	step(ctx context.Context, t *testing.T, p *process) bool
}

// load runs the clients until the Console doesn't answer any more. The first answer closes answered.
func load(t *testing.T, p *process, clients []client, answered func()) {
	t.Helper()
	var all sync.WaitGroup
	for _, c := range clients {
		all.Go(func() {
			for c.step(t.Context(), t, p) {
				answered()
			}
		})
	}
	all.Wait()
}

// reporter is a function's Defender. A batch that wasn't acknowledged is sent again, as Defenders do.
type reporter struct {
	token   string
	pending []string
	at      time.Time
	// acknowledged are the ids that are stored, sent all that were ever sent.
	acknowledged, sent map[string]bool
}

func (r *reporter) step(ctx context.Context, t *testing.T, p *process) bool {
	if len(r.pending) == 0 {
		r.at = time.Now()
		for range 1 + mathrand.IntN(20) {
			id := rand.Text()
			r.pending, r.sent[id] = append(r.pending, id), true
		}
	}
	got, err := p.call(ctx, http.MethodPost, "/api/v1/defender/audits", r.token, report(r.at, r.pending...))
	if err != nil {
		return false
	}
	switch got.status {
	case http.StatusOK:
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		time.Sleep(20 * time.Millisecond) // less than Retry-After wants: the load shall not end
		return true
	default:
		t.Errorf("a batch of audits: %d %s", got.status, got.body)
		return false
	}
	for _, id := range r.pending {
		r.acknowledged[id] = true
	}
	if mathrand.IntN(4) > 0 { // sometimes the answer gets lost on the way, and the batch is sent again
		r.pending = nil
	}
	return true
}

// series writes one thing again and again, whole, each time with the next number. One more than what was acknowledged may be
// there after a kill.
type series struct {
	token        string
	acknowledged int
	method, path string
	body         func(n int) string
}

func (s *series) step(ctx context.Context, t *testing.T, p *process) bool {
	got, err := p.call(ctx, s.method, "/api/v1"+s.path, s.token, s.body(s.acknowledged+1))
	if err != nil {
		return false
	}
	switch got.status {
	case http.StatusOK:
		s.acknowledged++
	case http.StatusServiceUnavailable:
		return false // it may be written nevertheless: the next check tells
	default:
		t.Errorf("%s %s: %d %s", s.method, s.path, got.status, got.body)
		return false
	}
	return true
}

// rulesOf is how many rules the n-th policy has, so that one which is half there shows.
func rulesOf(n int) int { return 1 + n%7 }

func policyBody(n int) string {
	type rule struct {
		Name        string           `json:"name"`
		Collections []map[string]any `json:"collections"`
		DNS         map[string]any   `json:"dns"`
	}
	policy := struct {
		ID    string `json:"_id"`
		Rules []rule `json:"rules"`
	}{ID: "serverlessRuntime"}
	for i := range rulesOf(n) {
		policy.Rules = append(policy.Rules, rule{
			Name: fmt.Sprintf("%d of %d", i, n), Collections: []map[string]any{{"name": "All"}}, DNS: map[string]any{"effect": "prevent", "blacklist": []string{"example.com"}},
		})
	}
	body, err := json.Marshal(policy)
	if err != nil {
		panic(err) // they are plain values
	}
	return string(body)
}

func collectionBody(name string) func(n int) string {
	return func(n int) string {
		return fmt.Sprintf(`{"name":%q,"description":"%d","functions":["f-%d-*"]}`, name, n, n)
	}
}
