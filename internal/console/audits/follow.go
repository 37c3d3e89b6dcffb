package audits

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

const (
	// followBatch is how many audits a reader takes at once.
	followBatch = 500
	// followPause is the least time between two looks, so that audits that come one by one are taken together.
	followPause = 200 * time.Millisecond
	// followLease is for how long a replica that died keeps others from reading on.
	followLease = 30 * time.Second
	// followRetry is the longest wait after an error.
	followRetry = 30 * time.Second
)

// reader does something about each audit of a stream, once it is stored. What it does must bear being repeated.
type reader struct {
	name   string
	stream api.Stream
	handle func(ctx context.Context, audits []api.AuditRecord) error
}

// id names what is stored for the reader.
func (r reader) id() string { return "reader." + r.name + "." + string(r.stream) }

// follow lets a reader read until ctx ends. Of all replicas, the one with the lease reads; its position is stored after
// each batch, so a batch may be read twice and none is left out.
func (s *Service) follow(ctx context.Context, r reader) {
	defer s.giveUp(ctx, "audits."+r.id())
	stored := s.Signals.Watch(ctx)
	wait := followPause
	for {
		if !sleep(ctx, wait) {
			return
		}
		more, err := s.readOn(ctx, r)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			wait = min(followRetry, max(time.Second, 2*wait))
			s.Log.Warn("read stored audits", slog.String("reader", r.name), slog.String("stream", string(r.stream)), slog.Any("error", err))
		case more:
			wait = 0
		default:
			wait = followPause
			if stored = s.awaitStored(ctx, stored); ctx.Err() != nil {
				return
			}
		}
	}
}

// giveUp gives a lease up when ctx has ended, so that others needn't wait for its end.
func (s *Service) giveUp(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	lease, mine, err := s.Leases.Acquire(ctx, name, s.Owner, time.Second)
	if err == nil && mine {
		err = s.Leases.Release(ctx, lease)
	}
	if err != nil {
		s.Log.Warn("give a lease up", slog.String("lease", name), slog.Any("error", err))
	}
}

// awaitStored returns when audits may have been stored. A channel that closed is replaced by waiting only.
func (s *Service) awaitStored(ctx context.Context, stored <-chan struct{}) <-chan struct{} {
	timer := time.NewTimer(s.stale)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case _, open := <-stored:
		if !open {
			return nil
		}
	}
	return stored
}

// sleep reports false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// readOn handles one batch, if there is one and no other replica reads. It reports whether there may be more.
func (s *Service) readOn(ctx context.Context, r reader) (bool, error) {
	id := r.id()
	position, _, err := s.position(ctx, id)
	if err != nil {
		return false, err
	}
	if ahead, err := s.After(ctx, r.stream, position.Of(r.stream), 1); err != nil || len(ahead) == 0 {
		return false, err
	}
	lease, mine, err := s.Leases.Acquire(ctx, "audits."+id, s.Owner, followLease)
	if err != nil || !mine {
		return false, err
	}
	// Another replica may have read on before the lease was ours.
	position, version, err := s.position(ctx, id)
	if err != nil {
		return false, err
	}
	audits, err := s.After(ctx, r.stream, position.Of(r.stream), followBatch)
	if err != nil || len(audits) == 0 {
		return false, err
	}
	if err := r.handle(ctx, audits); err != nil {
		return false, err
	}
	if err := s.Leases.Holds(ctx, lease); err != nil {
		return false, err
	}
	position = position.With(r.stream, audits[len(audits)-1].Sequence)
	return len(audits) == followBatch, s.writeDocument(ctx, id, version, position)
}

// position is how far a reader has come, with the version of the document that says so; 0 when there is none.
func (s *Service) position(ctx context.Context, id string) (api.Position, int64, error) {
	return readDocument[api.Position](ctx, s, id)
}

// readDocument reads a document of the kind [api.KindPosition] with its version; zero values when there is none.
func readDocument[V any](ctx context.Context, s *Service, id string) (V, int64, error) {
	var v V
	document, err := s.Documents.Document(ctx, api.KindPosition, id)
	if autodefend.ErrorCode(err) == autodefend.CodeNotFound {
		return v, 0, nil
	}
	if err != nil {
		return v, 0, fmt.Errorf("read position: %w", err)
	}
	if err := json.Unmarshal(document.Body, &v); err != nil {
		return v, 0, fmt.Errorf("read position %s: %w", id, err)
	}
	return v, document.Version, nil
}

// writeDocument writes a document of the kind [api.KindPosition] over the version that was read. It's a conflict when
// somebody else did so meanwhile.
func (s *Service) writeDocument(ctx context.Context, id string, version int64, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write position: %w", err)
	}
	change := api.DocumentChange{Kind: api.KindPosition, ID: id, Version: version, Body: body}
	if err := s.Documents.Write(ctx, []api.DocumentChange{change}, nil); err != nil {
		return fmt.Errorf("write position: %w", err)
	}
	return nil
}
