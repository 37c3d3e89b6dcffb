package autodefend

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

const (
	// jobAttempts is how often a job is tried before it fails.
	jobAttempts = 8
	// jobPause is the wait after the first attempt; it doubles with each.
	jobPause = 30 * time.Second
)

// jobRun is one attempt at one job.
type jobRun struct {
	s      *Service
	job    api.AutoDeployJob
	record api.RunRecord
	owner  string
	main   *held
	// current is an error when what the job goes by isn't so any more; nil when it goes by nothing that changes.
	current func(context.Context) error
	// partly says that something was left undone that a later attempt may do.
	partly bool
}

// queued are the documents of a job and its run's record, the record first.
func (s *Service) queued(job api.AutoDeployJob) ([]api.DocumentChange, api.RunRecord, error) {
	record := api.RunRecord{
		ID: job.ID, Kind: job.Kind, Rule: job.Rule.Name, Of: job.Of, By: job.By, State: api.RunQueued, Created: job.Created, Spec: &job.Rule,
	}
	changes, errRun := runChanges(record)
	waits, errJob := put(api.KindRuleStatus, idJob+job.ID, job)
	return append(changes, waits), record, errors.Join(errRun, errJob)
}

// job does a stored job.
func (s *Service) job(ctx context.Context, main *held, owner, id string) error {
	j, err := read[api.AutoDeployJob](ctx, s, api.KindRuleStatus, idJob+id)
	if err != nil {
		return err
	}
	record, err := s.runRecord(ctx, id)
	if err != nil {
		return err
	}
	record.State = api.RunRunning
	changes, err := runChanges(record)
	if err != nil {
		return err
	}
	if err := s.cfg.Documents.Write(ctx, changes, nil); err != nil {
		return err
	}
	s.log.Info("working on a job", "job", id, "kind", j.Kind, "rule", j.Rule.Name)
	r := &jobRun{s: s, job: j, record: record, owner: owner, main: main}
	switch j.Kind {
	case api.RunPlan:
		err = r.plan(ctx)
	case api.RunRollback:
		err = r.rollback(ctx)
	case api.RunRemoval:
		err = r.removal(ctx)
	default:
		err = autodefend.Errorf(autodefend.CodeInternal, "there is no job of the kind %q", j.Kind)
	}
	return r.finish(ctx, err)
}

// finish stores what became of the job: done, to be tried again, blocked or failed. One whose lease was lost is another
// replica's to tell of; one that was ended by the Console's end waits with the receipts so far.
func (r *jobRun) finish(ctx context.Context, err error) error {
	late := context.WithoutCancel(ctx)
	if lost := r.main.still(late); lost != nil {
		return lost
	}
	ended := whyEnded(ctx)
	if ended != nil && !errors.Is(ended, errStopped) {
		r.record.State = api.RunQueued
		return errors.Join(ended, r.s.storeRun(late, r.record, nil))
	}
	gone := api.DocumentChange{Kind: api.KindRuleStatus, ID: idJob + r.job.ID, Version: api.Any}
	switch {
	case ended != nil:
		r.end(api.RunFailed, ended)
	case r.job.Blocked:
		r.record.State = api.RunBlocked
		change, err := put(api.KindRuleStatus, idJob+r.job.ID, r.job)
		if err != nil {
			return err
		}
		return r.s.storeRun(late, r.record, []api.DocumentChange{change})
	case err != nil || r.partly:
		r.job.Attempts++
		if r.job.Attempts < jobAttempts && r.job.Kind != api.RunPlan {
			return r.again(late, err)
		}
		r.end(api.RunFailed, err)
	default:
		r.end(api.RunDone, nil)
	}
	return errors.Join(r.s.storeRun(late, r.record, []api.DocumentChange{gone}), err)
}

// end sets the record's last state.
func (r *jobRun) end(state api.RunState, err error) {
	r.record.State, r.record.Finished, r.record.Message, r.record.Hint = state, r.s.now(), "", ""
	switch {
	case err != nil:
		r.record.Message, r.record.Hint = err.Error(), autodefend.ErrorHint(err)
	case state == api.RunFailed:
		r.record.Message, r.record.Hint = "some functions or regions couldn't be done", "the errors and receipts say which and why"
	}
}

// again lets the job wait for its next attempt.
func (r *jobRun) again(ctx context.Context, err error) error {
	wait := jobPause << (r.job.Attempts - 1)
	r.job.Next = r.s.now().Add(wait)
	r.record.State = api.RunQueued
	r.record.Message = fmt.Sprintf("attempt %d left something undone; tried again at %s", r.job.Attempts, r.job.Next.Format(time.RFC3339))
	if err != nil {
		r.record.Message += ": " + err.Error()
		r.record.Hint = autodefend.ErrorHint(err)
	}
	change, failed := put(api.KindRuleStatus, idJob+r.job.ID, r.job)
	if failed != nil {
		return failed
	}
	return errors.Join(r.s.storeRun(ctx, r.record, []api.DocumentChange{change}), err)
}

