package defend

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/autodefend/autodefend/internal/policy"
)

var (
	// errWrongFunction: the policy is for another function.
	errWrongFunction = errors.New("it is another function's")
	// errOlder: the policy was issued before the one that holds.
	errOlder = errors.New("it is older than the one that holds")
)

const (
	// refreshWait is how long a runtime that wants its next event waits for the Console. What comes later holds when it
	// comes.
	refreshWait = 200 * time.Millisecond
	// refreshTimeout bounds one attempt.
	refreshTimeout = 5 * time.Second
)

// refresher asks the Console for a newer policy, one question at a time.
type refresher struct {
	console Console

	mu      sync.Mutex
	last    time.Time // of the last question; zero means that one is due
	tag     string
	running chan struct{} // closed when the question that runs is answered; nil when none does
}

func newRefresher(console Console, now time.Time) *refresher {
	return &refresher{console: console, last: now}
}

// expire makes the next question due.
func (r *refresher) expire() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = time.Time{}
}

// Refresh asks the Console for a newer policy when the present one is older than its interval, and waits a moment for
// the answer. Without a Console it does nothing.
func (d *Defender) Refresh(ctx context.Context) {
	r := d.refreshing
	if r == nil {
		return
	}
	running := d.ask(r)
	if running == nil {
		return
	}
	moment := time.NewTimer(refreshWait)
	defer moment.Stop()
	select {
	case <-running:
	case <-moment.C:
	case <-ctx.Done():
	}
}

// ask starts a question when one is due and returns what tells its end, nil when none runs.
func (d *Defender) ask(r *refresher) <-chan struct{} {
	interval := d.state.Load().envelope.Interval
	if interval <= 0 {
		interval = policy.DefaultInterval
	}
	now := d.config.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running != nil {
		return r.running
	}
	if age := now.Sub(r.last); age >= 0 && age < interval {
		return nil
	}
	r.last = now
	done := make(chan struct{})
	r.running = done
	go func() {
		d.fetch(r)
		r.mu.Lock()
		r.running = nil
		r.mu.Unlock()
		close(done)
	}()
	return done
}

// fetch asks once. The policy stays as it is when anything is wrong with the answer.
func (d *Defender) fetch(r *refresher) {
	ctx, cancel := context.WithTimeout(context.Background(), refreshTimeout)
	defer cancel()
	r.mu.Lock()
	tag := r.tag
	r.mu.Unlock()
	text, tag, err := r.console.Policy(ctx, tag)
	if err != nil {
		d.config.Log.Warn("refresh policy", "error", err.Error())
		return
	}
	if text == "" {
		return
	}
	if err := d.replace(text); err != nil {
		d.config.Log.Error("refresh policy: the old one stays", "error", err.Error())
		return
	}
	r.mu.Lock()
	r.tag = tag
	r.mu.Unlock()
}

// replace puts a new policy in the place of the one that holds.
func (d *Defender) replace(text string) error {
	next, err := d.read(text, d.config.Key)
	if errors.Is(err, policy.ErrTampered) || errors.Is(err, errWrongFunction) {
		d.hijacked(err)
	}
	if err != nil {
		return err
	}
	if next.envelope.Issued.Before(d.state.Load().envelope.Issued) {
		return errOlder
	}
	d.state.Store(next)
	d.lines.write(d.changeLine(next))
	if d.config.Changed != nil {
		d.config.Changed(next.compiled.Sections())
	}
	return nil
}

// read decodes a policy and checks that it is this function's.
func (d *Defender) read(text string, key ed25519.PublicKey) (*state, error) {
	envelope, err := policy.Decode(text, key)
	if err != nil {
		return nil, err
	}
	f, target := d.config.Function, envelope.Target
	if f.Name != "" && !strings.EqualFold(bareName(target.Function), f.Name) {
		return nil, fmt.Errorf("%w: %s", errWrongFunction, target.Function)
	}
	if f.Region != "" && target.Region != "" && target.Region != f.Region {
		return nil, fmt.Errorf("%w: of the region %s", errWrongFunction, target.Region)
	}
	compiled, err := policy.Compile(envelope.Rule)
	if err != nil {
		return nil, err
	}
	firewall, err := d.firewallOf(envelope.WAAS, d.state.Load())
	if err != nil {
		return nil, err
	}
	return &state{compiled: compiled, envelope: envelope, firewall: firewall}, nil
}

// bareName returns a function's name, of an ARN too.
func bareName(function string) string {
	const name = 6
	if parts := strings.Split(function, ":"); len(parts) > name && parts[0] == "arn" {
		return parts[name]
	}
	return function
}
