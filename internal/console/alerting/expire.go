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
	// expirePause is how often old ones are looked for.
	expirePause = time.Hour
)

// expire removes dead letters that nobody did anything about, at most a page at once.
func (s *Service) expire(ctx context.Context) error {
	letters, _, err := s.outbox.Dead(ctx, api.Page{Reverse: true, Limit: deadPage})
	if err != nil {
		return fmt.Errorf("expire dead alerts: %w", err)
	}
	var old []parcel
	for _, d := range letters {
		if s.now().Sub(d.Created) > deadAge {
			old = append(old, parcel{Delivery: d})
		}
	}
	if len(old) > 0 {
		s.logger.WarnContext(ctx, "dead alerts are too old and removed", "alerts", len(old))
	}
	s.settle(ctx, old, func(d *api.Delivery) { d.Outcome = "delivered" })
	return nil
}
