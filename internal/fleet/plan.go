package fleet

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/plan"
)

const (
	// pagesAhead bounds how many pages of functions are held while tags are
	// read: 200 pages are 10,000 functions.
	pagesAhead = 200
	// pagesAtOnce is how many pages are judged at a time, so that one that
	// waits for its last function's details doesn't leave the quota unused.
	pagesAtOnce = 4
)

// Plan judges every function of the scope. It makes no mutating call. What
// can't be read is in the plan's errors; an error is returned only when
// nothing could be read at all.
func (f *Fleet) Plan(ctx context.Context) (*autodefend.Plan, error) {
	if f.cfg.Details {
		return f.survey(ctx, f.look, f.judge)
	}
	return f.survey(ctx, nil, f.judge)
}

// PlanRollback finds the functions that carry the Defender, or only those the
// run attached it to, and what removing it would change: the decision is
// protected with a change, or skip with the reasons why it can't be removed.
func (f *Fleet) PlanRollback(ctx context.Context, run string) (*autodefend.Plan, error) {
	return f.survey(ctx, nil, func(ctx context.Context, s *scout, common plan.Facts, page []autodefend.Function) []autodefend.Verdict {
		var found []autodefend.Verdict
		for _, fn := range page {
			if plan.AssessRollback(fn, common, run).Decision == autodefend.Exclude {
				continue
			}
			found = append(found, plan.AssessRollback(fn, s.factsFor(ctx, fn, common), run))
		}
		return found
	})
}

// pageLook completes one page of a region's functions, whose tags aren't known
// yet.
type pageLook func(ctx context.Context, s *scout, common plan.Facts, page []autodefend.Function)

// pageJudge gives the verdicts on one page of a region's functions.
type pageJudge func(ctx context.Context, s *scout, common plan.Facts, page []autodefend.Function) []autodefend.Verdict

// survey lists every region at the same time and collects the verdicts that
// judge gives on each page. look may be nil.
func (f *Fleet) survey(ctx context.Context, look pageLook, judge pageJudge) (*autodefend.Plan, error) {
	p := &autodefend.Plan{
		Created: time.Now().UTC().Truncate(time.Second), Recipe: f.cfg.Recipe.Name, RecipeDigest: plan.Digest(f.cfg.Recipe, f.cfg.Tag, f.cfg.PolicyDigest),
		Functions: []autodefend.Verdict{}, Errors: []autodefend.ScopeError{},
	}
	var mu sync.Mutex
	var failed []error
	var wg sync.WaitGroup
	for i := range f.regions {
		s := f.scouts[i]
		wg.Go(func() {
			verdicts, errs := s.survey(ctx, look, judge)
			mu.Lock()
			defer mu.Unlock()
			p.Functions = append(p.Functions, verdicts...)
			for _, err := range errs {
				because(s.log, err).Error("the region can't be read in full")
				p.Errors = append(p.Errors, autodefend.ScopeErrorOf(s.region.Account, s.region.Name, err))
			}
			failed = append(failed, errs...)
		})
	}
	wg.Wait()
	if len(p.Functions) == 0 && len(failed) > 0 {
		return nil, errors.Join(failed...)
	}
	p.Finish()
	return p, nil
}

// survey lists the region while its tags and common facts are read, then judges
// page by page.
func (s *scout) survey(ctx context.Context, look pageLook, judge pageJudge) ([]autodefend.Verdict, []error) {
	ctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	pages := make(chan []autodefend.Function, pagesAhead)
	var listErr error
	wg.Go(func() {
		defer close(pages)
		listErr = s.list(ctx, pages)
	})
	var tags map[string]map[string]string
	var tagErr error
	tagsRead := make(chan struct{})
	wg.Go(func() {
		defer close(tagsRead)
		tags, tagErr = s.region.Estate.FunctionTags(ctx)
	})
	common, err := s.facts(ctx)
	looked := pages
	if look != nil {
		looked = make(chan []autodefend.Function, pagesAhead)
		wg.Go(func() {
			defer close(looked)
			eachPage(pages, func(page []autodefend.Function) {
				look(ctx, s, common, page)
				looked <- page
			})
		})
	}
	<-tagsRead
	var mu sync.Mutex
	verdicts := []autodefend.Verdict{}
	eachPage(looked, func(page []autodefend.Function) {
		if tagErr == nil {
			addTags(page, tags)
		}
		judged := judge(ctx, s, common, page)
		mu.Lock()
		defer mu.Unlock()
		verdicts = append(verdicts, judged...)
	})
	return verdicts, slices.DeleteFunc([]error{err, tagErr, listErr}, func(err error) bool { return err == nil })
}