// plan judges the rule's functions and keeps the plan.
func (r *jobRun) plan(ctx context.Context) error {
	e, err := r.s.newEvaluation(ctx, r.job.Rule.Name)
	if err != nil {
		return err
	}
	e.dry, e.run = true, r.job.ID
	scope, err := r.s.scopeOf(&e.covers[e.index], r.job.ID)
	if err != nil {
		return err
	}
	w, err := r.s.begin(ctx, r.main, r.owner, scope)
	e.work = w
	defer w.end(ctx)
	if err != nil {
		return err
	}
	w.plan(func(ctx context.Context, site *workSite) (Survey, error) { return site.Fleet.Plan(ctx) })
	p := &autodefend.Plan{Created: r.s.now(), Functions: []autodefend.Verdict{}, Errors: slices.Clone(w.errors)}
	for _, site := range w.sites {
		e.judge(site)
		if site.err == nil {
			p.Recipe, p.RecipeDigest = site.survey.Plan.Recipe, site.survey.Plan.RecipeDigest
		}
	}
	for _, v := range e.verdicts {
		p.Functions = append(p.Functions, v)
	}
	p.Finish()
	e.keep(&autodefend.Run{})
	r.record.Errors = w.errors
	r.s.keepPlan(&r.record, p)
	return nil
}

// rollback takes the Defender from the functions that a run attached it to.
func (r *jobRun) rollback(ctx context.Context) error {
	c := r.s.coverOf(r.job.Rule, r.job.Scope)
	return r.detach(ctx, c, r.job.Of, func(*autodefend.Function) bool { return true })
}

// removal takes the Defender from the functions that the rule covered and that no rule covers now.
func (r *jobRun) removal(ctx context.Context) error {
	old := r.s.coverOf(r.job.Rule, r.job.Scope)
	st, err := r.s.load(ctx)
	if err != nil {
		return err
	}
	covers, err := r.s.covers(ctx, st.rules, st.states)
	if err != nil {
		return err
	}
	r.current = func(ctx context.Context) error { return r.s.sameCovers(ctx, covers) }
	for i := range covers {
		if len(covers[i].missing) > 0 {
			return autodefend.Errorf(autodefend.CodeConflict, "the rule %q names collections that don't exist, so it isn't known what it covers",
				covers[i].rule.Name).WithHint("mend the rule")
		}
	}
	return r.detach(ctx, old, "", func(f *autodefend.Function) bool {
		if covered, _ := old.holds(f); !covered || owner(covers, f, r.job.Rule.CredentialID, false) >= 0 {
			return false
		}
		// A rule whose credential was never opened may be about this account: that is known after its first evaluation.
		unsure := owner(covers, f, r.job.Rule.CredentialID, true) >= 0
		r.partly = r.partly || unsure
		return !unsure
	})
}

// sameCovers is an error when the rules don't cover what they did.
func (s *Service) sameCovers(ctx context.Context, was []cover) error {
	st, err := s.load(ctx)
	if err != nil {
		return err
	}
	now, err := s.covers(ctx, st.rules, st.states)
	if err == nil && !slices.EqualFunc(now, was, sameCover) {
		err = errChanged()
	}
	return err
}

// detach rolls back the functions with our mark that are meant, in sites that were listed in full.
func (r *jobRun) detach(ctx context.Context, c cover, run string, meant func(*autodefend.Function) bool) error {
	scope, err := r.s.scopeOf(&c, r.job.ID)
	if err != nil {
		return err
	}
	w, err := r.s.begin(ctx, r.main, r.owner, scope)
	defer w.end(ctx)
	if err != nil {
		return err
	}
	w.current = r.current
	w.plan(func(ctx context.Context, site *workSite) (Survey, error) { return site.Fleet.PlanRollback(ctx, run) })
	if err := whyEnded(ctx); err != nil {
		return err
	}
	picks, arns := map[*workSite][]autodefend.Verdict{}, []string{}
	for _, site := range w.sites {
		if !site.complete() {
			r.partly = true
			continue
		}
		picks[site] = pick(site, meant)
		for _, v := range picks[site] {
			if v.Change != nil {
				arns = append(arns, v.ARN.String())
			}
		}
	}
	r.partly = r.partly || w.busy || len(w.errors) > 0
	r.record.Errors = w.errors
	if may, err := r.mayTake(ctx, arns); !may {
		return err
	}
	w.each(func(site *workSite) {
		w.waves(site, picks[site], func(ctx context.Context, p *autodefend.Plan) *autodefend.Run {
			return site.Fleet.Rollback(ctx, p, run)
		})
	})
	done := w.receipts(r.job.ID)
	r.collect(done)
	return errors.Join(whyEnded(ctx), r.giveBack(ctx), r.forget(w, done))
}

