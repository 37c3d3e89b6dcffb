package alerting

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/journal"
	"github.com/autodefend/autodefend/internal/console/route"
)

// deadPage is how many dead letters are listed at once.
const deadPage = 500

// dead lists the alerts that couldn't be delivered.
func (s *Service) dead(ctx context.Context, c *route.Call) (route.Answer, error) {
	page, err := pageOf(c.Query, deadPage)
	if err != nil {
		return route.Answer{}, err
	}
	letters, total, err := s.outbox.Dead(ctx, page)
	if err != nil {
		return route.Answer{}, fmt.Errorf("read dead letters: %w", err)
	}
	shown := make([]api.DeadAlert, 0, len(letters))
	for _, d := range letters {
		entry, err := api.DecodeAlertEntry(d.Body)
		if err != nil {
			entry = api.AlertEntry{} // what is known of it is shown all the same
		}
		shown = append(shown, api.DeadAlert{
			ID: d.ID, Profile: d.Profile, Channel: entry.Channel, Kind: entry.Kind, Created: d.Created.UTC(), Attempts: d.Attempts,
			LastError: d.LastError, Audit: entry.Audit,
		})
	}
	return listed(shown, total), nil
}

// allDead stands for the id of every dead letter.
const allDead = "all"

// retry has a dead letter tried again, from its first attempt.
func (s *Service) retry(ctx context.Context, c *route.Call) (route.Answer, error) {
	return s.end(ctx, c, func(d *api.Delivery) {
		d.Outcome, d.Attempts, d.Next = "", 0, s.now()
	})
}

// giveUp removes a dead letter.
func (s *Service) giveUp(ctx context.Context, c *route.Call) (route.Answer, error) {
	return s.end(ctx, c, func(d *api.Delivery) { d.Outcome = "delivered" })
}

// end changes what becomes of a dead letter, or of all that there are now.
func (s *Service) end(ctx context.Context, c *route.Call, change func(*api.Delivery)) (route.Answer, error) {
	id := c.Path["id"]
	letters, left, err := s.deadLetters(ctx, id)
	if err != nil {
		return route.Answer{}, err
	}
	// The outbox has no management audits, so that this one is written first: without the change rather than the reverse.
	if err := s.documents.Write(ctx, nil, journal.Audit(c, api.MgmtSettings, s.now(), nil, nil)); err != nil {
		return route.Answer{}, fmt.Errorf("write management audit: %w", err)
	}
	defer s.wake()
	for len(letters) > 0 {
		if err := s.settleAll(ctx, letters, change); err != nil {
			return route.Answer{}, fmt.Errorf("change dead alert: %w", err)
		}
		if left -= len(letters); left <= 0 {
			break
		}
		if letters, _, err = s.deadLetters(ctx, id); err != nil {
			return route.Answer{}, err
		}
	}
	return route.Answer{}, nil
}

// settleAll changes deliveries side by side, so that the store can write them at once. One that is gone stays so.
func (s *Service) settleAll(ctx context.Context, letters []api.Delivery, change func(*api.Delivery)) error {
	for some := range slices.Chunk(letters, mostTogether) {
		failed := make([]error, len(some))
		var running sync.WaitGroup
		for i := range some {
			change(&some[i])
			running.Go(func() { failed[i] = s.outbox.Settle(ctx, some[i]) })
		}
		running.Wait()
		for _, err := range failed {
			if err != nil && autodefend.ErrorCode(err) != autodefend.CodeNotFound {
				return err
			}
		}
	}
	return nil
}

// deadLetters returns the dead letter of an id, or the oldest of all, and how many there are in all.
func (s *Service) deadLetters(ctx context.Context, id string) ([]api.Delivery, int, error) {
	for page := (api.Page{Limit: deadPage, Reverse: true}); ; page.Offset += page.Limit {
		letters, total, err := s.outbox.Dead(ctx, page)
		if err != nil {
			return nil, 0, fmt.Errorf("read dead alerts: %w", err)
		}
		if id == allDead {
			return letters, total, nil
		}
		if i := slices.IndexFunc(letters, func(d api.Delivery) bool { return d.ID == id }); i >= 0 {
			return letters[i : i+1], 1, nil
		}
		if len(letters) < page.Limit {
			return nil, 0, autodefend.Errorf(autodefend.CodeNotFound, "there is no dead alert %q", id).WithHint("GET /alerts/dead lists them")
		}
	}
}
