package fleet

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"sync"

	"github.com/autodefend/autodefend"
)

// LayerResult says what was done with one layer version, or what is known of
// it.
type LayerResult struct {
	Account      string `json:"account" yaml:"account"`
	Region       string `json:"region" yaml:"region"`
	ARN          string `json:"arn" yaml:"arn"`
	Architecture string `json:"architecture" yaml:"architecture"`
	// Action is one of published, unchanged, kept, deleted, would-delete,
	// listed and failed.
	Action string `json:"action" yaml:"action"`
	// References counts the functions and published versions that hold it.
	References int `json:"references" yaml:"references"`
	// CodeSize is the zipped size in bytes; 0 when it wasn't read.
	CodeSize int64  `json:"code_size,omitempty" yaml:"code_size,omitempty"`
	Message  string `json:"message,omitempty" yaml:"message,omitempty"`
}

// PublishLayers publishes the layers in every region of the scope. Where the
// newest version has the same content, nothing is published.
func (f *Fleet) PublishLayers(ctx context.Context, layers []autodefend.Layer) ([]LayerResult, []autodefend.ScopeError) {
	return f.eachRegion(func(s *scout) ([]LayerResult, error) {
		var results []LayerResult
		for _, l := range layers {
			r, err := s.publish(ctx, l)
			if err != nil {
				return results, err
			}
			results = append(results, r)
		}
		return results, nil
	})
}

func (s *scout) publish(ctx context.Context, l autodefend.Layer) (LayerResult, error) {
	r := LayerResult{Account: s.region.Account, Region: s.region.Name, Architecture: l.Architecture, Action: "unchanged"}
	versions, err := s.region.Layers.LayerVersions(ctx, l.Name)
	if err != nil {
		return r, err
	}
	if len(versions) > 0 {
		newest, err := s.region.Layers.LayerVersion(ctx, versions[0].ARN)
		if err != nil {
			return r, err
		}
		if newest.CodeSHA256 == sha256Base64(l.Zip) {
			r.ARN, r.CodeSize = newest.ARN, newest.CodeSize
			return r, nil
		}
	}
	published, err := s.region.Layers.PublishLayer(ctx, l)
	if err != nil {
		return r, err
	}
	s.log.Info("published a layer version", "layer", published.ARN)
	r.Action, r.ARN, r.CodeSize = "published", published.ARN, published.CodeSize
	return r, nil
}

// Layers lists the versions of the recipe's layers and who holds them.
func (f *Fleet) Layers(ctx context.Context) ([]LayerResult, []autodefend.ScopeError) {
	return f.eachRegion(func(s *scout) ([]LayerResult, error) { return s.inventory(ctx) })
}

// PruneLayers deletes the versions of the recipe's layers that no function and
// no published version holds, but for the newest keep of each layer. When the
// functions can't be listed in full, nothing is deleted.
func (f *Fleet) PruneLayers(ctx context.Context, keep int, dryRun bool) ([]LayerResult, []autodefend.ScopeError) {
	return f.eachRegion(func(s *scout) ([]LayerResult, error) {
		results, err := s.inventory(ctx)
		if err != nil {
			return results, err
		}
		seen := map[string]int{}
		for i := range results {
			r := &results[i]
			seen[r.Architecture]++
			switch {
			case seen[r.Architecture] <= keep || r.References > 0:
				r.Action = "kept"
			case dryRun:
				r.Action = "would-delete"
			default:
				s.prune(ctx, r)
			}
		}
		return results, nil
	})
}

// prune deletes one version nobody holds.
func (s *scout) prune(ctx context.Context, r *LayerResult) {
	r.Action = "deleted"
	if err := s.region.Layers.DeleteLayerVersion(ctx, r.ARN); err != nil {
		r.Action, r.Message = "failed", err.Error()
		because(s.log, err).Error("delete layer version", "layer", r.ARN)
		return
	}
	s.log.Info("deleted a layer version", "layer", r.ARN)
}

// inventory lists the versions of the recipe's layers, newest first, with the
// number of functions and published versions that hold each.
func (s *scout) inventory(ctx context.Context) ([]LayerResult, error) {
	references := map[string]int{}
	for marker := ""; ; {
		page, next, err := s.region.Estate.ListVersions(ctx, marker)
		if err != nil {
			return nil, err
		}
		for _, fn := range page {
			for _, arn := range fn.LayerARNs() {
				references[arn]++
			}
		}
		if next == "" {
			break
		}
		marker = next
	}
	var results []LayerResult
	for _, arch := range []string{autodefend.ArchX86, autodefend.ArchARM} {
		name := s.cfg.Recipe.Layer.Names[arch]
		if name == "" {
			continue
		}
		versions, err := s.region.Layers.LayerVersions(ctx, name)
		if err != nil {
			return results, err
		}
		for _, v := range versions {
			results = append(results, LayerResult{
				Account: s.region.Account, Region: s.region.Name, ARN: v.ARN, Architecture: arch,
				Action: "listed", References: references[v.ARN], CodeSize: v.CodeSize,
			})
		}
	}
	return results, nil
}

// eachRegion works on all regions at the same time and sorts what they give.
func (f *Fleet) eachRegion(work func(*scout) ([]LayerResult, error)) ([]LayerResult, []autodefend.ScopeError) {
	var mu sync.Mutex
	results, errs := []LayerResult{}, []autodefend.ScopeError{}
	var wg sync.WaitGroup
	for _, s := range f.scouts {
		wg.Go(func() {
			r, err := work(s)
			mu.Lock()
			defer mu.Unlock()
			results = append(results, r...)
			if err != nil {
				because(s.log, err).Error("layers")
				errs = append(errs, autodefend.ScopeErrorOf(s.region.Account, s.region.Name, err))
			}
		})
	}
	wg.Wait()
	slices.SortStableFunc(results, func(a, b LayerResult) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region))
	})
	return results, errs
}

// sha256Base64 is the digest in Lambda's form.
func sha256Base64(b []byte) string {
	sum := sha256.Sum256(b)
	return base64.StdEncoding.EncodeToString(sum[:])
}
