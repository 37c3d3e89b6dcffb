package alerting

import (
	"context"
	"fmt"

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

// end changes what becomes of a dead letter, or of all.
func (s *Service) end(ctx context.Context, c *route.Call, change func(*api.Delivery)) (route.Answer, error) {
	letters, err := s.deadLetters(ctx, c.Path["id"])
	if err != nil {
		return route.Answer{}, err
	}
	// The outbox has no management audits, so that this one is written first: without the change rather than the reverse.
	if err := s.documents.Write(ctx, nil, journal.Audit(c, api.MgmtSettings, s.now(), nil, nil)); err != nil {
		return route.Answer{}, fmt.Errorf("write management audit: %w", err)
	}
	for _, d := range letters {
		change(&d)
		if err := s.outbox.Settle(ctx, d); err != nil {
			return route.Answer{}, fmt.Errorf("change dead alert: %w", err)
		}
	}
	return route.Answer{}, s.Raise(ctx, "", nil)
}

// deadLetters returns the dead letter of an id, or all.
func (s *Service) deadLetters(ctx context.Context, id string) ([]api.Delivery, error) {
	var found []api.Delivery
	for page := (api.Page{Limit: deadPage}); ; page.Offset += page.Limit {
		letters, _, err := s.outbox.Dead(ctx, page)
		if err != nil {
			return nil, fmt.Errorf("read dead alerts: %w", err)
		}
		for _, d := range letters {
			if id == allDead || d.ID == id {
				found = append(found, d)
			}
		}
		if len(letters) < page.Limit || id != allDead && len(found) > 0 {
			break
		}
	}
	if len(found) == 0 && id != allDead {
		return nil, autodefend.Errorf(autodefend.CodeNotFound, "there is no dead alert %q", id).WithHint("GET /alerts/dead lists them")
	}
	return found, nil
}
