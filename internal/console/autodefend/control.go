package autodefend

import (
	"context"
	"encoding/json"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/journal"
	"github.com/autodefend/autodefend/internal/console/route"
)

// scanRules asks for the evaluation of every rule now.
func (s *Service) scanRules(ctx context.Context, c *route.Call) (route.Answer, error) {
	return s.command(ctx, c, func(to *control, now time.Time) { to.Scan = now })
}

// lookNow asks for a look at every account now.
func (s *Service) lookNow(ctx context.Context, c *route.Call) (route.Answer, error) {
	return s.command(ctx, c, func(to *control, now time.Time) { to.Look = now })
}

// stopRules ends what began before now for rules: their evaluations, plans, roll-backs and removals. Functions in hand are
// finished.
func (s *Service) stopRules(ctx context.Context, c *route.Call) (route.Answer, error) {
	return s.command(ctx, c, func(to *control, now time.Time) { to.Scan, to.Stop = time.Time{}, now })
}

// stopLooks ends the looks that began before now. Who may look at accounts may not on that account end what rules do.
func (s *Service) stopLooks(ctx context.Context, c *route.Call) (route.Answer, error) {
	return s.command(ctx, c, func(to *control, now time.Time) { to.Look, to.StopLook = time.Time{}, now })
}

// commandAttempts is how often a command is written that meets another one.
const commandAttempts = 5

// command stores what a person asks of the replicas; the one that has the work sees it within a tick.
func (s *Service) command(ctx context.Context, c *route.Call, set func(*control, time.Time)) (route.Answer, error) {
	for attempt := 1; ; attempt++ {
		err := s.tryCommand(ctx, c, set)
		if autodefend.ErrorCode(err) != autodefend.CodeConflict || attempt == commandAttempts {
			return route.Answer{}, err
		}
	}
}

func (s *Service) tryCommand(ctx context.Context, c *route.Call, set func(*control, time.Time)) error {
	d, err := s.cfg.Documents.Document(ctx, api.KindRuleStatus, idControl)
	if err != nil && autodefend.ErrorCode(err) != autodefend.CodeNotFound {
		return err
	}
	var now control
	if err == nil {
		if err := json.Unmarshal(d.Body, &now); err != nil {
			return damaged(d, err)
		}
	}
	set(&now, s.now())
	body, err := json.Marshal(now)
	if err != nil {
		return err
	}
	change := api.DocumentChange{Kind: api.KindRuleStatus, ID: idControl, Version: d.Version, Body: body}
	return s.cfg.Documents.Write(ctx, []api.DocumentChange{change}, journal.Audit(c, api.MgmtRule, s.now(), d.Body, body))
}
