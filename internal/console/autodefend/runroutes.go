package autodefend

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/journal"
	"github.com/autodefend/autodefend/internal/console/route"
)

// listRuns answers the runs that are kept, the newest first, without their receipts.
func (s *Service) listRuns(ctx context.Context, c *route.Call) (route.Answer, error) {
	p, err := page(c.Query, ownPageLimit)
	if err != nil {
		return route.Answer{}, err
	}
	runs, err := s.allRuns(ctx)
	if err != nil {
		return route.Answer{}, err
	}
	for name, of := range map[string]func(api.RunRecord) string{
		"rule":  func(r api.RunRecord) string { return r.Rule },
		"kind":  func(r api.RunRecord) string { return string(r.Kind) },
		"state": func(r api.RunRecord) string { return string(r.State) },
	} {
		if wanted := texts(c.Query, name); len(wanted) > 0 {
			runs = slices.DeleteFunc(runs, func(r api.RunRecord) bool { return !slices.Contains(wanted, of(r)) })
		}
	}
	total := len(runs)
	return list(cut(runs, p), total), nil
}

// getRun answers one run with its receipts.
func (s *Service) getRun(ctx context.Context, c *route.Call) (route.Answer, error) {
	r, err := s.runRecord(ctx, c.Path["id"])
	if err != nil {
		return route.Answer{}, err
	}
	return route.Answer{JSON: r}, nil
}

// getPlan answers one plan.
func (s *Service) getPlan(ctx context.Context, c *route.Call) (route.Answer, error) {
	r, err := s.runRecord(ctx, c.Path["id"])
	if err == nil && r.Kind != api.RunPlan {
		err = autodefend.Errorf(autodefend.CodeNotFound, "%q is a run and no plan", r.ID).WithHint("GET /api/v1/runs/%s", r.ID)
	}
	if err != nil {
		return route.Answer{}, err
	}
	return route.Answer{JSON: r}, nil
}

// planRequest asks for a plan of one rule.
type planRequest struct {
	Rule string `json:"rule"`
}

// parsePlanRequest reads the body of POST /plans.
func parsePlanRequest(body []byte) (planRequest, error) {
	var r planRequest
	if err := json.Unmarshal(body, &r); err != nil || r.Rule == "" {
		return r, autodefend.Errorf(autodefend.CodeInvalid, "rule: want the name of an auto-defend rule").WithHint(`send {"rule":"NAME"}`)
	}
	return r, nil
}

// makePlan queues a plan of one rule and answers its record.
func (s *Service) makePlan(ctx context.Context, c *route.Call) (route.Answer, error) {
	request, err := parsePlanRequest(c.Body)
	if err != nil {
		return route.Answer{}, err
	}
	st, err := s.load(ctx)
	if err != nil {
		return route.Answer{}, err
	}
	rule, _, ok := st.rule(request.Rule)
	if !ok {
		return route.Answer{}, noRule(shorten(request.Rule))
	}
	return s.enqueue(ctx, c, api.AutoDeployJob{Kind: api.RunPlan, Rule: rule}, nil)
}

// enqueue stores a job, with another change, and answers its record.
func (s *Service) enqueue(ctx context.Context, c *route.Call, job api.AutoDeployJob, more []api.DocumentChange) (route.Answer, error) {
	job.ID, job.By, job.Created = s.cfg.NewRun(), c.Principal.Username, s.now()
	changes, record, err := s.queued(job)
	if err != nil {
		return route.Answer{}, err
	}
	err = s.cfg.Documents.Write(ctx, append(changes, more...), journal.Audit(c, api.MgmtRule, s.now(), nil, changes[0].Body))
	if err != nil {
		return route.Answer{}, err
	}
	return route.Answer{JSON: record}, nil
}

// rollbackRun takes the Defender from the functions that a run attached it to. Its rule goes into dry run, or it would
// attach the Defender again.
func (s *Service) rollbackRun(ctx context.Context, c *route.Call) (route.Answer, error) {
	run, err := s.runRecord(ctx, c.Path["id"])
	switch {
	case err != nil:
		return route.Answer{}, err
	case run.Kind != api.RunApply || run.Spec == nil:
		return route.Answer{}, autodefend.Errorf(autodefend.CodeInvalid, "the run %q is a %s: there is nothing to roll back", run.ID, run.Kind).
			WithHint("runs of the kind apply can be rolled back")
	}
	rules, version, err := s.rules(ctx)
	if err != nil {
		return route.Answer{}, err
	}
	var more []api.DocumentChange
	at := slices.IndexFunc(rules, func(r api.AutoDeployRule) bool { return r.Name == run.Rule })
	if at >= 0 && !rules[at].Own.DryRun {
		if rules[at], err = rules[at].InDryRun(s.now()); err != nil {
			return route.Answer{}, err
		}
		body, err := json.Marshal(rules)
		if err != nil {
			return route.Answer{}, err
		}
		more = append(more, api.DocumentChange{Kind: api.KindAutoDeploy, Version: version, Body: body})
	}
	return s.enqueue(ctx, c, api.AutoDeployJob{Kind: api.RunRollback, Of: run.ID, Rule: *run.Spec}, more)
}

// confirmRun lets a blocked removal go on.
func (s *Service) confirmRun(ctx context.Context, c *route.Call) (route.Answer, error) {
	run, err := s.runRecord(ctx, c.Path["id"])
	if err != nil {
		return route.Answer{}, err
	}
	job, version, err := readVersion[api.AutoDeployJob](ctx, s, api.KindRuleStatus, idJob+run.ID)
	switch {
	case err != nil:
		return route.Answer{}, err
	case run.State != api.RunBlocked || !job.Blocked:
		return route.Answer{}, autodefend.Errorf(autodefend.CodeConflict, "the run %q isn't blocked", run.ID)
	case c.Query.Get("confirm") != run.Confirm:
		return route.Answer{}, autodefend.Errorf(autodefend.CodeConflict, "confirm: it isn't the digest of the functions that would lose the Defender").
			WithHint("GET /api/v1/runs/%s says what to confirm with", run.ID)
	}
	before, err := json.Marshal(run)
	if err != nil {
		return route.Answer{}, err
	}
	job.Blocked, job.Allow, job.Change, job.Next = false, len(run.Results), "", s.now()
	run.State, run.Message, run.Hint, run.Confirm, run.Results = api.RunQueued, "", "", "", rolledBack(run.Results)
	changes, err := runChanges(run)
	if err != nil {
		return route.Answer{}, err
	}
	waits, err := put(api.KindRuleStatus, idJob+run.ID, job)
	if err != nil {
		return route.Answer{}, err
	}
	waits.Version = version // of two who confirm, one does
	return route.Answer{}, s.cfg.Documents.Write(ctx, append(changes, waits), journal.Audit(c, api.MgmtRule, s.now(), before, changes[0].Body))
}
