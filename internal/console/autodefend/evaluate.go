package autodefend

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/policy"
)

// When an evaluation that couldn't do all is tried again, at the latest.
const (
	retryBusy   = time.Minute
	retryFailed = 5 * time.Minute
)

// evaluation is one evaluation of one rule.
type evaluation struct {
	s      *Service
	main   *held
	rule   api.AutoDeployRule
	index  int // of the rule in covers
	covers []cover
	run    string
	dry    bool
	work   *work
	// stale says that the rules or collections changed since.
	stale atomic.Bool

	mu sync.Mutex
	// state is guarded by mu while sites are worked on.
	state api.AutoDeployState
	// verdicts are those on the rule's functions, by ARN; picks those to be carried out, by site.
	verdicts map[string]autodefend.Verdict
	picks    map[*workSite][]autodefend.Verdict
}

// evaluate judges the functions that a rule covers and attaches the Defender to those that are safe.
func (s *Service) evaluate(ctx context.Context, main *held, owner, name string) error {
	e, err := s.newEvaluation(ctx, name)
	if err != nil {
		return err
	}
	e.main, e.dry = main, e.rule.Own.DryRun
	if recipe, _ := s.recipe(e.rule.Own.Recipe); !e.dry && !slices.Contains(e.state.Recipes, recipe.Name) {
		e.state.Recipes = append(slices.Clone(e.state.Recipes), recipe.Name)
	}
	if err := e.store(ctx); err != nil {
		return err
	}
	s.log.Info("evaluating a rule", "rule", name, "run", e.run, "dry_run", e.dry)
	err = e.survey(ctx, owner)
	if e.work == nil {
		return e.finish(ctx, nil, err)
	}
	defer e.work.end(ctx)
	if err == nil {
		err = e.apply()
	}
	run := e.work.receipts(e.run)
	e.keep(run)
	e.count(context.WithoutCancel(ctx))
	return e.finish(ctx, run, err)
}

// newEvaluation reads the rule and all that decides whom it covers.
func (s *Service) newEvaluation(ctx context.Context, name string) (*evaluation, error) {
	started := s.now() // what is written from now on is a reason to evaluate again
	st, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	rule, index, ok := st.rule(name)
	if !ok {
		return nil, noRule(name)
	}
	covers, err := s.covers(ctx, st.rules, st.states)
	if err != nil {
		return nil, err
	}
	state := st.states[name]
	state.Started, state.Scanned, state.Total, state.DryRun = started, 0, 0, rule.Own.DryRun
	return &evaluation{
		s: s, rule: rule, index: index, covers: covers, run: s.cfg.NewRun(), state: state,
		verdicts: map[string]autodefend.Verdict{}, picks: map[*workSite][]autodefend.Verdict{},
	}, nil
}

func noRule(name string) error {
	return autodefend.Errorf(autodefend.CodeNotFound, "there is no auto-defend rule %q", name).
		WithHint("GET /api/v1/settings/serverless-auto-deploy lists them")
}

// survey opens the rule's sites and judges their functions.
func (e *evaluation) survey(ctx context.Context, owner string) error {
	c := &e.covers[e.index]
	if len(c.missing) > 0 {
		return autodefend.Errorf(autodefend.CodeInvalid, "collections that don't exist any more: %s", strings.Join(c.missing, ", ")).
			WithHint("take them out of the rule, or make them again")
	}
	scope, err := e.s.scopeOf(c, e.run)
	if err != nil {
		return err
	}
	w, err := e.s.begin(ctx, e.main, owner, scope)
	e.work = w
	if err != nil {
		return err
	}
	w.current = e.current
	c.accounts = w.accounts(c.accounts)
	e.state.Accounts, e.state.Credential = c.accounts, e.rule.CredentialID
	w.plan(func(ctx context.Context, site *workSite) (Survey, error) {
		if !e.dry {
			site.note = site.Fleet.Publish(ctx) // where an older layer is there, the plan goes on with that
		}
		return site.Fleet.Plan(ctx)
	})
	if err := whyEnded(ctx); err != nil {
		return err
	}
	for _, site := range w.sites {
		e.judge(site)
	}
	return e.store(ctx)
}

