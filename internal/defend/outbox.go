package defend

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/autodefend/autodefend"
)

const (
	// outboxMax bounds the audits that wait for the Console, and outboxBytes their size as lines of the log; further ones
	// are in the log only.
	outboxMax   = 1000
	outboxBytes = 2 << 20
	// batchMax is how many audits are sent at once.
	batchMax = 100
	// linger is how long an audit waits for others when no invocation ends.
	linger = time.Second
	// postTimeout bounds one attempt.
	postTimeout = 5 * time.Second
	// pauseLeast is the pause after an attempt that failed; it doubles with each that follows, up to pauseMost.
	pauseLeast = time.Second
	pauseMost  = 2 * time.Minute
	// pauseLongest bounds a pause, whatever the Console asks for.
	pauseLongest = 15 * time.Minute
	// refusedMax is how many audits in a row have to be refused singly until the Console is taken to refuse them all.
	refusedMax = 3
)

// outbox sends audits to the Console, a batch at a time, in their order. A batch that could not be sent is sent again
// after a pause, by a timer or by the next reason to send: another audit, the end of an invocation. The ids stay, so that
// the Console knows what it has. A batch that is refused is sent in halves, so that one audit doesn't take others with it.
type outbox[A any] struct {
	console func(ctx context.Context, audits []A) error
	log     *slog.Logger
	now     func() time.Time // the wall clock's: others stand still while the sandbox is frozen

	mu       sync.Mutex
	queue    []waiting[A]
	bytes    int           // of the queue
	batch    int           // how many are sent at once
	failures int           // attempts in a row that failed
	refused  int           // audits in a row that were refused singly
	after    time.Time     // no attempt before
	dropped  int           // since it was said
	left     int           // what was said to be left at the last shutdown
	armed    bool          // a timer runs that will send
	sending  chan struct{} // closed when the attempt that runs is over; nil when none does
}

// waiting is an audit in the queue.
type waiting[A any] struct {
	audit A
	size  int
}

func newOutbox[A any](console func(ctx context.Context, audits []A) error, log *slog.Logger, now func() time.Time) *outbox[A] {
	return &outbox[A]{console: console, log: log, now: now, batch: batchMax}
}

// add queues an audit whose line has size bytes; it doesn't block.
func (o *outbox[A]) add(a A, size int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) >= outboxMax || len(o.queue) > 0 && o.bytes+size > outboxBytes {
		o.dropped++
		return
	}
	o.queue = append(o.queue, waiting[A]{a, size})
	o.bytes += size
	o.arm(linger)
}

// arm starts the timer unless it runs. Preconditions: mu is held.
func (o *outbox[A]) arm(wait time.Duration) {
	if o.armed {
		return
	}
	o.armed = true
	time.AfterFunc(wait, func() {
		o.mu.Lock()
		o.armed = false
		if pause := o.pause(); pause > 0 && len(o.queue) > 0 {
			o.arm(pause)
		}
		o.mu.Unlock()
		o.flush(context.Background(), false)
	})
}

// pause is how long no attempt is to be made. Preconditions: mu is held.
func (o *outbox[A]) pause() time.Duration {
	left := o.after.Sub(o.now())
	if left > 2*pauseLongest { // the clock was set back
		return 0
	}
	return max(0, left)
}

// flush sends what is queued. It returns when that is done, when an attempt failed or when ctx is over; an attempt that
// runs then goes on. In a pause it sends nothing, unless this is the last chance: then it tries once.
func (o *outbox[A]) flush(ctx context.Context, last bool) {
	for {
		running := o.attempt(last)
		if running == nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-running:
		}
		last = false
	}
}

// leave says what is left when the function ends.
func (o *outbox[A]) leave() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if n := len(o.queue) + o.dropped; n > 0 && n != o.left {
		o.left, o.dropped = n, 0
		o.log.Error("audits may be in the log only: the function ends before the Console took them", "audits", n)
	}
}

// attempt starts to send a batch, unless one is being sent, and returns what tells the end. It is nil when there is
// nothing to send, or it isn't the time.
func (o *outbox[A]) attempt(last bool) <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) == 0 || o.sending == nil && !last && o.pause() > 0 {
		return nil
	}
	if o.sending == nil {
		o.sending = make(chan struct{})
		batch := make([]A, min(len(o.queue), o.batch))
		for i := range batch {
			batch[i] = o.queue[i].audit
		}
		go o.post(batch)
	}
	return o.sending
}

// post sends one batch and takes it out of the queue.
func (o *outbox[A]) post(batch []A) {
	ctx, cancel := context.WithTimeout(context.Background(), postTimeout)
	err := o.console(ctx, batch)
	cancel()
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case err == nil:
		o.log.Debug("audits are at the Console", "audits", len(batch))
		o.take(len(batch))
		o.failures, o.refused, o.batch = 0, 0, min(2*o.batch, batchMax)
	case autodefend.ErrorCode(err) == autodefend.CodeInvalid:
		o.log.Warn("send audits", "audits", len(batch), "error", err.Error())
		o.refuse(len(batch))
	default:
		o.log.Warn("send audits", "audits", len(batch), "error", err.Error())
		o.failures++
		wait := pauseAfter(err, o.failures)
		o.after = o.now().Add(wait)
		o.arm(wait)
	}
	if o.dropped > 0 {
		o.log.Error("audits are in the log only: the Console didn't take them", "audits", o.dropped)
		o.dropped = 0
	}
	close(o.sending)
	o.sending = nil
}

// refuse sees to n audits that the Console will never take. Preconditions: mu is held.
func (o *outbox[A]) refuse(n int) {
	o.failures = 0
	if n > 1 && o.refused < refusedMax {
		o.batch = n / 2
		return
	}
	o.refused++
	o.batch = batchMax
	o.take(n)
	o.dropped += n
}

// take takes the first n audits out of the queue. Preconditions: mu is held.
func (o *outbox[A]) take(n int) {
	for _, w := range o.queue[:n] {
		o.bytes -= w.size
	}
	o.queue = append([]waiting[A](nil), o.queue[n:]...)
}

// pauseAfter is how long to wait after a number of failures in a row: twice as long each time, but not shorter than the
// Console asks for. All functions lose a Console at the same moment, and chance keeps them from coming back at the same.
func pauseAfter(err error, failures int) time.Duration {
	pause := min(pauseLeast<<min(failures-1, 10), pauseMost)
	if asked := askedPause(err); asked > 0 {
		return asked + chance(pause)
	}
	return pause/2 + chance(pause/2)
}

// askedPause is how long a Console asks to be left alone; 0 when it doesn't.
func askedPause(err error) time.Duration {
	var asked interface{ RetryAfter() time.Duration }
	if !errors.As(err, &asked) {
		return 0
	}
	return min(asked.RetryAfter(), pauseLongest)
}
