package plan

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
)

var update = flag.Bool("update", false, "rewrite the golden verdicts")

// TestGoldenVerdicts: the JSON form of verdicts is part of the API.
func TestGoldenVerdicts(t *testing.T) {
	vendors := "arn:aws:lambda:eu-west-1:123456789012:layer:twistlock:"
	tests := []struct {
		name string
		s    situation
	}{
		{"protect", protectable(t, "autodefend")},
		{"protect-chained", protectable(t, "autodefend").with(variable(autodefend.WrapperVariable, "/opt/datadog_wrapper"), published(4, "live"))},
		{"protect-handler", protectable(t, "prisma-handler").with(policyOf(autodefend.Variables{"TW_POLICY": canary}))},
		{"protected", attached(t, "autodefend").with(memory(64))},
		{"repair-outdated", attached(t, "prisma-wrapper").with(layers(ownerLayer, vendors+"6"))},
		{"repair-broken", attached(t, "autodefend").with(layers(ownerLayer), memory(64))},
		{"repair-tag", attached(t, "autodefend").with(func(s *situation) { s.f.Tags = map[string]string{} })},
		{"skip-many", protectable(t, "prisma-wrapper").with(memory(128), timeout(900), architecture("arm64"), layers(ownerLayers(5)...))},
		{"skip-undecryptable", protectable(t, "autodefend").with(undecryptable)},
		{"exclude", protectable(t, "autodefend").with(exclude("sh*"))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := json.MarshalIndent(Assess(tt.s.f, tt.s.facts), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, tt.name+".json", append(got, '\n'))
		})
	}
	rollback := attached(t, "prisma-handler")
	got, err := json.MarshalIndent(AssessRollback(rollback.f, rollback.facts, testRun), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "rollback.json", append(got, '\n'))
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", "verdicts", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}

// strip removes a variable.
func strip(name string) func(*situation) {
	return func(s *situation) {
		s.f = cloned(s.f)
		delete(s.f.Environment.Variables, name)
	}
}

func TestDefects(t *testing.T) {
	tests := []struct {
		name   string
		edit   func(*situation)
		reason string
	}{
		{"layer gone, entry set", layers(ownerLayer), "no invocation can start"},
		{"layer gone, entry gone", func(s *situation) { layers(ownerLayer)(s); strip(autodefend.WrapperVariable)(s) }, "the Defender's layer is gone"},
		{"another version", layers("arn:aws:lambda:eu-west-1:123456789012:layer:autodefend-defender-x86_64:6"), "another version"},
		{"another architecture's", layers("arn:aws:lambda:eu-west-1:123456789012:layer:autodefend-defender-arm64:7"), "another version"},
		{"entry gone", strip(autodefend.WrapperVariable), "nothing starts the Defender"},
		{"marker gone", strip(autodefend.MarkerVariable), "is missing or of another recipe"},
		{"marker damaged", variable(autodefend.MarkerVariable, canary), "is missing or of another recipe"},
		{"tag gone, ownership tag left", func(s *situation) { s.f.Tags = map[string]string{autodefend.OwnershipTag: "autodefend"} }, "the tag is missing"},
		{"tag gone", func(s *situation) { s.f.Tags = nil }, "the tag is missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := attached(t, "autodefend").with(tt.edit)
			v := Assess(s.f, s.facts)
			if v.Decision != autodefend.Repair || v.Change == nil {
				t.Fatalf("decision %s, want repair", v.Decision)
			}
			for _, r := range v.Reasons {
				if r.Check == autodefend.CheckAttachment && contains(r.Message, tt.reason) {
					return
				}
			}
			t.Errorf("reasons %+v, want one with %q", v.Reasons, tt.reason)
		})
	}
}

// TestOtherRecipe: what one recipe attached, another one neither repairs nor
// removes, also where both name the same layer and the function doesn't work.
func TestOtherRecipe(t *testing.T) {
	edits := map[string]func(*situation){
		"whole":                 func(*situation) {},
		"only the layer's left": func(s *situation) { strip(autodefend.MarkerVariable)(s) },
		"layer gone":            layers(ownerLayer),
		"layer gone, unfit":     func(s *situation) { layers(ownerLayer)(s); memory(64)(s) },
	}
	for name, edit := range edits {
		t.Run(name, func(t *testing.T) {
			s := attached(t, "prisma-handler").with(edit)
			s.facts.Recipe = protectable(t, "prisma-wrapper").facts.Recipe
			if v := Assess(s.f, s.facts); v.Decision != autodefend.Skip || v.Change != nil {
				t.Errorf("decision %s with %+v, want skip", v.Decision, v.Change)
			}
			if v := AssessRollback(s.f, s.facts, ""); v.Decision != autodefend.Skip || v.Change != nil {
				t.Errorf("roll-back: decision %s with %+v, want skip", v.Decision, v.Change)
			}
		})
	}
}