// mayTake reports whether the job may take the Defender from these functions as well; else it's blocked, or didn't get to know.
func (r *jobRun) mayTake(ctx context.Context, arns []string) (bool, error) {
	if r.job.Kind != api.RunRemoval {
		return true, nil
	}
	wanted := len(r.done()) + len(arns)
	most, err := r.take(ctx, wanted)
	if err == nil && wanted > most {
		r.block(arns, most)
	}
	return err == nil && wanted <= most, err
}

// pick lists the verdicts of a roll-back that are meant.
func pick(site *workSite, meant func(*autodefend.Function) bool) []autodefend.Verdict {
	functions := map[string]*autodefend.Function{}
	for i := range site.survey.Functions {
		functions[site.survey.Functions[i].ARN.String()] = &site.survey.Functions[i]
	}
	var picked []autodefend.Verdict
	for _, v := range site.survey.Plan.Functions {
		if f := functions[v.ARN.String()]; f != nil && f.TagsKnown && meant(f) {
			picked = append(picked, v)
		}
	}
	return picked
}

// collect adds the receipts of this attempt to those of the ones before.
func (r *jobRun) collect(done *autodefend.Run) {
	if done.Incomplete() {
		r.partly = true
	}
	again := map[autodefend.FunctionARN]bool{}
	for _, receipt := range done.Results {
		again[receipt.ARN] = true
	}
	for _, receipt := range r.record.Results {
		if !again[receipt.ARN] {
			done.Results = append(done.Results, receipt)
		}
	}
	done.Finish()
	r.s.fill(&r.record, done)
}

// done are the receipts of functions that earlier attempts took the Defender from.
func (r *jobRun) done() []autodefend.Receipt { return rolledBack(r.record.Results) }

// rolledBack are the receipts of functions that lost the Defender.
func rolledBack(receipts []autodefend.Receipt) []autodefend.Receipt {
	var some []autodefend.Receipt
	for _, receipt := range receipts {
		if receipt.Outcome == autodefend.OutcomeRolledBack {
			some = append(some, receipt)
		}
	}
	return some
}

// block stops a removal that would take the Defender from more functions than it may. Its record has the receipts of what
// was done before, and of each function that waits one as skipped.
func (r *jobRun) block(arns []string, most int) {
	slices.Sort(arns)
	sum := sha256.New()
	for _, arn := range arns {
		fmt.Fprintln(sum, arn)
	}
	r.job.Blocked = true
	r.record.Confirm = hex.EncodeToString(sum.Sum(nil))[:32]
	r.record.Results = r.done()
	limit := fmt.Sprintf("the %d that were confirmed", r.job.Allow)
	if most < r.job.Allow {
		limit = fmt.Sprintf("the %d that are left of %s for all rules", most, limit)
	}
	r.record.Message = fmt.Sprintf("%d functions would lose the Defender, more than %s, so none was changed", len(arns), limit)
	if n := len(r.record.Results); n > 0 {
		r.record.Message = fmt.Sprintf("%d more functions would lose the Defender after %d, more than %s", len(arns), n, limit)
	}
	r.record.Hint = "if that is wanted, POST /api/v1/runs/" + r.job.ID + "/confirm?confirm=" + r.record.Confirm
	for _, arn := range arns {
		parsed, err := autodefend.ParseFunctionARN(arn)
		if err == nil {
			r.record.Results = append(r.record.Results, autodefend.Receipt{
				ARN: parsed, Name: parsed.Name, Account: parsed.Account, Region: parsed.Region,
				Outcome: autodefend.OutcomeSkipped, Reasons: []autodefend.Reason{},
			})
		}
	}
}

// forget keeps in the inventory what a roll-back did.
func (r *jobRun) forget(w *work, done *autodefend.Run) error {
	receipts := map[string]autodefend.Receipt{}
	for _, receipt := range done.Results {
		receipts[receipt.ARN.String()] = receipt
	}
	var errs []error
	for _, site := range w.sites {
		if len(site.runs) == 0 {
			continue
		}
		errs = append(errs, r.forgetSite(w, site, receipts))
	}
	return errors.Join(errs...)
}

func (r *jobRun) forgetSite(w *work, site *workSite, receipts map[string]autodefend.Receipt) error {
	known, err := r.s.known(context.WithoutCancel(site.ctx), site.Account, site.Region)
	if err != nil || len(known) == 0 {
		return err
	}
	changes := map[string]*autodefend.Change{}
	for _, v := range site.survey.Plan.Functions {
		changes[v.ARN.String()] = v.Change
	}
	infos := make([]api.FunctionInfo, 0, len(known))
	for arn, info := range known {
		if receipt, touched := receipts[arn]; touched {
			settle(&info, receipt, changes[arn], "")
			if r.job.Kind == api.RunRemoval && receipt.Outcome == autodefend.OutcomeRolledBack {
				info.Own = api.FunctionVerdict{Decision: autodefend.Exclude, Reasons: []autodefend.Reason{{
					Check: autodefend.CheckExcluded, Message: "no auto-defend rule covers it any more", Hint: "add a rule, or the function to a collection of one",
				}}}
			}
		}
		infos = append(infos, info)
	}
	return w.keepSite(site, infos)
}
