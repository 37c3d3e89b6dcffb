package report

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
)

func TestStatusOf(t *testing.T) {
	c := StatusOf(samplePlan())
	if c.Version != 1 || c.Percent != 14 || c.Summary.Protected != 1 || len(c.Unprotected) != 6 || len(c.Errors) != 1 {
		t.Errorf("version %d, %d%%, %d protected, %d unprotected, %d errors", c.Version, c.Percent, c.Summary.Protected, len(c.Unprotected), len(c.Errors))
	}
	wantRuntimes := []Share{
		{Key: "image", Functions: 1, Skipped: 1},
		{Key: "nodejs20.x", Functions: 2, Pending: 1, Excluded: 1},
		{Key: "nodejs22.x", Functions: 1, Pending: 1},
		{Key: "python3.12", Functions: 2, Protected: 1, Skipped: 1, Percent: 50},
		{Key: "python3.13", Functions: 1, Pending: 1},
	}
	if diff := cmp.Diff(wantRuntimes, c.Runtimes); diff != "" {
		t.Error(diff)
	}
	for _, shares := range [][]Share{c.Accounts, c.Regions, c.Runtimes} {
		total := 0
		for _, s := range shares {
			total += s.Functions
			if s.Functions != s.Protected+s.Pending+s.Skipped+s.Excluded {
				t.Errorf("%s: the parts don't add up", s.Key)
			}
		}
		if total != c.Summary.Functions {
			t.Errorf("%d functions in the shares, want %d", total, c.Summary.Functions)
		}
	}
}

func TestReasonsAreCountedOncePerFunction(t *testing.T) {
	v := verdict("111122223333", "eu-west-1", "a", "python3.12", autodefend.Skip)
	v.Reasons = []autodefend.Reason{memoryReason(), memoryReason(), {Check: autodefend.CheckTimeout}}
	w := verdict("111122223333", "eu-west-1", "b", "python3.12", autodefend.Skip)
	w.Reasons = []autodefend.Reason{{Check: autodefend.CheckTimeout}}
	p := &autodefend.Plan{Functions: []autodefend.Verdict{v, w}}
	p.Finish()
	got := StatusOf(p).Reasons
	if len(got) != 2 || got[0].Check != autodefend.CheckTimeout || got[0].Functions != 2 || got[1].Functions != 1 {
		t.Errorf("reasons %+v, want timeout 2 and memory 1", got)
	}
}

// TestPercent: 100 means all.
func TestPercent(t *testing.T) {
	for _, tt := range []struct{ part, whole, want int }{{0, 0, 0}, {0, 5, 0}, {5, 5, 100}, {9999, 10000, 99}, {1, 3, 33}} {
		if got := percent(tt.part, tt.whole); got != tt.want {
			t.Errorf("percent(%d, %d) = %d, want %d", tt.part, tt.whole, got, tt.want)
		}
	}
}

func TestNextStep(t *testing.T) {
	all := func(d autodefend.Decision) *autodefend.Plan {
		p := &autodefend.Plan{Functions: []autodefend.Verdict{verdict("111122223333", "eu-west-1", "a", "python3.12", d)}}
		p.Finish()
		return p
	}
	tests := []struct{ got, want string }{
		{planDocument{Plan: all(autodefend.Protect)}.next(), "Next: autodefend apply"},
		{planDocument{Plan: all(autodefend.Repair)}.next(), "Next: autodefend apply"},
		{planDocument{Plan: all(autodefend.Protected)}.next(), "Nothing to do."},
		{planDocument{Plan: all(autodefend.Skip)}.next(), "Nothing to apply. For every check of a skipped function: autodefend explain FUNCTION"},
		{coverageDocument{StatusOf(all(autodefend.Protected))}.next(), "Every function is protected."},
		{coverageDocument{StatusOf(all(autodefend.Exclude))}.next(), ""},
		{runDocument{rollbackRun()}.next(), "To see the coverage: autodefend status"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("next %q, want %q", tt.got, tt.want)
		}
	}
}
