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
	// outboxMax bounds the audits that wait for the Console; further ones are in the log only.
	outboxMax = 1000
	// batchMax is how many audits are sent at once.
	batchMax = 100
	// linger is how long an audit waits for others when no invocation ends.
	linger = time.Second
	// postTimeout bounds one attempt.
	postTimeout = 5 * time.Second
)

// outbox sends audits to the Console, a batch at a time, in their order. A batch that could not be sent is sent again
// when there is a reason to: another audit, the end of an invocation, the shutdown. The ids stay, so that the Console
// knows what it has.
type outbox[A any] struct {
	console func(ctx context.Context, audits []A) error
	log     *slog.Logger

	mu      sync.Mutex
	queue   []A
	dropped int           // since it was said
	waiting bool          // a timer runs that will send
	sending chan struct{} // closed when the attempt that runs is over; nil when none does
}

func newOutbox[A any](console func(ctx context.Context, audits []A) error, log *slog.Logger) *outbox[A] {
	return &outbox[A]{console: console, log: log}
}

// add queues an audit; it doesn't block.
func (o *outbox[A]) add(a A) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) >= outboxMax {
		o.dropped++
		return
	}
	o.queue = append(o.queue, a)
	if !o.waiting {
		o.waiting = true
		time.AfterFunc(linger, func() {
			o.mu.Lock()
			o.waiting = false
			o.mu.Unlock()
			o.send()
		})
	}
}

// flush sends what is queued. It returns when that is done, when an attempt failed or when ctx is over; an attempt that
// runs then goes on.
func (o *outbox[A]) flush(ctx context.Context) {
	for {
		before, running := o.attempt()
		if running == nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-running:
		}
		if after := o.length(); after == 0 || after >= before {
			return
		}
	}
}

// send is flush without an end.
func (o *outbox[A]) send() { o.flush(context.Background()) }

func (o *outbox[A]) length() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.queue)
}

// attempt starts to send a batch, unless one is being sent, and returns the queue's length and what tells the end. It
// is nil when there is nothing to send.
func (o *outbox[A]) attempt() (int, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) == 0 {
		return 0, nil
	}
	if o.sending == nil {
		o.sending = make(chan struct{})
		batch := append([]A(nil), o.queue[:min(len(o.queue), batchMax)]...)
		go o.post(batch)
	}
	return len(o.queue), o.sending
}

// post sends one batch and takes it out of the queue.
func (o *outbox[A]) post(batch []A) {
	ctx, cancel := context.WithTimeout(context.Background(), postTimeout)
	err := o.console(ctx, batch)
	cancel()
	o.mu.Lock()
	defer o.mu.Unlock()
	var refused *autodefend.Error
	hopeless := errors.As(err, &refused) && refused.Code == autodefend.CodeInvalid
	if err == nil || hopeless {
		o.queue = append([]A(nil), o.queue[len(batch):]...)
	}
	if hopeless {
		o.dropped += len(batch)
	}
	if err != nil {
		o.log.Warn("send audits", "audits", len(batch), "error", err.Error())
	}
	if o.dropped > 0 {
		o.log.Error("audits are in the log only: the Console didn't take them", "audits", o.dropped)
		o.dropped = 0
	}
	close(o.sending)
	o.sending = nil
}
