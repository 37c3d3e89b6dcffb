package audits

import (
	"context"
	"iter"
	"math"

	"github.com/autodefend/autodefend/internal/api"
)

// After returns audits of a stream that were stored after the one with a sequence, in the order of their sequence, at
// most limit.
func (s *Service) After(ctx context.Context, stream api.Stream, sequence int64, limit int) ([]api.AuditRecord, error) {
	return s.after(ctx, api.AuditQuery{Stream: stream}, sequence, limit)
}

// after does the same for audits that a query finds.
func (s *Service) after(ctx context.Context, q api.AuditQuery, sequence int64, limit int) ([]api.AuditRecord, error) {
	q.After, q.Before, q.Page = sequence, math.MaxInt64, api.Page{Reverse: true, Limit: limit}
	return s.Audits.Audits(ctx, q)
}

// newest is the sequence of the audit that was stored last of those that a query finds; 0 when there is none.
func (s *Service) newest(ctx context.Context, q api.AuditQuery) (int64, error) {
	q.Before, q.Page = math.MaxInt64, api.Page{Limit: 1}
	records, err := s.Audits.Audits(ctx, q)
	if err != nil || len(records) == 0 {
		return 0, err
	}
	return records[0].Sequence, nil
}

// newestFirst reads all audits that a query finds, in pieces, the newest first. What is stored meanwhile need not be among
// them, but none is there twice. Texts and members of the body, for which the store looks at some audits only, are
// compared here.
func (s *Service) newestFirst(ctx context.Context, q api.AuditQuery) iter.Seq2[[]api.AuditRecord, error] {
	sift := newSieve(&q)
	q.Page = api.Page{Limit: s.piece}
	return func(yield func([]api.AuditRecord, error) bool) {
		last := make(map[int64]bool) // the audits of the last time that was read
		for {
			records, err := s.Audits.Audits(ctx, q)
			if err != nil {
				yield(nil, err)
				return
			}
			var found []api.AuditRecord
			for _, a := range records {
				if q.To.IsZero() || !a.Time.Equal(q.To) {
					clear(last)
					q.To = a.Time
				}
				if !last[a.Sequence] && sift.lets(&a) {
					found = append(found, a)
				}
				last[a.Sequence] = true
			}
			if len(found) > 0 && !yield(found, nil) || len(records) < s.piece {
				return
			}
			q.Page.Offset = len(last)
		}
	}
}
