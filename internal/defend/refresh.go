package defend

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/autodefend/autodefend"
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
	// earlyMost is by how many thousandths of the interval a question may come early. Chance decides, so that functions that
	// were started together don't ask together for ever.
	earlyMost = 100
	// retryShare is the part of the interval after which a question is repeated that the Console didn't answer, for want of a
	// connection or of time. The pause doubles with each that follows, up to the interval.
	retryShare = 8
)

// refresher asks the Console for a newer policy, one question at a time.
type refresher struct {
	console Console

	mu      sync.Mutex
	last    time.Time     // of the last question; zero means that one is due
	early   int64         // thousandths of the interval by which the next one comes early
	after   time.Time     // the Console wants no question before
	failed  int           // questions in a row that weren't answered
	pause   time.Duration // after the last of those
	tag     string
	running *question // nil when none does
}

// question is one that was put to the Console.
type question struct {
	over    chan struct{}      // closed at the end
	giveUp  context.CancelFunc // ends it soon
	awaited atomic.Bool        // a poll waits for it, or has
}

func newRefresher(console Console, now time.Time) *refresher {
	return &refresher{console: console, last: now, early: early()}
}

func early() int64 { return int64(chance(earlyMost)) }

// due reports whether it's time for a question. A clock that was set back makes it so. Preconditions: mu is held.
func (r *refresher) due(now time.Time, interval time.Duration) bool {
	if left := r.after.Sub(now); left > 0 && left <= 2*pauseLongest {
		return false
	}
	wait := interval - interval/1000*time.Duration(r.early)
	if r.failed > 0 {
		wait = min(wait, r.pause)
	}
	age := now.Sub(r.last)
	return age < 0 || age >= wait
}

// expire makes the next question due. One that runs is given up: its connection stayed with the sandbox that was copied.
func (r *refresher) expire() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last, r.after = time.Time{}, time.Time{}
	if r.running != nil {
		r.running.giveUp()
	}
}

// Refresh asks the Console for a newer policy when the present one is older than its interval, and waits a moment for
// the answer. Without a Console it does nothing.
func (d *Defender) Refresh(ctx context.Context) {
	if q := d.ask(); q != nil {
		q.wait(ctx)
	}
}

// refreshForPoll does the same for a runtime that polls. Of the polls while a question runs one waits for it: were it all, a
// Console that doesn't answer would make each of these invocations longer.
func (d *Defender) refreshForPoll(ctx context.Context) {
	if q := d.ask(); q != nil && !q.awaited.Swap(true) {
		q.wait(ctx)
	}
}

// wait waits a moment for the end of a question.
func (q *question) wait(ctx context.Context) {
	moment := time.NewTimer(refreshWait)
	defer moment.Stop()
	select {
	case <-q.over:
	case <-moment.C:
	case <-ctx.Done():
	}
}

// interval is how often the policy wants to be asked for.
func (d *Defender) interval() time.Duration {
	if interval := d.state.Load().envelope.Interval; interval > 0 {
		return interval
	}
	return policy.DefaultInterval
}

// ask starts a question when one is due, and returns the one that runs, nil when none does. One that is older than it may
// become was frozen with the sandbox, where its own clock stood still: it's given up.
func (d *Defender) ask() *question {
	r := d.refreshing
	if r == nil {
		return nil
	}
	interval, now := d.interval(), d.config.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running != nil && now.Sub(r.last) > refreshTimeout {
		r.running.giveUp()
		return nil
	}
	if r.running != nil {
		return r.running
	}
	if !r.due(now, interval) {
		return nil
	}
	r.last, r.early = now, early()
	ctx, cancel := context.WithTimeout(context.Background(), refreshTimeout)
	q := &question{over: make(chan struct{}), giveUp: cancel}
	r.running = q
	go func() {
		defer close(q.over)
		defer cancel()
		d.fetch(ctx, r)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.running = nil
	}()
	return q
}

// fetch asks once. The policy stays as it is when anything is wrong with the answer.
func (d *Defender) fetch(ctx context.Context, r *refresher) {
	r.mu.Lock()
	tag := r.tag
	r.mu.Unlock()
	text, tag, err := r.console.Policy(ctx, tag)
	r.answered(err, d.interval(), d.config.Now())
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

// answered decides when the next question may come: not before the Console wants it, and sooner than usual when this one got
// no answer. A refusal is one.
func (r *refresher) answered(err error, interval time.Duration, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if asked := askedPause(err); asked > 0 {
		r.after = now.Add(asked + chance(asked/4))
	}
	switch autodefend.ErrorCode(err) {
	case autodefend.CodeUnavailable, autodefend.CodeThrottled:
		pause := min(interval/retryShare<<min(r.failed, 10), interval)
		r.pause = pause/2 + chance(pause/2)
		r.failed++
	default:
		r.failed = 0
	}
}

// replace puts a new policy in the place of the one that holds, and follows it to another token or address of the Console.
func (d *Defender) replace(text string) error {
	next, err := d.read(text, d.config.Key)
	if errors.Is(err, policy.ErrTampered) || errors.Is(err, errWrongFunction) {
		d.hijacked(err)
	}
	if err != nil {
		return err
	}
	held := d.state.Load()
	if held.outdates(next.envelope.Issued, next.taken) {
		return errOlder
	}
	d.link.take(next.envelope.Console)
	if sameRules(held.envelope, next.envelope) {
		d.state.CompareAndSwap(held, &state{compiled: held.compiled, envelope: next.envelope, firewall: held.firewall, taken: next.taken})
		return nil
	}
	d.state.Store(next)
	d.lines.write(d.changeLine(next))
	if d.config.Changed != nil {
		d.config.Changed(next.compiled.Sections())
	}
	return nil
}

// outdates reports whether a policy was made before the one that holds. When that one comes from the future, because the
// clock of who signed it is wrong or ours is, its time would shut out every policy until then; so the time when we took it
// stands in for it. A clock of ours that was set back since leaves nothing to compare with.
func (s *state) outdates(issued, now time.Time) bool {
	least := s.envelope.Issued
	if s.taken.Before(least) {
		least = s.taken
	}
	return issued.Before(least) && !least.After(now)
}

// sameRules reports whether two envelopes mean the same for the function, whenever they were made and whatever they say of
// the Console.
func sameRules(a, b policy.Envelope) bool {
	return a.Summary == b.Summary && a.Interval == b.Interval && a.FailMode == b.FailMode &&
		reflect.DeepEqual(a.Target, b.Target) && reflect.DeepEqual(a.Rule, b.Rule) && reflect.DeepEqual(a.WAAS, b.WAAS)
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
	return &state{compiled: compiled, envelope: envelope, firewall: firewall, taken: d.config.Now().Truncate(time.Second)}, nil
}

// bareName returns a function's name, of an ARN too.
func bareName(function string) string {
	const name = 6
	if parts := strings.Split(function, ":"); len(parts) > name && parts[0] == "arn" {
		return parts[name]
	}
	return function
}
