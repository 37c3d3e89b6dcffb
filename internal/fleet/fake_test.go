package fleet

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/plan"
)

const (
	account = "111111111111"
	region  = "eu-west-1"
)

// fake is a region in memory, with errors where a test wants them. Whatever a
// test doesn't set is empty and works.
type fake struct {
	mu sync.Mutex
	// functions are listed in pages of two.
	functions []autodefend.Function
	// versions are listed by ListVersions beside the functions.
	versions []autodefend.Function
	// listFails is the page, from 1, whose listing fails.
	listFails int
	layers    map[string][]autodefend.LayerVersion
	getErr    error
	layersErr error
	// tagErr fails a whole call, tagFails single functions.
	tagErr   error
	tagFails map[autodefend.FunctionARN]error

	// What was called.
	updates   []autodefend.Update
	tagged    []string
	batches   []int
	published []autodefend.Layer
	deleted   []string
	reads     map[string]int
}

func (f *fake) page(all []autodefend.Function, marker string) ([]autodefend.Function, string, error) {
	at := 0
	if marker != "" {
		if _, err := fmt.Sscan(marker, &at); err != nil {
			return nil, "", err
		}
	}
	if f.listFails == at/2+1 {
		return nil, "", autodefend.Errorf(autodefend.CodeThrottled, "ListFunctions: rate exceeded")
	}
	end := min(at+2, len(all))
	next := ""
	if end < len(all) {
		next = fmt.Sprint(end)
	}
	return slices.Clone(all[at:end]), next, nil
}

func (f *fake) ListFunctions(_ context.Context, marker string) ([]autodefend.Function, string, error) {
	return f.page(f.functions, marker)
}

func (f *fake) ListVersions(_ context.Context, marker string) ([]autodefend.Function, string, error) {
	return f.page(slices.Concat(f.functions, f.versions), marker)
}

func (f *fake) GetFunction(_ context.Context, name string) (autodefend.Function, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count("GetFunction " + name)
	if f.getErr != nil {
		return autodefend.Function{}, f.getErr
	}
	for _, fn := range f.functions {
		if fn.ARN.Name == name {
			fn.Detailed, fn.TagsKnown, fn.State.Name = true, true, autodefend.StateActive
			return fn, nil
		}
	}
	return autodefend.Function{}, autodefend.Errorf(autodefend.CodeNotFound, "GetFunction %s: not found", name)
}

// count notes a call. Preconditions: f.mu is held.
func (f *fake) count(call string) {
	if f.reads == nil {
		f.reads = map[string]int{}
	}
	f.reads[call]++
}

func (f *fake) FunctionTags(context.Context) (map[string]map[string]string, error) {
	return map[string]map[string]string{}, nil
}

func (f *fake) Versions(context.Context, string) (autodefend.Versions, error) {
	return autodefend.Versions{}, nil
}

func (f *fake) LayerVersion(_ context.Context, arn string) (autodefend.LayerVersion, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count("LayerVersion " + arn)
	for _, l := range slices.Concat(slices.Collect(maps.Values(f.layers))...) {
		if l.ARN == arn {
			return l, nil
		}
	}
	return autodefend.LayerVersion{ARN: arn, Status: autodefend.LayerGone}, nil
}

func (f *fake) LayerVersions(_ context.Context, name string) ([]autodefend.LayerVersion, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count("LayerVersions " + name)
	return slices.Clone(f.layers[name]), f.layersErr
}

func (f *fake) PublishLayer(_ context.Context, l autodefend.Layer) (autodefend.LayerVersion, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.published = append(f.published, l)
	v := layerVersion(l.Name, len(f.layers[l.Name])+1)
	v.CodeSHA256 = sha256Base64(l.Zip)
	if f.layers == nil {
		f.layers = map[string][]autodefend.LayerVersion{}
	}
	f.layers[l.Name] = slices.Concat([]autodefend.LayerVersion{v}, f.layers[l.Name])
	return v, nil
}

func (f *fake) DeleteLayerVersion(_ context.Context, arn string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deleted = append(f.deleted, arn)
	return nil
}

func (f *fake) UnzippedSize(context.Context, string) (int64, error) { return 1 << 20, nil }

