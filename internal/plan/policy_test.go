package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
)

// always embeds one text, of which a function's present value may be another
// form: what has the same letters in any case.
func always(value string) PolicySource {
	return func(f autodefend.Function, _ int) string {
		if now := f.Environment.Variables["TW_POLICY"]; strings.EqualFold(now, value) {
			return now
		}
		return value
	}
}

// embedding is a protectable function and a policy for it.
func embedding(t *testing.T, value string) situation {
	t.Helper()
	s := protectable(t, DefaultRecipe)
	s.facts.Policy = always(value)
	return s
}

func TestEmbedPolicy(t *testing.T) {
	s := embedding(t, autodefend.PolicyPrefix+"first")
	v := Assess(s.f, s.facts)
	if v.Decision != autodefend.Protect {
		t.Fatalf("decision %s, reasons %v", v.Decision, v.Reasons)
	}
	for _, c := range v.Change.Environment {
		if c.Name == "TW_POLICY" && (c.Action != autodefend.SetVariable || c.Value != "") {
			t.Errorf("the plan holds the policy: %+v", c)
		}
	}
	s.f = applyTo(s.f, s.facts, v.Change)
	if got := s.f.Environment.Variables["TW_POLICY"]; got != autodefend.PolicyPrefix+"first" {
		t.Fatalf("embedded %q", got)
	}
	for name, source := range map[string]PolicySource{
		"the same": always(autodefend.PolicyPrefix + "first"), "the same in other words": always(autodefend.PolicyPrefix + "FIRST"), "none": nil,
	} {
		s.facts.Policy = source
		if v := Assess(s.f, s.facts); v.Decision != autodefend.Protected {
			t.Errorf("with %s: %s, %v", name, v.Decision, v.Reasons)
		}
	}
	s.facts.Policy = always(autodefend.PolicyPrefix + "second")
	v = Assess(s.f, s.facts)
	if v.Decision != autodefend.Repair || v.Change.Layers != nil || !mentions(v.Reasons, "TW_POLICY") {
		t.Errorf("with a new policy: %s, %+v, %v", v.Decision, v.Change, v.Reasons)
	}
	if after := applyTo(s.f, s.facts, v.Change); after.Environment.Variables["TW_POLICY"] != autodefend.PolicyPrefix+"second" {
		t.Errorf("after the repair: %v", after.Environment.Variables.Names())
	}
}

func mentions(reasons []autodefend.Reason, word string) bool {
	return slices.ContainsFunc(reasons, func(r autodefend.Reason) bool { return strings.Contains(r.Message, word) })
}

// TestDetachPolicy: a roll-back knows our policy without being given one.
func TestDetachPolicy(t *testing.T) {
	s := embedding(t, autodefend.PolicyPrefix+"x")
	before := s.f
	s.f = applyTo(s.f, s.facts, Assess(s.f, s.facts).Change)
	s.facts.Policy = nil
	v := AssessRollback(s.f, s.facts, "")
	after := applyTo(s.f, s.facts, v.Change)
	if got, want := after.Environment.Variables.Names(), before.Environment.Variables.Names(); !slices.Equal(got, want) {
		t.Errorf("variables after the roll-back %v, want %v", got, want)
	}
}

// TestOwnersPolicyVariable: a variable of the same name that isn't ours stays as it is.
func TestOwnersPolicyVariable(t *testing.T) {
	for _, attach := range []bool{false, true} {
		s := protectable(t, DefaultRecipe)
		s.f.Environment.Variables["TW_POLICY"] = "the owner's"
		if v := Assess(s.f, s.facts); v.Decision != autodefend.Protect {
			t.Fatalf("without a policy to embed: %s, %v", v.Decision, v.Reasons)
		}
		if attach {
			s.f = applyTo(s.f, s.facts, Assess(s.f, s.facts).Change)
		}
		s.facts.Policy = always(autodefend.PolicyPrefix + "x")
		v := Assess(s.f, s.facts)
		if v.Decision != autodefend.Skip || !slices.ContainsFunc(v.Reasons, func(r autodefend.Reason) bool { return r.Check == autodefend.CheckEnvConflict }) {
			t.Errorf("attached %v: %s, %v", attach, v.Decision, v.Reasons)
		}
		if !attach {
			continue
		}
		after := applyTo(s.f, s.facts, AssessRollback(s.f, s.facts, "").Change)
		if after.Environment.Variables["TW_POLICY"] != "the owner's" {
			t.Error("the roll-back took the owner's variable")
		}
	}
}

// TestPolicyRoom: a policy of exactly the room it's offered fits, and one more byte doesn't.
func TestPolicyRoom(t *testing.T) {
	for _, owners := range []int{0, 3000, 3800} {
		for extra, want := range map[int]autodefend.Decision{0: autodefend.Protect, 1: autodefend.Skip} {
			s := protectable(t, DefaultRecipe)
			s.f.Environment.Variables["LONG"] = strings.Repeat("x", owners)
			room := -1
			s.facts.Policy = func(_ autodefend.Function, r int) string {
				room = r
				return strings.Repeat("p", r+extra)
			}
			if v := Assess(s.f, s.facts); v.Decision != want {
				t.Errorf("owner's %d bytes, room %d and %d more: %s, %v", owners, room, extra, v.Decision, v.Reasons)
			}
		}
	}
}