// addTags gives the functions their tags, unless they were read with them.
func addTags(page []autodefend.Function, tags map[string]map[string]string) {
	for i := range page {
		if !page[i].TagsKnown {
			page[i].Tags, page[i].TagsKnown = tags[page[i].ARN.String()], true
		}
	}
}

// eachPage works on several pages at a time.
func eachPage(pages <-chan []autodefend.Function, work func(page []autodefend.Function)) {
	var wg sync.WaitGroup
	for range pagesAtOnce {
		wg.Go(func() {
			for page := range pages {
				work(page)
			}
		})
	}
	wg.Wait()
}

// list sends the region's functions that are in the scope, page by page.
func (s *scout) list(ctx context.Context, pages chan<- []autodefend.Function) error {
	for marker := ""; ; {
		page, next, err := s.region.Estate.ListFunctions(ctx, marker)
		if err != nil {
			return err
		}
		kept := page[:0]
		for _, fn := range page {
			if s.cfg.Selection.Includes(fn.ARN.Name) {
				kept = append(kept, fn)
			}
		}
		select {
		case pages <- kept:
		case <-ctx.Done():
			return ctx.Err()
		}
		if next == "" {
			return nil
		}
		marker = next
	}
}

// look reads the details of functions that are candidates whatever their tags
// say, so that this needn't wait for the tags; of those that are marked as ours
// the tags decide. What can't be read is tried again by judge.
func (f *Fleet) look(ctx context.Context, s *scout, common plan.Facts, page []autodefend.Function) {
	var wg sync.WaitGroup
	for i := range page {
		_, marked := page[i].Environment.Variables[autodefend.MarkerVariable]
		if marked || !plan.Assess(page[i], common).Changes() {
			continue
		}
		s.inHand <- struct{}{}
		wg.Go(func() {
			defer func() { <-s.inHand }()
			if full, err := s.region.Estate.GetFunction(ctx, page[i].ARN.Name); err == nil {
				page[i] = full
			}
		})
	}
	wg.Wait()
}

// judge gives the verdicts on one page. Only candidates, which a change would
// touch, are looked at closely.
func (f *Fleet) judge(ctx context.Context, s *scout, common plan.Facts, page []autodefend.Function) []autodefend.Verdict {
	verdicts := make([]autodefend.Verdict, len(page))
	var candidates []int
	for i := range page {
		if !page[i].Detailed {
			verdicts[i] = plan.Assess(page[i], common)
		}
		if page[i].Detailed || verdicts[i].Changes() {
			candidates = append(candidates, i)
		}
	}
	observed := f.observe(ctx, s, page, candidates)
	var wg sync.WaitGroup
	for _, i := range candidates {
		s.inHand <- struct{}{}
		wg.Go(func() {
			defer func() { <-s.inHand }()
			fn := f.details(ctx, s, page[i])
			if o, ok := observed[fn.ARN.Name]; ok {
				fn.Observed = &o
			}
			verdicts[i] = plan.Assess(fn, s.factsFor(ctx, fn, common))
		})
	}
	wg.Wait()
	f.report(s, verdicts)
	return verdicts
}

// details reads what the listing doesn't say, as far as it was asked for. On
// an error the listing has to do: the function is read again before a change.
func (f *Fleet) details(ctx context.Context, s *scout, fn autodefend.Function) autodefend.Function {
	if f.cfg.Details && !fn.Detailed {
		full, err := s.region.Estate.GetFunction(ctx, fn.ARN.Name)
		if err != nil {
			s.warn(fn, autodefend.CheckState, err)
		} else {
			if !full.TagsKnown {
				full.Tags, full.TagsKnown = fn.Tags, fn.TagsKnown
			}
			fn = full
		}
	}
	if f.cfg.Versions {
		v, err := s.region.Estate.Versions(ctx, fn.ARN.Name)
		if err != nil {
			s.warn(fn, autodefend.CheckPublishedVersions, err)
		} else {
			fn.Versions = &v
		}
	}
	return fn
}

func (f *Fleet) observe(ctx context.Context, s *scout, page []autodefend.Function, candidates []int) map[string]autodefend.Observed {
	if !f.cfg.Metrics || len(candidates) == 0 {
		return nil
	}
	names := make([]string, len(candidates))
	for i, c := range candidates {
		names[i] = page[c].ARN.Name
	}
	observed, err := s.region.Insight.Observe(ctx, names)
	if err != nil {
		because(s.log, err).Warn("metrics can't be read", "check", autodefend.CheckUtilization)
		return nil
	}
	return observed
}

// report logs the skipped functions.
func (f *Fleet) report(s *scout, verdicts []autodefend.Verdict) {
	for _, v := range verdicts {
		if v.Decision != autodefend.Skip {
			continue
		}
		for _, r := range v.Reasons {
			s.log.Warn("skipped", "function", v.Name, "check", r.Check, "reason", r.Message)
		}
	}
}