func (f *fake) UpdateFunction(_ context.Context, u autodefend.Update) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.updates = append(f.updates, u)
	for i := range f.functions {
		fn := &f.functions[i]
		if fn.ARN != u.Function {
			continue
		}
		fn.RevisionID += "+"
		if u.Variables != nil {
			fn.Environment.Variables = *u.Variables
		}
		if u.Layers != nil {
			fn.Layers = nil
			for _, arn := range *u.Layers {
				fn.Layers = append(fn.Layers, autodefend.AttachedLayer{ARN: arn})
			}
		}
	}
	return nil
}

func (f *fake) TagFunctions(_ context.Context, arns []autodefend.FunctionARN, tag autodefend.Tag) (map[autodefend.FunctionARN]error, error) {
	return f.tag("+"+tag.Key+"="+tag.Value, arns)
}

func (f *fake) UntagFunctions(_ context.Context, arns []autodefend.FunctionARN, key string) (map[autodefend.FunctionARN]error, error) {
	return f.tag("-"+key, arns)
}

func (f *fake) tag(what string, arns []autodefend.FunctionARN) (map[autodefend.FunctionARN]error, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.batches = append(f.batches, len(arns))
	if f.tagErr != nil {
		return nil, f.tagErr
	}
	failed := map[autodefend.FunctionARN]error{}
	for _, arn := range arns {
		if err := f.tagFails[arn]; err != nil {
			failed[arn] = err
			continue
		}
		f.tagged = append(f.tagged, what+" "+arn.Name)
	}
	return failed, nil
}

func (f *fake) CodeSigning(context.Context) (map[string]string, error) {
	return map[string]string{}, nil
}

func (f *fake) DeniedActions(context.Context, []string) ([]string, error) { return nil, nil }

func (f *fake) EdgeRole(context.Context, string) (bool, error) { return false, nil }

func (f *fake) Observe(context.Context, []string) (map[string]autodefend.Observed, error) {
	return map[string]autodefend.Observed{}, nil
}

// in makes the fake a region.
func (f *fake) in(name string) Region {
	return Region{Account: account, Partition: "aws", Name: name, Estate: f, Layers: f, Writer: f, Insight: f}
}

// newFleet makes a fleet of the regions with the built-in recipe.
func newFleet(t *testing.T, change func(*Config), regions ...Region) *Fleet {
	t.Helper()
	recipe, err := plan.BuiltinRecipe("autodefend")
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := plan.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Recipe: recipe, Runtimes: catalog, Tag: autodefend.Tag{Key: "SecurityProtected", Value: "True"},
		Run: "20261101T000000-0000", AsOf: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
		Logger: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&cfg)
	}
	return New(cfg, regions)
}

// arnOf is the ARN of a function of the fake region.
func arnOf(name string) autodefend.FunctionARN {
	return autodefend.FunctionARN{Partition: "aws", Region: region, Account: account, Name: name}
}

// function is a function that can be protected and holds the layers.
func function(name string, layers ...string) autodefend.Function {
	f := autodefend.Function{
		ARN: arnOf(name), Runtime: "python3.13", Handler: "app.handler", PackageType: autodefend.PackageZip, Architecture: autodefend.ArchX86,
		Role: "arn:aws:iam::" + account + ":role/worker", MemoryMB: 512, TimeoutSec: 30, CodeSize: 1 << 20, RevisionID: "1",
	}
	for _, arn := range layers {
		f.Layers = append(f.Layers, autodefend.AttachedLayer{ARN: arn, CodeSize: 1 << 20})
	}
	return f
}

// layerVersion is a version of a layer of the fake region.
func layerVersion(name string, version int) autodefend.LayerVersion {
	return autodefend.LayerVersion{
		ARN:    fmt.Sprintf("arn:aws:lambda:%s:%s:layer:%s:%d", region, account, name, version),
		Status: autodefend.LayerReadable, CodeSize: int64(version),
	}
}

// layerVersions are the versions from n down to 1.
func layerVersions(name string, n int) []autodefend.LayerVersion {
	var all []autodefend.LayerVersion
	for v := n; v > 0; v-- {
		all = append(all, layerVersion(name, v))
	}
	return all
}
