package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
)

// checkCase is one row of the tables: a protectable function after an edit,
// and what one check says of it.
type checkCase struct {
	check autodefend.Check
	name  string
	// recipe is a built-in one; empty is prisma-wrapper, which has the
	// documented thresholds.
	recipe string
	edit   func(*situation)
	want   autodefend.Status
	// message and hint must be part of the finding's.
	message, hint string
	// seen and limit are the evidence; nil says nothing about it.
	seen, limit any
}

// checkTable joins the tables of all files.
func checkTable() []checkCase {
	return slices.Concat(
		scopeCases(), runtimeCases(), resourceCases(), sizeCases(),
		layerCases(), environmentCases(), wrapperCases(), stateCases(), specialCases(), warningCases(),
	)
}

func TestChecks(t *testing.T) {
	for _, tt := range checkTable() {
		t.Run(string(tt.check)+"/"+tt.name, func(t *testing.T) {
			if tt.recipe == "" {
				tt.recipe = "prisma-wrapper"
			}
			s := protectable(t, tt.recipe).with(tt.edit)
			got := examined(t, s, tt.check)
			if got.Status != tt.want {
				t.Fatalf("status %s, want %s: %s", got.Status, tt.want, got.Message)
			}
			if !strings.Contains(got.Message, tt.message) || !strings.Contains(got.Hint, tt.hint) {
				t.Errorf("message %q, want %q in it; hint %q, want %q in it", got.Message, tt.message, got.Hint, tt.hint)
			}
			showsEvidence(t, got, tt)
			verdictFollows(t, Assess(s.f, s.facts), got)
			if out := fmt.Sprintf("%+v", got); strings.Contains(out, canary) {
				t.Errorf("the finding shows an owner's value: %s", out)
			}
		})
	}
}

// showsEvidence compares the numbers as they are in JSON: always int64.
func showsEvidence(t *testing.T, got autodefend.Finding, want checkCase) {
	t.Helper()
	if want.seen == nil && want.limit == nil {
		return
	}
	if got.Evidence == nil {
		t.Fatalf("no evidence, want seen %v and limit %v", want.seen, want.limit)
	}
	for name, pair := range map[string][2]any{"seen": {got.Evidence.Seen, want.seen}, "limit": {got.Evidence.Limit, want.limit}} {
		if pair[1] != nil && pair[0] != number(pair[1]) {
			t.Errorf("evidence %s is %#v, want %v", name, pair[0], pair[1])
		}
	}
}

// examined returns the one finding of a check.
func examined(t *testing.T, s situation, id autodefend.Check) autodefend.Finding {
	t.Helper()
	var found []autodefend.Finding
	for _, f := range Examine(s.f, s.facts) {
		if f.Check == id {
			found = append(found, f)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d findings of the check %s, want 1", len(found), id)
	}
	return found[0]
}

// verdictFollows: what fails stops a change and is among the reasons, what
// warns is among the warnings, what passes is in neither.
func verdictFollows(t *testing.T, v autodefend.Verdict, f autodefend.Finding) {
	t.Helper()
	_, reason := reasonOf(v.Reasons, f.Check)
	_, warning := reasonOf(v.Warnings, f.Check)
	switch f.Status {
	case autodefend.Fail:
		if v.Changes() || v.Change != nil || !reason {
			t.Errorf("decision %s with reasons %+v although %s failed", v.Decision, v.Reasons, f.Check)
		}
	case autodefend.Warn:
		if !warning || reason {
			t.Errorf("reasons %+v and warnings %+v although %s warned", v.Reasons, v.Warnings, f.Check)
		}
	default:
		if reason || warning {
			t.Errorf("reasons %+v and warnings %+v although %s said %s", v.Reasons, v.Warnings, f.Check, f.Status)
		}
	}
	if f.Status != autodefend.Pass && f.Status != autodefend.Unknown && f.Message == "" {
		t.Errorf("%s says nothing", f.Check)
	}
}

// TestEveryCheckHasCases: a check without a passing and a non-passing row in
// the tables isn't tested.
func TestEveryCheckHasCases(t *testing.T) {
	statuses := map[autodefend.Check]map[autodefend.Status]bool{}
	for _, tt := range checkTable() {
		if statuses[tt.check] == nil {
			statuses[tt.check] = map[autodefend.Status]bool{}
		}
		statuses[tt.check][tt.want] = true
	}
	s := protectable(t, "autodefend")
	seen := map[autodefend.Check]bool{}
	for _, c := range checks() {
		id := c(s.f, s.facts).Check
		if seen[id] {
			t.Errorf("two checks are named %s", id)
		}
		seen[id] = true
		if have := statuses[id]; !have[autodefend.Pass] || (!have[autodefend.Fail] && !have[autodefend.Warn]) {
			t.Errorf("check %s has no row for pass, or none for fail or warn", id)
		}
	}
	for id := range statuses {
		if !seen[id] {
			t.Errorf("the tables have rows of %s, which is no check", id)
		}
	}
}

// TestProtectable: what the tables start from passes every check of each
// recipe, so that each row shows its own edit only.
func TestProtectable(t *testing.T) {
	for _, name := range BuiltinRecipes() {
		t.Run(name, func(t *testing.T) {
			s := protectable(t, name)
			for _, f := range Examine(s.f, s.facts) {
				if f.Status != autodefend.Pass {
					t.Errorf("%s: %s: %s", f.Check, f.Status, f.Message)
				}
			}
			v := Assess(s.f, s.facts)
			if v.Decision != autodefend.Protect || len(v.Reasons) != 0 || len(v.Warnings) != 0 || v.Change == nil {
				t.Errorf("verdict %+v, want protect with a change and nothing else", v)
			}
		})
	}
}

// TestAllFailuresAreNamed: an owner learns everything at once.
func TestAllFailuresAreNamed(t *testing.T) {
	s := protectable(t, "prisma-wrapper")
	s.f.PackageType = autodefend.PackageImage
	s.f.Runtime, s.f.Handler, s.f.Layers = "", "", nil
	s.f.Architecture = autodefend.ArchARM
	s.f.MemoryMB, s.f.TimeoutSec = 256, 900
	s.f.CodeSize = 71 * mb
	v := Assess(s.f, s.facts)
	var got []autodefend.Check
	for _, r := range v.Reasons {
		got = append(got, r.Check)
	}
	want := []autodefend.Check{
		autodefend.CheckPackageType, autodefend.CheckArchitecture, autodefend.CheckMemory, autodefend.CheckTimeout, autodefend.CheckCodeSize,
	}
	if v.Decision != autodefend.Skip || !slices.Equal(got, want) {
		t.Errorf("decision %s for %v, want skip for %v", v.Decision, got, want)
	}
	if !strings.Contains(v.Reasons[0].Hint, "COPY --from=autodefend") || !strings.Contains(v.Reasons[0].Hint, "ENTRYPOINT") {
		t.Errorf("the hint for images is %q, want lines for the Dockerfile", v.Reasons[0].Hint)
	}
}
