package fleet

import (
	"context"
	"sync"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/plan"
)

// Apply carries out a plan. When ctx ends, the functions in hand are finished
// and the others are left for the next run. Functions of regions the fleet
// doesn't have are reported as failed.
func (f *Fleet) Apply(ctx context.Context, p *autodefend.Plan) *autodefend.Run {
	b := newBook(f.cfg, p)
	var wg sync.WaitGroup
	for _, s := range f.scouts {
		work := b.take(s.region, autodefend.Verdict.Changes)
		if len(work) == 0 {
			continue
		}
		wg.Go(func() { f.applyRegion(ctx, s, work, b) })
	}
	wg.Wait()
	b.settleRest()
	return b.finish(ctx)
}

// applyRegion works through the functions of one region.
func (f *Fleet) applyRegion(ctx context.Context, s *scout, work []autodefend.Verdict, b *book) {
	common, err := s.facts(ctx)
	if err != nil {
		b.scopeError(s.region, err)
	}
	// A function in hand is finished whatever happens to ctx: a change that
	// isn't verified is worse than a late exit.
	inHand := context.WithoutCancel(ctx)
	tags := &tagger{region: s.region, tag: f.cfg.Tag, recipe: f.cfg.Recipe.Name, book: b}
	var wg sync.WaitGroup
	for _, planned := range work {
		s.inHand <- struct{}{}
		if ctx.Err() != nil || b.tripped() {
			<-s.inHand
			break
		}
		wg.Go(func() {
			defer func() { <-s.inHand }()
			j := &job{scout: s, common: common, planned: planned, stopped: func() bool { return ctx.Err() != nil || b.tripped() }}
			receipt := j.attach(inHand)
			if receipt.Outcome == "" {
				return // left for the next run
			}
			b.add(receipt)
			if j.tag {
				tags.add(inHand, planned.ARN)
			}
		})
	}
	wg.Wait()
	tags.flush(inHand)
}

// Rollback removes what is ours from the functions of a plan that was made by
// [Fleet.PlanRollback] for the same run.
func (f *Fleet) Rollback(ctx context.Context, p *autodefend.Plan, run string) *autodefend.Run {
	b := newBook(f.cfg, p)
	b.skipped = autodefend.OutcomeFailed // what carries the Defender and can't be rolled back
	var wg sync.WaitGroup
	for _, s := range f.scouts {
		work := b.take(s.region, func(v autodefend.Verdict) bool { return v.Change != nil })
		if len(work) == 0 {
			continue
		}
		wg.Go(func() { f.rollbackRegion(ctx, s, work, run, b) })
	}
	wg.Wait()
	b.settleRest()
	return b.finish(ctx)
}

// rollbackRegion works in batches: their tags go first, in one call, while the
// marker in the function still says that they're ours. So a crash in between
// leaves a protected function without a tag, never a tag that lies.
func (f *Fleet) rollbackRegion(ctx context.Context, s *scout, work []autodefend.Verdict, run string, b *book) {
	common, err := s.facts(ctx)
	if err != nil {
		b.scopeError(s.region, err)
	}
	inHand := context.WithoutCancel(ctx)
	for len(work) > 0 && ctx.Err() == nil && !b.tripped() {
		n := min(tagBatch, len(work))
		f.rollbackBatch(inHand, s, common, work[:n], run, b)
		work = work[n:]
	}
}

func (f *Fleet) rollbackBatch(ctx context.Context, s *scout, common plan.Facts, batch []autodefend.Verdict, run string, b *book) {
	failed := untag(ctx, s, batch)
	again := &tagger{region: s.region, tag: f.cfg.Tag, recipe: f.cfg.Recipe.Name, book: b}
	var wg sync.WaitGroup
	for _, v := range batch {
		if err := failed[v.ARN]; err != nil {
			b.add(failure(v, autodefend.CheckTag, "the tag can't be removed, so nothing was changed", err))
			continue
		}
		wg.Go(func() {
			j := &job{scout: s, common: common, planned: v, run: run}
			receipt := j.detach(ctx)
			switch {
			case v.Change.Tag == nil:
			case receipt.Outcome == autodefend.OutcomeUnchanged:
				receipt.Outcome = autodefend.OutcomeRolledBack // the tag was all there was
			case receipt.Outcome != autodefend.OutcomeRolledBack:
				again.add(ctx, v.ARN) // it's still protected: the tag shall say so
			}
			b.add(receipt)
		})
	}
	wg.Wait()
	again.flush(ctx)
}
