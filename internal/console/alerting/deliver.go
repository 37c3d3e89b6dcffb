package alerting

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

const (
	// dueLimit is how many deliveries are taken at once.
	dueLimit = 200
	// hold is how long nobody else takes them, and a restarted replica neither.
	hold = 3 * time.Minute
	// sendingTime bounds how long messages are begun after deliveries were taken. With one message and writing down what
	// came of it, that ends within hold.
	sendingTime = time.Minute
	// laneTime bounds how long messages are begun to one channel while others may wait for the next round.
	laneTime = 10 * time.Second
	// senders is how many channels are sent to at the same time.
	senders = 8
	// mostTogether and mostBytes bound what is put into one alert.
	mostTogether = 50
	mostBytes    = 128 << 10
	// settleTime bounds writing down what came of a message.
	settleTime = 20 * time.Second
)

// parcel is a delivery with what is in it.
type parcel struct {
	api.Delivery
	entry api.AlertEntry
}

// lane are the deliveries of one channel of a profile and of one kind, in the order of their audits' times.
type lane struct {
	profile, channel string
	kind             api.AlertKind
	parcels          []parcel
}

// deliver sends what is due and reports whether there may be more. Channels are sent to side by side; what comes for
// them meanwhile waits for the slowest. That has [laneTime], and one message more. When more than [senders] are slow, they take
// turns, for sendingTime at most.
func (s *Service) deliver(ctx context.Context) (bool, error) {
	profiles, err := s.loadProfiles(ctx)
	if err != nil {
		return false, err
	}
	started := s.now()
	due, err := s.outbox.Due(ctx, started, hold, dueLimit)
	if err != nil {
		return false, fmt.Errorf("take alerts to deliver: %w", err)
	}
	lanes := s.sort(ctx, due)
	s.forgetBuckets(profiles)
	slots := make(chan struct{}, senders)
	var running sync.WaitGroup
	for _, l := range lanes {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			until := s.now().Add(laneTime)
			if last := started.Add(sendingTime); until.After(last) {
				until = last
			}
			s.run(ctx, profiles, l, until)
		})
	}
	running.Wait()
	return len(due) == dueLimit, nil
}

// sort divides deliveries by where they go.
func (s *Service) sort(ctx context.Context, due []api.Delivery) []*lane {
	var lanes []*lane
	at := make(map[string]*lane)
	for _, d := range due {
		entry, err := api.DecodeAlertEntry(d.Body)
		if err != nil {
			s.bury(ctx, []parcel{{Delivery: d}}, "the alert can't be read")
			continue
		}
		key := d.Profile + "\x00" + entry.Channel + "\x00" + string(entry.Kind)
		l := at[key]
		if l == nil {
			l = &lane{profile: d.Profile, channel: entry.Channel, kind: entry.Kind}
			at[key], lanes = l, append(lanes, l)
		}
		l.parcels = append(l.parcels, parcel{d, entry})
	}
	for _, l := range lanes {
		slices.SortStableFunc(l.parcels, func(a, b parcel) int { return a.entry.Audit.Time.Compare(b.entry.Audit.Time) })
	}
	return lanes
}

// run sends the deliveries of a lane. After a failure that may pass, the rest of the lane waits as well: the receiver is
// down, and not the alert at fault.
func (s *Service) run(ctx context.Context, profiles []*profile, l *lane, until time.Time) {
	p := find(profiles, l.profile)
	if reason := undeliverable(p, l.channel); reason != "" {
		s.bury(ctx, l.parcels, reason)
		return
	}
	to, err := s.target(ctx, p, l.channel)
	if err != nil {
		s.failed(ctx, p, l.channel, l.parcels, err)
		return
	}
	bucket := bucketOf(p, l.channel)
	for batches := s.pack(p, bucket, l.parcels); len(batches) > 0; batches = batches[1:] {
		if ctx.Err() != nil || !s.now().Before(until) {
			s.postpone(ctx, flat(batches), s.now())
			return
		}
		if !s.pace.take(bucket, p.Autodefend.MaxPerMinute, s.now()) {
			for _, batch := range batches {
				s.postpone(ctx, batch, s.pace.turn(bucket, p.Autodefend.MaxPerMinute, s.now()))
			}
			return
		}
		err := s.send(ctx, to, p, l.kind, batches[0])
		switch {
		case err == nil, partly(err):
			s.delivered(ctx, p, l.channel, batches[0], err)
		case lasts(err):
			s.failed(ctx, p, l.channel, batches[0], err)
		default:
			s.failed(ctx, p, l.channel, flat(batches), err)
			return
		}
	}
}

// undeliverable says why a profile doesn't take deliveries any more; "" when it does.
func undeliverable(p *profile, channel string) string {
	switch {
	case p == nil:
		return "the alert profile was deleted"
	case p.Disabled:
		return "the alert profile is disabled"
	}
	for _, known := range channels(p) {
		if known == channel {
			return ""
		}
	}
	return "the alert profile doesn't have this channel any more"
}

