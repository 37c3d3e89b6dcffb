package alerting

import (
	"context"
	"fmt"
	"time"

	"github.com/autodefend/autodefend/internal/api"
)

const (
	// deadAge is how long dead letters are kept.
	deadAge = 30 * 24 * time.Hour
	// deadMost is how many are kept.
	deadMost = 50_000
	// expirePause is how often what is too much is looked for.
	expirePause = time.Minute
	// expirePages is how many pages of them are removed at once: alerts wait meanwhile.
	expirePages = 20
)

// expire removes dead letters that nobody did anything about: those that are too old, and the oldest of too many.
func (s *Service) expire(ctx context.Context) error {
	removed := 0
	for range expirePages {
		letters, total, err := s.outbox.Dead(ctx, api.Page{Reverse: true, Limit: deadPage})
		if err != nil {
			return fmt.Errorf("expire dead alerts: %w", err)
		}
		var old []parcel
		for i, d := range letters {
			if i < total-deadMost || s.now().Sub(d.Created) > deadAge {
				old = append(old, parcel{Delivery: d})
			}
		}
		s.settle(ctx, old, func(d *api.Delivery) { d.Outcome = "delivered" })
		removed += len(old)
		if len(old) < deadPage {
			break
		}
	}
	if removed > 0 {
		s.logger.WarnContext(ctx, "dead alerts were removed: too old, or too many", "alerts", removed)
	}
	return nil
}
