package alerting

import (
	"context"
	"fmt"
	"math"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

const (
	// anySequence as a query's bound leaves nothing out, and has the store sort by number and not by time.
	anySequence = math.MaxInt64
	// window is how many audits are looked through at once.
	window = 500
	// windows is how many windows are looked through before what they gave is delivered.
	windows = 20
)

// collect puts deliveries for new audits of all streams into the outbox. It reports whether there may be more.
func (s *Service) collect(ctx context.Context, lease api.Lease) (bool, error) {
	more := false
	for _, stream := range streams() {
		full := true
		for n := 0; full; n++ {
			if n == windows {
				more = true
				break
			}
			var err error
			if full, err = s.collectWindow(ctx, lease, stream); err != nil {
				return false, fmt.Errorf("collect alerts: %w", err)
			}
		}
	}
	return more, nil
}

// collectWindow looks through the next audits of a stream. It reports whether there may be more. The deliveries are in
// the outbox before the position moves; their ids make it harmless to put them there again.
func (s *Service) collectWindow(ctx context.Context, lease api.Lease, stream api.Stream) (bool, error) {
	at, err := s.readPosition(ctx, stream)
	if err != nil {
		return false, err
	}
	skipped, err := s.skip(ctx, stream, at)
	if err != nil || skipped {
		return false, err
	}
	audits, err := s.nextAudits(ctx, stream, at.Sequence)
	if err != nil || len(audits) == 0 {
		return false, err
	}
	// Profiles are read after the audits: one that was stored before an audit is asked about it.
	profiles, err := s.loadProfiles(ctx)
	if err != nil {
		return false, err
	}
	deliveries, tolls, err := s.deliveriesOf(profiles, audits)
	if err != nil {
		return false, err
	}
	if err := s.leases.Holds(ctx, lease); err != nil {
		return false, err
	}
	if len(deliveries) > 0 {
		if err := s.outbox.Enqueue(ctx, deliveries); err != nil {
			return false, err
		}
	}
	for _, t := range tolls {
		s.flood.spend(t.bucket, t.perMinute, t.told, s.now())
	}
	at.Sequence = audits[len(audits)-1].Sequence
	return len(audits) == window, s.writePosition(ctx, stream, at)
}

// skip goes to the newest audit of a stream when no profile asks for any. The profiles are read once more after the
// newest audit, for the same reason as in [Service.collectWindow].
func (s *Service) skip(ctx context.Context, stream api.Stream, at position) (bool, error) {
	if wanted, err := s.wanted(ctx, stream); err != nil || wanted {
		return false, err
	}
	newest, err := s.newestSequence(ctx, stream)
	if err != nil {
		return false, err
	}
	if wanted, err := s.wanted(ctx, stream); err != nil || wanted {
		return false, err
	}
	if newest <= at.Sequence {
		return true, nil
	}
	at.Sequence = newest
	return true, s.writePosition(ctx, stream, at)
}

// wanted reports whether a profile asks for audits of a stream.
func (s *Service) wanted(ctx context.Context, stream api.Stream) (bool, error) {
	profiles, err := s.loadProfiles(ctx)
	if err != nil {
		return false, err
	}
	kind := api.AlertKindOf(stream)
	for _, p := range profiles {
		if !p.Disabled && p.Policy[kind].Enabled {
			return true, nil
		}
	}
	return false, nil
}

// newestSequence is the number of the newest audit of a stream, 0 when there is none.
func (s *Service) newestSequence(ctx context.Context, stream api.Stream) (int64, error) {
	newest, err := s.audits.Audits(ctx, api.AuditQuery{Stream: stream, Before: anySequence, Page: api.Page{Limit: 1}})
	if err != nil {
		return 0, fmt.Errorf("read the newest audit: %w", err)
	}
	if len(newest) == 0 {
		return 0, nil
	}
	return newest[0].Sequence, nil
}

// nextAudits returns the audits after a sequence number in their order, none left out in between: the store shows
// numbers in their order only.
func (s *Service) nextAudits(ctx context.Context, stream api.Stream, after int64) ([]api.AuditRecord, error) {
	audits, err := s.audits.Audits(ctx, api.AuditQuery{
		Stream: stream, After: after, Before: anySequence, Page: api.Page{Reverse: true, Limit: window},
	})
	if err != nil {
		return nil, fmt.Errorf("read audits: %w", err)
	}
	last := after
	for _, audit := range audits {
		if audit.Sequence <= last {
			return nil, autodefend.Errorf(autodefend.CodeInternal, "read audits: number %d comes after %d", audit.Sequence, last)
		}
		last = audit.Sequence
	}
	return audits, nil
}
