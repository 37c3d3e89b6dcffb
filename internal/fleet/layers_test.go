package fleet

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
)

const (
	x86 = "autodefend-defender-x86_64"
	arm = "autodefend-defender-arm64"
)

// pruned is a region with versions 5 to 1 for x86_64 and 2 to 1 for arm64: 1 is
// held by a function, and 2 by a published version only.
func pruned() *fake {
	published := function("app", layerVersion(x86, 2).ARN)
	published.ARN.Qualifier = "7"
	return &fake{
		functions: []autodefend.Function{function("app", layerVersion(x86, 1).ARN), function("other"), function("third")},
		versions:  []autodefend.Function{published},
		layers:    map[string][]autodefend.LayerVersion{x86: layerVersions(x86, 5), arm: layerVersions(arm, 2)},
	}
}

func TestPruneLayers(t *testing.T) {
	for _, test := range []struct {
		name    string
		keep    int
		dryRun  bool
		deleted []string
		actions []string // x86_64 5 to 1, arm64 2 to 1
	}{
		{
			"keep one", 1, false,
			[]string{layerVersion(x86, 4).ARN, layerVersion(x86, 3).ARN, layerVersion(arm, 1).ARN},
			[]string{"kept", "deleted", "deleted", "kept", "kept", "kept", "deleted"},
		},
		{"keep two", 2, false, []string{layerVersion(x86, 3).ARN}, []string{"kept", "kept", "deleted", "kept", "kept", "kept", "kept"}},
		{"keep all", 5, false, nil, []string{"kept", "kept", "kept", "kept", "kept", "kept", "kept"}},
		{
			"dry run", 1, true, nil,
			[]string{"kept", "would-delete", "would-delete", "kept", "kept", "kept", "would-delete"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := pruned()
			results, errs := newFleet(t, nil, f.in(region)).PruneLayers(t.Context(), test.keep, test.dryRun)
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			var actions []string
			for _, r := range results {
				actions = append(actions, r.Action)
			}
			if d := cmp.Diff(test.actions, actions); d != "" {
				t.Errorf("the actions (-want +have):\n%s", d)
			}
			if d := cmp.Diff(test.deleted, f.deleted); d != "" {
				t.Errorf("the versions deleted (-want +have):\n%s", d)
			}
			if results[3].References != 1 || results[4].References != 1 || results[0].References != 0 {
				t.Errorf("the references are wrong: %+v", results)
			}
		})
	}
}

// TestPruneNeedsTheWholeListing: a version may be held by a function that wasn't
// listed.
func TestPruneNeedsTheWholeListing(t *testing.T) {
	f := pruned()
	f.listFails = 2
	fine := pruned()
	results, errs := newFleet(t, nil, f.in(region), fine.in("us-east-1")).PruneLayers(t.Context(), 1, false)
	if len(f.deleted) > 0 {
		t.Errorf("deleted in spite of a partial listing: %v", f.deleted)
	}
	if len(errs) != 1 || errs[0].Region != region || errs[0].Code != autodefend.CodeThrottled {
		t.Errorf("the errors are %+v", errs)
	}
	if len(fine.deleted) != 3 || len(results) != 7 {
		t.Errorf("the other region: deleted %v, %d results", fine.deleted, len(results))
	}
}

func TestPublishLayers(t *testing.T) {
	f, g := &fake{}, &fake{}
	layers := []autodefend.Layer{
		{Name: x86, Architecture: autodefend.ArchX86, Zip: []byte("x86")},
		{Name: arm, Architecture: autodefend.ArchARM, Zip: []byte("arm")},
	}
	publish := func(want ...string) {
		t.Helper()
		results, errs := newFleet(t, nil, f.in(region), g.in("us-east-1")).PublishLayers(t.Context(), layers)
		var actions []string
		for _, r := range results {
			actions = append(actions, r.Action)
			if r.ARN == "" || r.Account != account {
				t.Errorf("an incomplete result: %+v", r)
			}
		}
		if d := cmp.Diff(want, actions); d != "" || len(errs) > 0 {
			t.Errorf("the actions (-want +have):\n%s\nerrors %v", d, errs)
		}
	}
	publish("published", "published", "published", "published")
	publish("unchanged", "unchanged", "unchanged", "unchanged")
	layers[1].Zip = []byte("new")
	publish("unchanged", "published", "unchanged", "published")
	if len(f.published) != 3 || len(g.published) != 3 {
		t.Errorf("%d and %d versions were published, want 3 in each region", len(f.published), len(g.published))
	}

	f.layersErr = autodefend.Errorf(autodefend.CodeDenied, "no")
	_, errs := newFleet(t, nil, f.in(region), g.in("us-east-1")).PublishLayers(t.Context(), layers)
	if len(errs) != 1 || errs[0].Region != region || len(f.published) != 3 {
		t.Errorf("where the versions can't be listed: errors %v, %d published", errs, len(f.published))
	}
}
