package fleet

import (
	"context"
	"errors"
	"sync"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/plan"
)

// Explanation is a verdict with the finding of every check.
type Explanation struct {
	Verdict  autodefend.Verdict   `json:"verdict" yaml:"verdict"`
	Findings []autodefend.Finding `json:"findings" yaml:"findings"`
}

// Explain judges the function of that name in every region of the scope that
// has it, with all that can be read of it. It makes no mutating call.
func (f *Fleet) Explain(ctx context.Context, name string) ([]Explanation, error) {
	found := make([]*Explanation, len(f.scouts))
	failed := make([]error, len(f.scouts))
	var wg sync.WaitGroup
	for i, s := range f.scouts {
		wg.Go(func() { found[i], failed[i] = f.explain(ctx, s, name) })
	}
	wg.Wait()
	var out []Explanation
	for _, e := range found {
		if e != nil {
			out = append(out, *e)
		}
	}
	if err := errors.Join(failed...); err != nil {
		return out, err
	}
	if len(out) == 0 {
		return nil, autodefend.Errorf(autodefend.CodeNotFound, "function %q isn't in any of the %d regions of the scope", name, len(f.scouts)).
			WithHint("name its region with --region, or look for it with: autodefend plan --function '*part*'")
	}
	return out, nil
}

func (f *Fleet) explain(ctx context.Context, s *scout, name string) (*Explanation, error) {
	fn, err := s.region.Estate.GetFunction(ctx, name)
	if autodefend.ErrorCode(err) == autodefend.CodeNotFound {
		return nil, nil //nolint:nilnil // not in this region is no error
	}
	if err != nil {
		return nil, err
	}
	common, err := s.facts(ctx)
	if err != nil {
		return nil, err
	}
	if v, err := s.region.Estate.Versions(ctx, name); err == nil {
		fn.Versions = &v
	} else {
		s.warn(fn, autodefend.CheckPublishedVersions, err)
	}
	if observed, err := s.region.Insight.Observe(ctx, []string{name}); err == nil {
		if o, ok := observed[name]; ok {
			fn.Observed = &o
		}
	} else {
		s.warn(fn, autodefend.CheckUtilization, err)
	}
	facts := s.factsFor(ctx, fn, common)
	return &Explanation{Verdict: plan.Assess(fn, facts), Findings: plan.Examine(fn, facts)}, nil
}
