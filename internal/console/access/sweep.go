package access

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

const (
	// sweepEvery is how many logins, failed ones too, make a sweep due.
	sweepEvery = 256
	// sweepBatch is how many documents one transaction removes.
	sweepBatch = 500
	// sweepTime bounds a sweep that a login set off.
	sweepTime = time.Minute
)

// sweeper counts logins until the next sweep.
type sweeper struct {
	logins  atomic.Int64
	running atomic.Bool
}

// count counts one, and sets off a sweep in the background when it's due and none is under way.
func (w *sweeper) count(sweep func()) {
	if w.logins.Add(1)%sweepEvery != 0 || !w.running.CompareAndSwap(false, true) {
		return
	}
	go func() {
		defer w.running.Store(false)
		sweep()
	}()
}

func (s *Service) sweepLater(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sweepTime)
	defer cancel()
	if _, err := s.Sweep(ctx); err != nil {
		s.log.WarnContext(ctx, "sweep of sessions failed", "error", err)
	}
}

// Sweep removes sessions and API tokens that are over and failed logins that are forgotten, and returns how many documents
// it removed. Nothing depends on it but the size of the database.
func (s *Service) Sweep(ctx context.Context) (int, error) {
	now := s.now()
	removed := 0
	sessions, err := sweep(ctx, s, api.KindSession, func(v session) bool { return !now.Before(v.Expires) })
	removed += sessions
	if err != nil {
		return removed, err
	}
	counts, err := sweep(ctx, s, api.KindLoginFailures, func(f failures) bool { return f.expired(now) })
	removed += counts
	if err != nil {
		return removed, err
	}
	tokens, err := sweep(ctx, s, api.KindAPIToken, func(t apiToken) bool { return now.After(t.Expires.Add(sessionEnds)) })
	return removed + tokens, err
}

// sweep removes the documents of a kind that are over, unless they were changed since they were read.
func sweep[T any](ctx context.Context, s *Service, kind api.Kind, over func(T) bool) (int, error) {
	documents, err := s.documents.Documents(ctx, kind)
	if err != nil {
		return 0, err
	}
	removed := 0
	var changes []api.DocumentChange
	for i, d := range documents {
		if v, err := read[T](d); err == nil && over(v) {
			changes = append(changes, api.DocumentChange{Kind: kind, ID: d.ID, Version: d.Version})
		}
		if len(changes) < sweepBatch && i < len(documents)-1 || len(changes) == 0 {
			continue
		}
		err := s.documents.Write(ctx, changes, nil)
		switch autodefend.ErrorCode(err) {
		case "":
			removed += len(changes)
		case autodefend.CodeConflict, autodefend.CodeNotFound: // another replica sweeps, or a session was renewed: next time
		default:
			return removed, err
		}
		changes = nil
	}
	return removed, nil
}
