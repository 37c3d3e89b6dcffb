package autodefend

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/autodefend/autodefend"
)

// sitesAtOnce is how many regions of one account are worked on at a time.
const sitesAtOnce = 8

// work is one pass over the sites of a credential, with the leases that it holds.
type work struct {
	s *Service
	// main is the lease of the rule or job.
	main       *held
	owner      string
	credential string
	// current is an error when what the work goes by isn't so any more; nil when it goes by nothing that changes.
	current func(context.Context) error
	sites   []*workSite
	errors  []autodefend.ScopeError
	busy    bool // some site couldn't be had
}

// workSite is one account's region in a pass.
type workSite struct {
	Site
	held *held
	// ctx ends with the site's lease.
	ctx    context.Context //nolint:containedctx // the lease of a site ends the work on that site only
	survey Survey
	// err is why the survey has nothing; note is what went wrong besides.
	err, note error
	// runs are what was done, wave by wave.
	runs []*autodefend.Run
}

// complete reports whether all functions of the site were listed.
func (w *workSite) complete() bool {
	return w.err == nil && w.survey.Plan != nil && len(w.survey.Plan.Errors) == 0
}

// begin opens a scope and takes the leases of its sites, in their order, so that two passes never wait for each other.
func (s *Service) begin(ctx context.Context, main *held, owner string, scope Scope) (*work, error) {
	w := &work{s: s, main: main, owner: owner, credential: scope.CredentialID}
	sites, problems, err := s.cfg.Clouds.Open(ctx, scope)
	w.errors = problems
	if err != nil {
		return w, err
	}
	slices.SortFunc(sites, func(a, b Site) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region))
	})
	deadline := time.Now().Add(s.cfg.SitePatience)
	for _, site := range sites {
		if err := w.take(ctx, site, deadline); err != nil {
			w.end(ctx)
			return w, err
		}
	}
	return w, nil
}

// take waits for the lease of a site until the deadline.
func (w *work) take(ctx context.Context, site Site, deadline time.Time) error {
	for {
		held, h, err := w.s.hold(ctx, leaseSite+site.Account+"/"+site.Region, w.owner)
		switch {
		case err != nil:
			return err
		case h != nil:
			w.sites = append(w.sites, &workSite{Site: site, held: h, ctx: held})
			return nil
		case !time.Now().Before(deadline):
			w.busy = true
			w.errors = append(w.errors, autodefend.ScopeErrorOf(site.Account, site.Region,
				autodefend.Errorf(autodefend.CodeConflict, "the region is being worked on by another rule").
					WithHint("it is tried again in a minute")))
			return nil
		}
		select {
		case <-ctx.Done():
			return whyEnded(ctx)
		case <-time.After(w.s.cfg.LeaseTTL / 20):
		}
	}
}

// end gives all sites up.
func (w *work) end(ctx context.Context) {
	for _, site := range w.sites {
		site.held.release(ctx)
	}
	w.sites = nil
}

// each works on several sites at a time.
func (w *work) each(do func(*workSite)) {
	slots := make(chan struct{}, sitesAtOnce)
	var all sync.WaitGroup
	for _, site := range w.sites {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			do(site)
		})
	}
	all.Wait()
}

// plan surveys every site with how, and collects what went wrong.
func (w *work) plan(how func(ctx context.Context, site *workSite) (Survey, error)) {
	w.each(func(site *workSite) { site.survey, site.err = how(site.ctx, site) })
	for _, site := range w.sites {
		if site.note != nil {
			w.errors = append(w.errors, autodefend.ScopeErrorOf(site.Account, site.Region, site.note))
		}
		switch {
		case site.err != nil:
			w.errors = append(w.errors, autodefend.ScopeErrorOf(site.Account, site.Region, site.err))
		default:
			w.errors = append(w.errors, site.survey.Plan.Errors...)
		}
	}
}

// waves carries out the verdicts of a site that are picked, some at a time. Before each wave it looks whether the leases
// are still ours and the rules what they were; a wave that was stopped is the last.
func (w *work) waves(site *workSite, verdicts []autodefend.Verdict, do func(context.Context, *autodefend.Plan) *autodefend.Run) {
	for wave := range slices.Chunk(verdicts, w.s.cfg.Wave) {
		if err := w.still(site); err != nil {
			w.s.log.Warn("a region's work ends early", "account", site.Account, "region", site.Region, "error", err)
			site.runs = append(site.runs, &autodefend.Run{Stopped: err.Error()})
			return
		}
		part := *site.survey.Plan
		part.Functions, part.Errors = wave, nil
		part.Finish()
		run := do(site.ctx, &part)
		site.runs = append(site.runs, run)
		if run.Stopped != "" {
			return
		}
	}
}

// still is an error when the work may not go on.
func (w *work) still(site *workSite) error {
	if err := whyEnded(site.ctx); err != nil {
		return err
	}
	if err := w.main.still(site.ctx); err != nil {
		return err
	}
	if err := site.held.still(site.ctx); err != nil || w.current == nil {
		return err
	}
	return w.current(site.ctx)
}

// receipts puts together what was done everywhere.
func (w *work) receipts(id string) *autodefend.Run {
	all := &autodefend.Run{Run: id, Results: []autodefend.Receipt{}, Errors: slices.Clone(w.errors)}
	for _, site := range w.sites {
		for _, run := range site.runs {
			all.Results = append(all.Results, run.Results...)
			all.Errors = append(all.Errors, run.Errors...)
			all.Stopped = cmp.Or(all.Stopped, run.Stopped)
		}
	}
	all.Finish()
	return all
}
