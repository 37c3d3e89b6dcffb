package defend

import (
	"context"
	"log/slog"
	"time"

	"github.com/autodefend/autodefend"
)

// channel takes audits of one sort to where they go: thinned out into the log, and from there to the Console.
type channel[A any] struct {
	sort   sort[A]
	rates  *aggregate[A]
	lines  *lines
	newID  func() string
	outbox *outbox[A] // nil without a Console
}

// sort is what the channel has to know of a sort of audits.
type sort[A any] struct {
	// singly is how many audits of a kind within window are written one by one.
	singly int
	window time.Duration
	about  func(*A) about
}

// about are the parts of an audit.
type about struct {
	kind  string // what is counted together
	name  string // of the kind, in a sentence
	msg   *string
	id    *string
	count *int
	time  *time.Time
}

// ofRuntime are the audits of what processes do. The numbers are Prisma's.
func ofRuntime() sort[autodefend.Audit] {
	return sort[autodefend.Audit]{singly: 5, window: 15 * time.Minute, about: func(a *autodefend.Audit) about {
		return about{kind: string(a.AttackType), name: string(a.Type), msg: &a.Msg, id: &a.ID, count: &a.Count, time: &a.Time}
	}}
}

// ofFirewall are the audits of events. Each tells of another request, so more are written before they're counted: what
// is left out is what a flood repeats.
func ofFirewall() sort[autodefend.FirewallAudit] {
	return sort[autodefend.FirewallAudit]{singly: 100, window: 15 * time.Minute, about: func(a *autodefend.FirewallAudit) about {
		return about{
			kind: string(a.Type) + " " + string(a.Effect), name: string(a.Type),
			msg: &a.Msg, id: &a.ID, count: &a.Count, time: &a.Time,
		}
	}}
}

func newChannel[A any](of sort[A], config Config, lines *lines) *channel[A] {
	return &channel[A]{sort: of, rates: newAggregate(of, config.Function.Name), lines: lines, newID: config.NewID}
}

// connect adds a Console.
func (c *channel[A]) connect(post func(ctx context.Context, audits []A) error, log *slog.Logger, now func() time.Time) {
	c.outbox = newOutbox(post, log, now)
}

// add takes an audit.
func (c *channel[A]) add(a A, now time.Time) { c.write(c.rates.add(a, now)) }

// sums writes the sums that are due, or all.
func (c *channel[A]) sums(now time.Time, all bool) {
	if all {
		c.write(c.rates.close(now))
		return
	}
	c.write(c.rates.sums(now))
}

// write puts audits into the log and into the queue for the Console.
func (c *channel[A]) write(audits []A) {
	for i := range audits {
		if id := c.sort.about(&audits[i]).id; *id == "" {
			*id = c.newID()
		}
		size := c.lines.write(audits[i])
		if c.outbox != nil {
			c.outbox.add(audits[i], size)
		}
	}
}

// flush sends what is queued; last says that there's no later.
func (c *channel[A]) flush(ctx context.Context, last bool) {
	if c.outbox != nil {
		c.outbox.flush(ctx, last)
	}
}

// leave says what is left when the function ends.
func (c *channel[A]) leave() {
	if c.outbox != nil {
		c.outbox.leave()
	}
}
