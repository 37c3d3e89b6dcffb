package fleet

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/plan"
)

// scout gathers the facts that verdicts of one region rest on. It reads each
// of them at most once.
type scout struct {
	cfg    Config
	region Region
	log    *slog.Logger
	// denied reads the account's missing permissions, once for all regions.
	denied func(ctx context.Context) []string
	// inHand bounds how many functions are worked on at a time.
	inHand chan struct{}

	base   lazy[plan.Facts]
	layers cache[autodefend.LayerVersion]
	roles  cache[bool]
}

// facts returns what is common to all functions of the region. With an error
// the facts hold as much as could be read.
func (s *scout) facts(ctx context.Context) (plan.Facts, error) {
	return s.base.get(func() (plan.Facts, error) { return s.read(ctx) })
}

func (s *scout) read(ctx context.Context) (plan.Facts, error) {
	facts := plan.Facts{
		Now: s.cfg.AsOf, Recipe: s.cfg.Recipe, Runtimes: s.cfg.Runtimes, Selection: s.cfg.Selection, Tag: s.cfg.Tag,
		AllowBlockedRuntimes: s.cfg.AllowBlockedRuntimes, Policy: s.cfg.Policy,
		Defender:        map[string]autodefend.LayerVersion{},
		DefenderProblem: map[string]string{},
		DefenderUnread:  map[string]bool{},
	}
	var wg sync.WaitGroup
	wg.Go(func() { facts.Denied = s.denied(ctx) })
	wg.Go(func() {
		var err error
		if facts.CodeSigning, err = s.region.Insight.CodeSigning(ctx); err != nil {
			because(s.log, err).Warn("code signing can't be read", "check", autodefend.CheckCodeSigning)
		}
	})
	var mu sync.Mutex
	var failed error
	for arch, name := range s.cfg.Recipe.Layer.Names {
		wg.Go(func() {
			l, problem, err := s.defender(ctx, arch, name)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				facts.DefenderProblem[arch], facts.DefenderUnread[arch] = "it can't be looked up", true
				failed = errors.Join(failed, err)
			case problem != "":
				facts.DefenderProblem[arch] = problem
			default:
				facts.Defender[arch] = l
			}
		})
	}
	wg.Wait()
	return facts, failed
}

// defender finds the layer version to attach, or says why there is none.
func (s *scout) defender(ctx context.Context, arch, name string) (autodefend.LayerVersion, string, error) {
	r := s.region
	if arn := s.cfg.Recipe.FixedVersion(r.Partition, r.Name, r.Account, arch); arn != "" {
		l, err := r.Layers.LayerVersion(ctx, arn)
		switch {
		case err != nil:
			return l, "", err
		case l.Status == autodefend.LayerGone:
			return l, arn + " doesn't exist", nil
		case l.Status == autodefend.LayerDenied:
			return l, "the caller may not read " + arn, nil
		}
		return l, "", nil
	}
	versions, err := r.Layers.LayerVersions(ctx, name)
	switch {
	case err != nil:
		return autodefend.LayerVersion{}, "", err
	case len(versions) == 0:
		return autodefend.LayerVersion{}, "no version of it is published in this account and region", nil
	}
	return versions[0], "", nil
}

// factsFor adds to the common facts what only this function needs. What can't
// be read is left out: the checks then say "unknown", and AWS decides.
func (s *scout) factsFor(ctx context.Context, f autodefend.Function, common plan.Facts) plan.Facts {
	facts := common
	facts.Layers = map[string]autodefend.LayerVersion{}
	facts.CodeUnzipped = map[string]int64{}
	facts.EdgeRoles = map[string]bool{}
	for _, arn := range f.LayerARNs() {
		l, err := s.layers.get(arn, func() (autodefend.LayerVersion, error) { return s.region.Layers.LayerVersion(ctx, arn) })
		if err != nil {
			s.warn(f, autodefend.CheckLayerAccess, err)
			continue
		}
		facts.Layers[arn] = l
	}
	if plan.MaybeEdge(f) && f.Role != "" {
		edge, err := s.roles.get(f.Role, func() (bool, error) { return s.region.Insight.EdgeRole(ctx, f.Role) })
		if err == nil {
			facts.EdgeRoles[f.Role] = edge
		} else {
			s.warn(f, autodefend.CheckEdge, err)
		}
	}
	if plan.NearUnzippedLimit(f, facts) {
		s.measure(ctx, f, &facts)
	}
	return facts
}

// measure reads the exact sizes after extraction of a function near the limit.
func (s *scout) measure(ctx context.Context, f autodefend.Function, facts *plan.Facts) {
	if f.CodeURL == "" {
		return // only details have the address; the re-read before the change does
	}
	size, err := s.region.Layers.UnzippedSize(ctx, f.CodeURL)
	if err != nil {
		s.warn(f, autodefend.CheckUnzippedSize, err)
		return
	}
	facts.CodeUnzipped[f.ARN.String()] = size
	for arn := range facts.Layers {
		if l, err := s.measuredLayer(ctx, arn); err == nil {
			facts.Layers[arn] = l
		} else {
			s.warn(f, autodefend.CheckUnzippedSize, err)
		}
	}
	if ours, ok := facts.Defender[f.Architecture]; ok {
		l, err := s.measuredLayer(ctx, ours.ARN)
		if err != nil {
			s.warn(f, autodefend.CheckUnzippedSize, err)
			return
		}
		facts.Defender = maps.Clone(facts.Defender)
		facts.Defender[f.Architecture] = l
	}
}

// measuredLayer reads a layer version with its size after extraction.
func (s *scout) measuredLayer(ctx context.Context, arn string) (autodefend.LayerVersion, error) {
	return s.layers.get("measured "+arn, func() (autodefend.LayerVersion, error) {
		l, err := s.region.Layers.LayerVersion(ctx, arn)
		if err != nil || l.Status != autodefend.LayerReadable || l.ContentURL == "" {
			return l, err
		}
		l.Unzipped, err = s.region.Layers.UnzippedSize(ctx, l.ContentURL)
		return l, err
	})
}

func (s *scout) warn(f autodefend.Function, check autodefend.Check, err error) {
	because(s.log, err).Warn("a fact can't be read", "function", f.ARN.Name, "check", check)
}