// accounts are those that the work opened. Where something couldn't be had, those that were known before count as well: what
// the rule covers in them mustn't be taken for uncovered.
func (w *work) accounts(known []string) []string {
	var all []string
	if len(w.errors) > 0 {
		all = slices.Clone(known)
	}
	for _, site := range w.sites {
		all = append(all, site.Account)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// current is an error when the evaluation goes by what isn't so any more: the rule was changed or deleted, or it and those
// before it cover other functions.
func (e *evaluation) current(ctx context.Context) error {
	st, err := e.s.load(ctx)
	if err != nil {
		return err
	}
	covers, err := e.s.covers(ctx, st.rules, st.states)
	if err != nil {
		return err
	}
	rule, index, ok := st.rule(e.rule.Name)
	if ok && rule.Same(e.rule) && slices.EqualFunc(covers[:index+1], e.covers[:e.index+1], sameCover) {
		return nil
	}
	e.stale.Store(true)
	return errChanged()
}

// judge keeps the verdicts on the functions that are the rule's, and picks those to be carried out.
func (e *evaluation) judge(site *workSite) {
	if site.err != nil {
		return
	}
	ours := map[string]bool{}
	tagless := !needTags(e.covers)
	for i := range site.survey.Functions {
		f := &site.survey.Functions[i]
		// Without tags nobody knows whether a collection leaves the function out.
		if f.TagsKnown || tagless {
			ours[f.ARN.String()] = owner(e.covers, f, e.rule.CredentialID, false) == e.index
		}
	}
	for _, v := range site.survey.Plan.Functions {
		if !ours[v.ARN.String()] {
			continue
		}
		e.verdicts[v.ARN.String()] = v
		if v.Changes() {
			e.picks[site] = append(e.picks[site], v)
			e.state.Total++
		}
	}
}

// needTags reports whether some rule's collections look at tags.
func needTags(covers []cover) bool {
	return slices.ContainsFunc(covers, func(c cover) bool {
		return slices.ContainsFunc(c.scope.Rules[0].Collections, func(k policy.Collection) bool {
			return slices.ContainsFunc(k.Labels, func(label string) bool {
				return label != "*" && !strings.HasPrefix(label, "region:")
			})
		})
	})
}

// apply carries out what was picked, unless that is more than the rule allows.
func (e *evaluation) apply() error {
	if most := e.rule.Own.MaxChanges.Of(len(e.verdicts)); e.state.Total > most {
		return autodefend.Errorf(autodefend.CodeConflict, "%d functions would change, more than the %d that maxChanges (%s) allows, so none was changed",
			e.state.Total, most, e.rule.Own.MaxChanges).WithHint("see POST /api/v1/plans for which, then raise autodefend.maxChanges of the rule")
	}
	if e.dry {
		return nil
	}
	e.work.each(func(site *workSite) {
		e.work.waves(site, e.picks[site], func(ctx context.Context, p *autodefend.Plan) *autodefend.Run {
			run := site.Fleet.Apply(ctx, p)
			e.progress(ctx, len(p.Functions))
			return run
		})
	})
	return nil
}

// progress tells how far the evaluation is.
func (e *evaluation) progress(ctx context.Context, done int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.state.Scanned += done
	if ctx.Err() != nil {
		return
	}
	if err := e.store(ctx); err != nil {
		e.s.log.Warn("store the progress of a rule", "rule", e.rule.Name, "error", err)
	}
}

// keep stores what is known of the sites now.
func (e *evaluation) keep(run *autodefend.Run) {
	receipts := map[string]autodefend.Receipt{}
	for _, r := range run.Results {
		receipts[r.ARN.String()] = r
	}
	for _, site := range e.work.sites {
		infos, err := e.infos(site, receipts)
		switch {
		case err != nil:
		case site.complete():
			err = e.work.keepSite(site, infos)
		case whyEnded(site.ctx) == nil: // else nothing is wrong with the site
			err = e.work.markSite(site, incomplete(site))
		}
		if err != nil {
			e.s.log.Error("store what was seen", "account", site.Account, "region", site.Region, "error", err)
			e.work.errors = append(e.work.errors, autodefend.ScopeErrorOf(site.Account, site.Region, err))
		}
	}
}

// count counts the functions that are known to be the rule's: those of regions that couldn't be listed as they were before.
func (e *evaluation) count(ctx context.Context) {
	discovered, defended, decisions := 0, 0, map[autodefend.Decision]int{}
	err := e.s.eachFunction(ctx, api.FunctionQuery{Rules: []string{e.rule.Name}}, func(r api.FunctionRecord) error {
		discovered++
		if r.Defended {
			defended++
		}
		decisions[autodefend.Decision(r.Decision)]++
		return nil
	})
	if err != nil {
		e.s.log.Warn("count the functions of a rule", "rule", e.rule.Name, "error", err)
		return
	}
	e.state.Discovered, e.state.Defended, e.state.Decisions = discovered, defended, decisions
}

// incomplete says why a site couldn't be listed in full.
func incomplete(site *workSite) string {
	if site.err != nil {
		return site.err.Error()
	}
	return site.survey.Plan.Errors[0].Message
}

// infos renders the functions of a site: the rule's with their verdicts, others with what is known of them.
func (e *evaluation) infos(site *workSite, receipts map[string]autodefend.Receipt) ([]api.FunctionInfo, error) {
	if site.err != nil {
		return nil, nil
	}
	known, err := e.s.known(context.WithoutCancel(site.ctx), site.Account, site.Region)
	if err != nil {
		return nil, err
	}
	infos := make([]api.FunctionInfo, 0, len(site.survey.Functions))
	for i := range site.survey.Functions {
		f := &site.survey.Functions[i]
		arn := f.ARN.String()
		v, ours := e.verdicts[arn]
		if !ours {
			infos = append(infos, e.s.info(f, othersVerdict(e.covers, f, e.rule.CredentialID, known[arn].Own)))
			continue
		}
		info := e.s.info(f, api.FunctionVerdict{Decision: v.Decision, Rule: e.rule.Name, Recipe: site.survey.Plan.Recipe, Reasons: v.Reasons, Warnings: v.Warnings})
		if r, done := receipts[arn]; done {
			settle(&info, r, v.Change, e.run)
		}
		infos = append(infos, info)
	}
	return infos, nil
}

// othersVerdict is the verdict on a function that isn't the rule's: what the rule that covers it said, if it did.
func othersVerdict(covers []cover, f *autodefend.Function, credential string, was api.FunctionVerdict) api.FunctionVerdict {
	at := owner(covers, f, credential, false)
	switch {
	case at < 0:
		return notCovered(covers, f)
	case was.Rule == covers[at].rule.Name:
		return was
	}
	return api.FunctionVerdict{
		Decision: autodefend.Exclude, Rule: covers[at].rule.Name,
		Reasons: []autodefend.Reason{{Check: autodefend.CheckExcluded, Message: fmt.Sprintf("the rule %q covers it and wasn't evaluated yet", covers[at].rule.Name)}},
	}
}

// notCovered is the verdict on a function that no rule covers. With one rule alone it says why that doesn't.
func notCovered(covers []cover, f *autodefend.Function) api.FunctionVerdict {
	reason := autodefend.Reason{
		Check: autodefend.CheckExcluded, Message: "no auto-defend rule covers it",
		Hint: "add a rule, or the function to a collection of one",
	}
	if len(covers) == 1 {
		if held, why := covers[0].holds(f); !held {
			reason.Message += fmt.Sprintf(": %s: %s", covers[0].rule.Name, why)
		}
	}
	return api.FunctionVerdict{Decision: autodefend.Exclude, Reasons: []autodefend.Reason{reason}}
}

// finish stores how the evaluation ended. One that was ended by the loss of a lease or by the Console's end is left to the
// replica that goes on with it.
func (e *evaluation) finish(ctx context.Context, run *autodefend.Run, err error) error {
	late := context.WithoutCancel(ctx)
	if run != nil && len(run.Results) > 0 {
		e.state.Run = e.run
		record := api.RunRecord{ID: e.run, Kind: api.RunApply, Rule: e.rule.Name, State: api.RunDone, Created: e.state.Started, Spec: &e.rule}
		e.s.fill(&record, run)
		if err := e.s.storeRun(late, record, nil); err != nil {
			return err
		}
	}
	ended := whyEnded(ctx)
	if ended != nil && !errors.Is(ended, errStopped) {
		return ended
	}
	if ended != nil {
		err = ended
	}
	e.state.Errors = e.errors(run, err)
	e.state.Finished = e.s.now()
	e.state.Next = e.next(err)
	if changed := e.current(late); changed != nil && e.stale.Load() && ended == nil {
		e.state.Next = e.state.Finished
	}
	return errors.Join(e.store(late), e.dropGone(late), err)
}

// dropGone deletes the state of a rule that was deleted while it was evaluated.
func (e *evaluation) dropGone(ctx context.Context) error {
	st, err := e.s.load(ctx)
	if err != nil {
		return err
	}
	if _, _, ok := st.rule(e.rule.Name); ok {
		return nil
	}
	err = e.s.drop(ctx, idRule+e.rule.Name)
	if autodefend.ErrorCode(err) == autodefend.CodeNotFound {
		return nil
	}
	return err
}

// next is when the rule is evaluated again. A region that is busy is waited for in a worker's room: it's left to others for as
// long afterwards.
func (e *evaluation) next(err error) time.Time {
	every := e.rule.Own.Every()
	switch {
	case err != nil && !errors.Is(err, errStopped) && e.work != nil && len(e.work.sites) == 0:
		return e.state.Started.Add(min(every, retryFailed))
	case e.work != nil && e.work.busy:
		return e.state.Finished.Add(min(every, retryBusy))
	}
	return e.state.Started.Add(every)
}

// errors are what the status shows: in words, each once.
func (e *evaluation) errors(run *autodefend.Run, err error) []string {
	var all []string
	add := func(text string) {
		if text != "" && !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	if err != nil {
		add(inWords(err.Error(), autodefend.ErrorHint(err)))
	}
	problems := []autodefend.ScopeError{}
	if run != nil {
		add(run.Stopped)
		problems = run.Errors
	}
	if e.work != nil {
		problems = slices.Concat(problems, e.work.errors)
	}
	for _, p := range problems {
		where := strings.TrimSpace(p.Account + " " + p.Region)
		add(strings.TrimPrefix(inWords(where+": "+p.Message, p.Hint), ": "))
	}
	return all
}

// inWords puts a message and its hint together.
func inWords(message, hint string) string {
	if hint == "" {
		return message
	}
	return message + "; " + hint
}

// store writes the rule's state, while the rule is still ours to evaluate.
func (e *evaluation) store(ctx context.Context) error {
	if err := e.main.still(ctx); err != nil {
		return err
	}
	return e.s.store(ctx, idRule+e.rule.Name, e.state)
}