// TestUnreadLayer: when the Defender's layer couldn't be looked up, its absence
// from a function's list is no reason to remove the rest.
func TestUnreadLayer(t *testing.T) {
	s := attached(t, "autodefend").with(layers(ownerLayer), noDefender("it can't be looked up"))
	if v := Assess(s.f, s.facts); v.Decision != autodefend.Repair {
		t.Errorf("decision %s when the layer isn't published, want repair", v.Decision)
	}
	s.facts.DefenderUnread = map[string]bool{s.f.Architecture: true}
	if v := Assess(s.f, s.facts); v.Decision != autodefend.Skip {
		t.Errorf("decision %s when the layer wasn't read, want skip", v.Decision)
	}
}

// TestTagAlone: the change of a missing tag makes no update of the function.
func TestTagAlone(t *testing.T) {
	s := attached(t, "autodefend").with(func(s *situation) { s.f.Tags = map[string]string{} })
	v := Assess(s.f, s.facts)
	if v.Change.Configures() || v.Change.Tag == nil || v.Change.Tag.Remove {
		t.Errorf("change %+v, want the tag only", v.Change)
	}
	s = attached(t, "autodefend").with(unreadTags)
	if v := Assess(s.f, s.facts); v.Decision != autodefend.Protected {
		t.Errorf("decision %s without knowing the tags, want protected", v.Decision)
	}
	s = attached(t, "autodefend").with(tagged("SecurityProtected", "mine"))
	if v := Assess(s.f, s.facts); v.Decision != autodefend.Protected {
		t.Errorf("decision %s with a tag of the owner's, want protected", v.Decision)
	}
	if v := AssessRollback(s.f, s.facts, ""); v.Change == nil || v.Change.Tag.Key != autodefend.OwnershipTag {
		t.Errorf("roll-back with %+v, want only the ownership tag removed", v.Change)
	}
}

// TestForgottenWrapper: a wrapper kept for an owner who removed it since isn't
// started again.
func TestForgottenWrapper(t *testing.T) {
	s := protectable(t, "autodefend").with(variable(autodefend.WrapperVariable, "/opt/bootstrap"))
	s.f = applyTo(s.f, s.facts, Assess(s.f, s.facts).Change)
	delete(s.f.Environment.Variables, autodefend.WrapperVariable)
	after := applyTo(s.f, s.facts, Assess(s.f, s.facts).Change).Environment.Variables
	if _, kept := after["AUTODEFEND_NEXT_WRAPPER"]; kept || after[autodefend.WrapperVariable] != "/opt/autodefend/wrapper" {
		t.Errorf("variables %v, want our wrapper and no next one", after)
	}
}

// TestStaleVariables: a value that the recipe changed is mended, unseen.
func TestStaleVariables(t *testing.T) {
	s := protectable(t, "autodefend")
	s.facts.Recipe = withPolicy(t)
	s.facts.Defender = factsOf(t, s.facts.Recipe).Defender
	s.f = applyTo(s.f, s.facts, Assess(s.f, s.facts).Change)
	s.facts.Recipe.Environment = autodefend.Variables{"TW_POLICY": "rotated", "TW_CONSOLE": "console-" + canary}
	v := Assess(s.f, s.facts)
	if v.Decision != autodefend.Repair || len(v.Reasons) != 1 || !contains(v.Reasons[0].Message, "outdated: TW_POLICY") {
		t.Fatalf("decision %s for %+v, want repair for TW_POLICY", v.Decision, v.Reasons)
	}
	if got := applyTo(s.f, s.facts, v.Change).Environment.Variables["TW_POLICY"]; got != "rotated" {
		t.Error("the variable has the old value still")
	}
}

// TestAssessIsPure: an assessment leaves its arguments alone.
func TestAssessIsPure(t *testing.T) {
	s := protectable(t, "autodefend").with(variable(autodefend.WrapperVariable, "/opt/bootstrap"))
	before := cloned(s.f)
	v := Assess(s.f, s.facts)
	Materialize(s.f, v.Change, s.facts, testRun)
	if d := cmp.Diff(before, s.f); d != "" {
		t.Errorf("the function changed (-before +after):\n%s", d)
	}
}
