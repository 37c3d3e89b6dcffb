package fleet

import (
	"context"
	"fmt"
	"testing"

	"github.com/autodefend/autodefend"
)

// mixed is a region with seven functions on four pages, four of which can be
// protected.
func mixed() *fake {
	f := &fake{layers: map[string][]autodefend.LayerVersion{x86: layerVersions(x86, 1), arm: layerVersions(arm, 1)}}
	for i := range 7 {
		fn := function(fmt.Sprintf("app-%d", i))
		if i%2 == 1 {
			fn.PackageType = autodefend.PackageImage
		}
		f.functions = append(f.functions, fn)
	}
	return f
}

// TestPlanReadsCandidatesOnce: details are read once of each candidate, whether
// tags are known before or not, and of nothing else.
func TestPlanReadsCandidatesOnce(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Config)
		reads  int
	}{
		{"details", func(c *Config) { c.Details = true }, 4},
		{"no details", nil, 0},
		{"tag condition nobody meets", func(c *Config) { c.Details, c.Selection.Tags = true, []autodefend.Tag{{Key: "stage"}} }, 0},
		{"exclusion", func(c *Config) { c.Details, c.Selection.Exclude = true, []string{"app-0"} }, 3},
		{"selection", func(c *Config) { c.Details, c.Selection.Functions = true, []string{"app-[01]"} }, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := mixed()
			p, err := newFleet(t, test.change, f.in(region)).Plan(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			reads := 0
			for i := range 7 {
				n := f.reads[fmt.Sprintf("GetFunction app-%d", i)]
				if n > 1 {
					t.Errorf("app-%d was read %d times", i, n)
				}
				reads += n
			}
			if reads != test.reads {
				t.Errorf("%d functions were read, want %d", reads, test.reads)
			}
			if n := f.reads["LayerVersions "+x86]; n != 1 {
				t.Errorf("the Defender's versions were listed %d times", n)
			}
			if len(f.updates)+len(f.batches)+len(f.published) > 0 {
				t.Errorf("planning changed something: %+v", p.Summary)
			}
		})
	}
}

// TestPlanWithoutDetails: where details can't be read, the listing decides.
func TestPlanWithoutDetails(t *testing.T) {
	f := mixed()
	f.getErr = autodefend.Errorf(autodefend.CodeDenied, "no")
	p, err := newFleet(t, func(c *Config) { c.Details = true }, f.in(region)).Plan(t.Context())
	if err != nil || p.Summary.Protect != 4 || p.Summary.Skip != 3 {
		t.Errorf("Plan = %+v, %v; want 4 to protect and 3 to skip", p, err)
	}
}

// TestPlanErrors: what was read is kept beside the error, and nothing at all is
// an error.
func TestPlanErrors(t *testing.T) {
	partial := mixed()
	partial.listFails = 3
	p, err := newFleet(t, nil, partial.in(region)).Plan(t.Context())
	if err != nil || p.Summary.Functions != 4 || len(p.Errors) != 1 || p.Errors[0].Code != autodefend.CodeThrottled {
		t.Errorf("Plan = %+v, %v; want the first two pages and the error", p, err)
	}
	nothing := mixed()
	nothing.listFails = 1
	if p, err := newFleet(t, nil, nothing.in(region)).Plan(t.Context()); p != nil || autodefend.ErrorCode(err) != autodefend.CodeThrottled {
		t.Errorf("Plan = %+v, %v; want the error alone", p, err)
	}
}

// TestFactsAreSharedByAccount: missing permissions are read once for all of an
// account's regions.
func TestFactsAreSharedByAccount(t *testing.T) {
	f := &asking{fake: mixed()}
	r := f.in(region)
	r.Insight = f
	other := r
	other.Name = "us-east-1"
	p, err := newFleet(t, nil, r, other).Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if f.asked != 1 {
		t.Errorf("permissions were asked for %d times, want once", f.asked)
	}
	for _, v := range p.Functions {
		if v.Decision != autodefend.Skip || v.Reasons[0].Check != autodefend.CheckPermission {
			t.Errorf("%s is %s because of %+v", v.Name, v.Decision, v.Reasons)
		}
	}
}

// asking is a fake whose caller may do nothing.
type asking struct {
	*fake
	asked int
}

func (a *asking) DeniedActions(_ context.Context, actions []string) ([]string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked++
	return actions, nil
}
