package autodefend

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// look lists the functions of one credential's accounts and keeps what it saw. It changes no function.
func (s *Service) look(ctx context.Context, main *held, owner, credential string) error {
	st := lookState{Started: s.now()}
	id := idLook + credential
	if err := s.store(ctx, id, st); err != nil {
		return err
	}
	err := s.lookAt(ctx, main, owner, credential, &st)
	ended := whyEnded(ctx)
	if ended != nil && !errors.Is(ended, errStopped) {
		return ended
	}
	if ended != nil {
		err = ended
	}
	st.Finished = s.now()
	if err != nil {
		st.Error = inWords(err.Error(), autodefend.ErrorHint(err))
	}
	return errors.Join(s.store(context.WithoutCancel(ctx), id, st), err)
}

func (s *Service) lookAt(ctx context.Context, main *held, owner, credential string, st *lookState) error {
	all, err := s.load(ctx)
	if err != nil {
		return err
	}
	covers, err := s.covers(ctx, all.rules, all.states)
	if err != nil {
		return err
	}
	w, err := s.begin(ctx, main, owner, Scope{CredentialID: credential, RegionType: api.RegionAll, Run: s.cfg.NewRun()})
	defer w.end(ctx)
	if err != nil {
		return err
	}
	st.Total = len(w.sites)
	if err := s.store(ctx, idLook+credential, st); err != nil {
		return err
	}
	w.plan(func(ctx context.Context, site *workSite) (Survey, error) { return site.Fleet.Plan(ctx) })
	if err := whyEnded(ctx); err != nil {
		return err
	}
	for _, site := range w.sites {
		if !site.complete() {
			err = errors.Join(err, w.markSite(site, incomplete(site)))
			continue
		}
		infos, failed := s.lookedAt(site, covers, credential)
		if failed == nil {
			failed = w.keepSite(site, infos)
		}
		st.Scanned++
		err = errors.Join(err, failed, s.store(ctx, idLook+credential, st))
	}
	if len(w.errors) > 0 {
		st.Error = inWords(w.errors[0].Message, w.errors[0].Hint)
	}
	return err
}

// lookedAt renders the functions of a site. Verdicts of rules with another recipe than the look's stay what they were.
func (s *Service) lookedAt(site *workSite, covers []cover, credential string) ([]api.FunctionInfo, error) {
	known, err := s.known(site.ctx, site.Account, site.Region)
	if err != nil {
		return nil, err
	}
	verdicts := map[string]autodefend.Verdict{}
	for _, v := range site.survey.Plan.Functions {
		verdicts[v.ARN.String()] = v
	}
	infos := make([]api.FunctionInfo, 0, len(site.survey.Functions))
	for i := range site.survey.Functions {
		f := &site.survey.Functions[i]
		arn := f.ARN.String()
		verdict := othersVerdict(covers, f, credential, known[arn].Own)
		if v, judged := verdicts[arn]; judged && verdict.Rule != "" {
			r := site.survey.Plan.Recipe
			at := owner(covers, f, credential, false)
			if recipe, _ := s.recipe(covers[at].rule.Own.Recipe); recipe.Name == r {
				verdict = api.FunctionVerdict{Decision: v.Decision, Rule: verdict.Rule, Recipe: r, Reasons: v.Reasons, Warnings: v.Warnings}
			}
		}
		infos = append(infos, s.info(f, verdict))
	}
	return infos, nil
}

// forgetAfter is how long functions are shown of a region that nobody lists any more.
const forgetAfter = 7 * 24 * time.Hour

// forgotten reports whether a region's functions are to be forgotten: nobody has listed it for long, although all that
// would have listed it works.
func (st *state) forgotten(site siteSummary, now time.Time) bool {
	if now.Sub(site.Listed) <= forgetAfter {
		return false
	}
	for _, r := range st.rules {
		was := st.states[r.Name]
		if r.CredentialID == site.Credential && (len(was.Errors) > 0 || now.Sub(was.Finished) > forgetAfter) {
			return false
		}
	}
	was := st.looks[site.Credential]
	return !slices.Contains(st.scans, site.Credential) || was.Error == "" && now.Sub(was.Finished) <= forgetAfter
}

// forgetDue tells whether there is anything to forget.
func forgetDue(st *state, now time.Time) bool {
	return len(st.spent()) > 0 || slices.ContainsFunc(st.sites, func(site siteSummary) bool { return st.forgotten(site, now) })
}

// forget drops the functions of regions that nobody lists any more from the inventory, and the allowances of removals that
// are done.
func (s *Service) forget(ctx context.Context, _ *held, owner string) error {
	st, err := s.load(ctx)
	if err != nil {
		return err
	}
	err = s.dropSpent(ctx, st)
	for _, site := range st.sites {
		if st.forgotten(site, s.now()) {
			err = errors.Join(err, s.forgetSite(ctx, owner, site))
		}
	}
	return err
}

func (s *Service) forgetSite(ctx context.Context, owner string, site siteSummary) error {
	key := site.Account + "/" + site.Region
	ctx, h, err := s.hold(ctx, leaseSite+key, owner)
	if h == nil {
		return err // somebody lists it
	}
	defer h.release(ctx)
	if now, err := read[siteSummary](ctx, s, api.KindRuleStatus, idSite+key); err != nil || !now.Listed.Equal(site.Listed) {
		return err // somebody has listed it
	}
	if err := s.cfg.Inventory.ReplaceFunctions(ctx, site.Account, site.Region, nil); err != nil {
		return err
	}
	s.log.Info("forgot the functions of a region that nobody lists", "account", site.Account, "region", site.Region)
	return s.drop(ctx, idSite+key)
}
