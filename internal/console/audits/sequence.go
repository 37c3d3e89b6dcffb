package audits

import (
	"context"
	"iter"

	"github.com/autodefend/autodefend/internal/api"
)

// bySequence sorts as the store numbered the audits.
const bySequence = "sequence"

// After returns audits of a stream that were stored after the one with a sequence, in the order of their sequence, at
// most limit.
func (s *Service) After(ctx context.Context, stream api.Stream, sequence int64, limit int) ([]api.AuditRecord, error) {
	return s.after(ctx, api.AuditQuery{Stream: stream}, sequence, limit)
}

// after does the same for audits that a query finds.
func (s *Service) after(ctx context.Context, q api.AuditQuery, sequence int64, limit int) ([]api.AuditRecord, error) {
	q.After, q.Page = sequence, api.Page{Sort: bySequence, Limit: limit}
	return s.Audits.Audits(ctx, q)
}

// newestFirst reads all audits that a query finds, in pieces, as they were stored and the last one first. What is stored
// meanwhile isn't among them.
func (s *Service) newestFirst(ctx context.Context, q api.AuditQuery, piece int) iter.Seq2[[]api.AuditRecord, error] {
	q.Page = api.Page{Sort: bySequence, Reverse: true, Limit: piece}
	return func(yield func([]api.AuditRecord, error) bool) {
		for {
			records, err := s.Audits.Audits(ctx, q)
			if err != nil {
				yield(nil, err)
				return
			}
			if len(records) == 0 || !yield(records, nil) || len(records) < piece {
				return
			}
			q.Before = records[len(records)-1].Sequence
		}
	}
}