// pack puts deliveries into messages: each by itself, or as many together as one message takes when the profile collects
// them or there are more than it may send now.
func (s *Service) pack(p *profile, bucket string, parcels []parcel) [][]parcel {
	together := p.Autodefend.BufferPeriodSec > 0 || len(parcels) > s.pace.available(bucket, p.Autodefend.MaxPerMinute, s.now())
	var batches [][]parcel
	size := 0
	for _, d := range parcels {
		last := len(batches) - 1
		if last < 0 || !together || len(batches[last]) == mostTogether || size+weight(p, d) > mostBytes {
			batches, size = append(batches, nil), 0
			last++
		}
		batches[last], size = append(batches[last], d), size+weight(p, d)
	}
	return batches
}

// weight is about how many bytes a delivery has in a message. An OCSF finding has the audit as a text, in which quotation
// marks are escaped, and much beside it: SNS would refuse the whole message as too large.
func weight(p *profile, d parcel) int {
	if p.Autodefend.Format == api.AlertOCSF {
		return 2*len(d.Body) + 2<<10
	}
	return len(d.Body)
}

func flat(batches [][]parcel) []parcel {
	var all []parcel
	for _, b := range batches {
		all = append(all, b...)
	}
	return all
}

// send sends one message. Once begun it isn't broken off: a replica that loses its lease or is being shut down would not
// know whether it arrived.
func (s *Service) send(ctx context.Context, to api.AlertTarget, p *profile, kind api.AlertKind, batch []parcel) error {
	alert := api.Alert{ID: batch[0].ID, Profile: p.Name, Kind: kind}
	for _, d := range batch {
		alert.Audits = append(alert.Audits, d.entry.Audit)
	}
	return s.sender.Send(context.WithoutCancel(ctx), to, alert)
}

// delivered ends deliveries that arrived. An error tells who was left out.
func (s *Service) delivered(ctx context.Context, p *profile, channel string, batch []parcel, err error) {
	problem := ""
	if err != nil {
		problem = words(err)
		s.logger.WarnContext(ctx, "an alert isn't delivered to all", "profile", p.Name, "channel", channel, "alerts", len(batch), "error", err)
	}
	s.settle(ctx, batch, func(d *api.Delivery) {
		d.Outcome, d.LastError, d.Attempts = "delivered", "", d.Attempts+1
	})
	s.note(context.WithoutCancel(ctx), p.Name, channel, problem)
}

// failed has deliveries tried again later, or ends them.
func (s *Service) failed(ctx context.Context, p *profile, channel string, batch []parcel, err error) {
	s.logger.WarnContext(ctx, "an alert can't be delivered", "profile", p.Name, "channel", channel, "alerts", len(batch), "error", err)
	jitter := s.jitter()
	now := s.now()
	s.settle(ctx, batch, func(d *api.Delivery) {
		d.Attempts++
		d.LastError = words(err)
		d.Next = now.Add(waitAfter(err, d.Attempts, jitter))
		if lasts(err) || d.Attempts >= s.maxAttempts {
			d.Outcome = "dead"
		}
	})
	s.note(context.WithoutCancel(ctx), p.Name, channel, words(err))
}

// postpone gives deliveries back without counting an attempt.
func (s *Service) postpone(ctx context.Context, batch []parcel, next time.Time) {
	s.settle(ctx, batch, func(d *api.Delivery) { d.Next = next })
}

// bury ends deliveries that can't be tried.
func (s *Service) bury(ctx context.Context, batch []parcel, reason string) {
	s.settle(ctx, batch, func(d *api.Delivery) { d.Outcome, d.LastError = "dead", reason })
}

// settle writes down what came of deliveries, also when the replica is being shut down: side by side, so that the store
// can write them at once. A delivery whose outcome can't be written is taken again after [hold].
func (s *Service) settle(ctx context.Context, batch []parcel, change func(*api.Delivery)) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	for some := range slices.Chunk(batch, mostTogether) {
		var running sync.WaitGroup
		for _, d := range some {
			change(&d.Delivery)
			running.Go(func() {
				if err := s.outbox.Settle(ctx, d.Delivery); err != nil && autodefend.ErrorCode(err) != autodefend.CodeNotFound {
					s.logger.ErrorContext(ctx, "what came of an alert can't be written", "id", d.ID, "profile", d.Profile, "error", err)
				}
			})
		}
		running.Wait()
	}
}

// bucketOf names a channel of a profile.
func bucketOf(p *profile, channel string) string { return p.Name + "\x00" + channel }

// forgetBuckets drops what is known of channels that are gone.
func (s *Service) forgetBuckets(profiles []*profile) {
	known := make(map[string]bool)
	for _, p := range profiles {
		for _, channel := range channels(p) {
			known[bucketOf(p, channel)] = true
		}
	}
	s.pace.keep(known)
	s.flood.keep(known)
}
