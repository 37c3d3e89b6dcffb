package audits

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/autodefend/autodefend/internal/api"
)

const (
	// expireBatch is how many audits are removed at once: few, so that what is stored meanwhile doesn't wait.
	expireBatch    = 1000
	retentionLease = "audits.retention"
	// expireLease is for how long a replica that died keeps others from removing.
	expireLease = 2 * time.Minute
)

// expire removes what is too old or too much, now and then, until ctx ends. Of all replicas, the one with the lease does.
func (s *Service) expire(ctx context.Context) {
	defer s.giveUp(ctx, retentionLease)
	for sleep(ctx, s.Keep.Every) {
		if err := s.Expire(ctx); err != nil && ctx.Err() == nil {
			s.Log.Warn("remove old audits", slog.Any("error", err))
		}
	}
}

// Expire removes once what is too old or too much, unless another replica does.
func (s *Service) Expire(ctx context.Context) error {
	lease, mine, err := s.Leases.Acquire(ctx, retentionLease, s.Owner, expireLease)
	if err != nil || !mine {
		return err
	}
	now := s.Now().UTC()
	if s.Keep.Age > 0 {
		for _, stream := range []api.Stream{api.StreamRuntime, api.StreamFirewall} {
			if err := s.expireBefore(ctx, &lease, stream, now.Add(-s.Keep.Age)); err != nil {
				return fmt.Errorf("remove audits by age: %w", err)
			}
		}
		if err := s.expireIncidents(ctx, &lease, now.Add(-s.Keep.Age-incidentWindow)); err != nil {
			return fmt.Errorf("remove incidents by age: %w", err)
		}
	}
	if s.Keep.MgmtAge > 0 {
		if _, err := s.Retention.ExpireMgmt(ctx, now.Add(-s.Keep.MgmtAge)); err != nil {
			return fmt.Errorf("remove management audits by age: %w", err)
		}
	}
	if s.Keep.Bytes > 0 {
		if err := s.shrink(ctx, &lease); err != nil {
			return fmt.Errorf("remove audits by size: %w", err)
		}
	}
	return nil
}

// held prolongs the lease when half of it is over, and fails when it's lost.
func (s *Service) held(ctx context.Context, lease *api.Lease) error {
	if lease.Expires.Sub(s.Now()) > expireLease/2 {
		return s.Leases.Holds(ctx, *lease)
	}
	renewed, mine, err := s.Leases.Acquire(ctx, lease.Name, lease.Owner, expireLease)
	if err != nil {
		return err
	}
	if !mine || renewed.Token != lease.Token {
		return s.Leases.Holds(ctx, *lease)
	}
	*lease = renewed
	return nil
}

func (s *Service) expireBefore(ctx context.Context, lease *api.Lease, stream api.Stream, before time.Time) error {
	for {
		if err := s.held(ctx, lease); err != nil {
			return err
		}
		n, err := s.Retention.Expire(ctx, stream, before, expireBatch)
		if err != nil || n == 0 {
			return err
		}
	}
}

// expireIncidents removes incidents whose first audit is older than audits may become by the window in which an incident
// gathers them: none of its audits is left then.
func (s *Service) expireIncidents(ctx context.Context, lease *api.Lease, before time.Time) error {
	for {
		if err := s.held(ctx, lease); err != nil {
			return err
		}
		n, err := s.Retention.ExpireIncidents(ctx, before)
		if err != nil || n == 0 {
			return err
		}
	}
}

// room is how large a store may be that doesn't get smaller: PostgreSQL keeps what was freed for what comes next. It's
// stored, so that a restart removes nothing for the same size once more.
type room struct {
	// Bytes is how large the store was when enough had been removed for Keep.
	Bytes int64 `json:"bytes"`
	Keep  int64 `json:"keep"`
}

// roomID is the document that has the room, of the kind [api.KindPosition].
const roomID = "retention.room"

// shrink removes the oldest audits of both streams until they fit: as large a share of them as the store is too large,
// and a twentieth more. When the store isn't smaller then, it has room, and is left alone until it has used that up.
func (s *Service) shrink(ctx context.Context, lease *api.Lease) error {
	size, err := s.Retention.Size(ctx)
	if err != nil || size <= s.Keep.Bytes {
		return err
	}
	known, version, err := readDocument[room](ctx, s, roomID)
	if err != nil || known.Keep == s.Keep.Bytes && size <= known.Bytes {
		return err
	}
	all, err := s.countAll(ctx)
	if err != nil {
		return err
	}
	goal := int(float64(all)*float64(size-s.Keep.Bytes)/float64(size)) + all/20 + 1
	removed := 0
	for removed < goal && size > s.Keep.Bytes {
		n, err := s.removeOldest(ctx, lease)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		removed += n
		if size, err = s.Retention.Size(ctx); err != nil {
			return err
		}
	}
	s.Log.Info("audits were removed for want of room", slog.Int("audits", removed), slog.Int64("bytes", size))
	if size <= s.Keep.Bytes {
		return nil
	}
	return s.writeDocument(ctx, roomID, version, room{Bytes: size, Keep: s.Keep.Bytes})
}

// countAll counts the audits of both streams.
func (s *Service) countAll(ctx context.Context) (int, error) {
	all := 0
	for _, stream := range []api.Stream{api.StreamRuntime, api.StreamFirewall} {
		n, err := s.totalOf(ctx, api.AuditQuery{Stream: stream})
		if err != nil {
			return 0, err
		}
		all += n
	}
	return all, nil
}

// removeOldest removes some of the oldest audits of both streams, and returns how many.
func (s *Service) removeOldest(ctx context.Context, lease *api.Lease) (int, error) {
	before := s.Now().UTC()
	for _, stream := range []api.Stream{api.StreamRuntime, api.StreamFirewall} {
		// The audit that comes expireBatch after the oldest one tells up to when to remove.
		next, err := s.Audits.Audits(ctx, api.AuditQuery{
			Stream: stream, Before: math.MaxInt64, Page: api.Page{Reverse: true, Offset: expireBatch, Limit: 1},
		})
		if err != nil {
			return 0, err
		}
		if len(next) > 0 && next[0].Received.Before(before) {
			before = next[0].Received.Add(time.Millisecond) // it too: many may have come at once
		}
	}
	removed := 0
	for _, stream := range []api.Stream{api.StreamRuntime, api.StreamFirewall} {
		if err := s.held(ctx, lease); err != nil {
			return removed, err
		}
		n, err := s.Retention.Expire(ctx, stream, before, expireBatch)
		if err != nil {
			return removed, err
		}
		removed += n
	}
	return removed, nil
}
