package plan

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/autodefend/autodefend"
)

// recipesUnderTest are the built-in recipes, and one with variables of its own.
func recipesUnderTest(t *testing.T) map[string]autodefend.Recipe {
	t.Helper()
	recipes := map[string]autodefend.Recipe{"with variables": withPolicy(t)}
	for _, name := range BuiltinRecipes() {
		recipes[name] = builtin(t, name)
	}
	return recipes
}

// everyRecipe checks a property for each recipe.
func everyRecipe(t *testing.T, property func(t *rapid.T, facts Facts)) {
	t.Helper()
	for name, r := range recipesUnderTest(t) {
		t.Run(name, func(t *testing.T) {
			facts := factsOf(t, r)
			rapid.Check(t, func(t *rapid.T) { property(t, facts) })
		})
	}
}

// ownersFunction draws a function that nobody attached anything to, with
// whatever owners have: layers, variables, a wrapper, tags.
func ownersFunction(t *rapid.T, facts Facts) autodefend.Function {
	f := shop()
	f.Handler = rapid.SampledFrom([]string{"shop.handler", "a/b.c", "{run}.main", "index.default"}).Draw(t, "handler")
	f.Layers = nil
	for _, arn := range rapid.SliceOfNDistinct(rapid.SampledFrom(ownerLayers(8)), 0, 4, rapid.ID).Draw(t, "layers") {
		f.Layers = append(f.Layers, autodefend.AttachedLayer{ARN: arn})
	}
	f.Environment.Variables = drawVariables(t, facts)
	f.Tags = rapid.MapOfN(rapid.SampledFrom([]string{"team", "stage", "Owner"}), rapid.String(), 0, 3).Draw(t, "tags")
	if rapid.Bool().Draw(t, "tag of the owner's") {
		f.Tags[facts.Tag.Key] = "the owner's"
	}
	return f
}

// drawVariables draws variables whose values are all canaries. A wrapper is
// among them where the recipe can chain it.
func drawVariables(t *rapid.T, facts Facts) autodefend.Variables {
	names := rapid.SampledFrom([]string{"TABLE", "TOKEN", "NODE_OPTIONS", "PATH", "AUTODEFEND", "TW_OTHER"})
	v := autodefend.Variables{}
	for _, name := range rapid.SliceOfDistinct(names, rapid.ID).Draw(t, "variables") {
		v[name] = canary + rapid.String().Draw(t, "value") + "{run}"
	}
	if w := facts.Recipe.Wrapper; w != nil && w.NextVariable != "" && rapid.Bool().Draw(t, "wrapper") {
		v[autodefend.WrapperVariable] = "/opt/" + canary
	}
	return v
}

// attachDrawn attaches the Defender to a drawn function.
func attachDrawn(t *rapid.T, facts Facts) (autodefend.Function, autodefend.Function) {
	owners := ownersFunction(t, facts)
	v := Assess(owners, facts)
	if v.Decision != autodefend.Protect {
		t.Fatalf("decision %s for %+v, want protect", v.Decision, v.Reasons)
	}
	return owners, applyTo(owners, facts, v.Change)
}

// recipeVariables are the names that a recipe sets or keeps things in.
func recipeVariables(r autodefend.Recipe) []string {
	names := append(r.Environment.Names(), autodefend.MarkerVariable)
	if r.Wrapper != nil {
		names = append(names, autodefend.WrapperVariable, r.Wrapper.NextVariable)
	}
	if r.Handler != nil {
		names = append(names, r.Handler.OriginalVariable)
	}
	return names
}

func TestAttachKeepsTheOwners(t *testing.T) {
	everyRecipe(t, func(t *rapid.T, facts Facts) {
		owners, now := attachDrawn(t, facts)
		keepsVariables(t, facts.Recipe, owners, now)
		ours := facts.Defender[owners.Architecture].ARN
		if want := append(owners.LayerARNs(), ours); !slices.Equal(now.LayerARNs(), want) {
			t.Errorf("layers %v, want the owner's in order and ours last: %v", now.LayerARNs(), want)
		}
		if h := facts.Recipe.Handler; h != nil && now.Environment.Variables[h.OriginalVariable] != owners.Handler {
			t.Errorf("the handler kept is %q, want %q", now.Environment.Variables[h.OriginalVariable], owners.Handler)
		}
		if facts.Recipe.Handler == nil && now.Handler != owners.Handler {
			t.Errorf("handler %q, want %q", now.Handler, owners.Handler)
		}
	})
}

// keepsVariables: every variable of the owner's has its value still, and the
// owner's wrapper is in the next variable.
func keepsVariables(t *rapid.T, r autodefend.Recipe, before, after autodefend.Function) {
	have := after.Environment.Variables
	for name, value := range before.Environment.Variables {
		switch {
		case name == autodefend.WrapperVariable && r.Wrapper != nil:
			if value != r.Wrapper.Path && have[r.Wrapper.NextVariable] != value {
				t.Errorf("the owner's wrapper isn't kept")
			}
		case slices.Contains(recipeVariables(r), name):
		case have[name] != value:
			t.Errorf("the variable %s changed", name)
		}
	}
	for name := range have {
		if _, owners := before.Environment.Variables[name]; !owners && !slices.Contains(recipeVariables(r), name) {
			t.Errorf("the variable %s appeared", name)
		}
	}
}

func TestAttachIsIdempotent(t *testing.T) {
	everyRecipe(t, func(t *rapid.T, facts Facts) {
		_, now := attachDrawn(t, facts)
		v := Assess(now, facts)
		if v.Decision != autodefend.Protected || v.Change != nil || len(v.Reasons) > 0 {
			t.Errorf("after attaching the decision is %s for %+v with %+v, want protected", v.Decision, v.Reasons, v.Change)
		}
	})
}

func TestDetachRestoresTheOwners(t *testing.T) {
	everyRecipe(t, func(t *rapid.T, facts Facts) {
		owners, now := attachDrawn(t, facts)
		run := rapid.SampledFrom([]string{"", testRun}).Draw(t, "run")
		if got := AssessRollback(now, facts, "another run").Decision; got != autodefend.Exclude {
			t.Errorf("rolling another run back: %s, want exclude", got)
		}
		sameConfiguration(t, owners, rolledBack(t, now, facts, run))
	})
}

// rolledBack removes the Defender and checks that nothing of it is left.
func rolledBack(t *rapid.T, f autodefend.Function, facts Facts, run string) autodefend.Function {
	v := AssessRollback(f, facts, run)
	if v.Decision != autodefend.Protected || v.Change == nil {
		t.Fatalf("roll-back: %s for %+v, want protected with a change", v.Decision, v.Reasons)
	}
	f = applyTo(f, facts, v.Change)
	for _, run := range []string{"", testRun} {
		if again := AssessRollback(f, facts, run); again.Decision != autodefend.Exclude || again.Change != nil {
			t.Errorf("after the roll-back: %s with %+v, want exclude", again.Decision, again.Change)
		}
	}
	return f
}

func sameConfiguration(t *rapid.T, want, got autodefend.Function) {
	empty := cmpopts.EquateEmpty()
	if d := cmp.Diff(want.LayerARNs(), got.LayerARNs(), empty); d != "" {
		t.Errorf("layers (-want +got):\n%s", d)
	}
	if d := cmp.Diff(map[string]string(want.Environment.Variables), map[string]string(got.Environment.Variables), empty); d != "" {
		t.Errorf("variables (-want +got):\n%s", d)
	}
	if d := cmp.Diff(want.Tags, got.Tags, empty); d != "" {
		t.Errorf("tags (-want +got):\n%s", d)
	}
	if got.Handler != want.Handler {
		t.Errorf("handler %q, want %q", got.Handler, want.Handler)
	}
}

// edit is something an owner does to a function, whether the Defender is
// attached or not.
type edit func(t *rapid.T, f *autodefend.Function)

// ownerEdits are edits of what is the owner's.
func ownerEdits() []edit {
	return []edit{
		func(t *rapid.T, f *autodefend.Function) {
			name := rapid.SampledFrom([]string{"TABLE", "NEW_1", "NEW_2"}).Draw(t, "set")
			f.Environment.Variables[name] = canary + rapid.String().Draw(t, "to")
		},
		func(t *rapid.T, f *autodefend.Function) {
			delete(f.Environment.Variables, rapid.SampledFrom([]string{"TABLE", "TOKEN"}).Draw(t, "delete"))
		},
		func(t *rapid.T, f *autodefend.Function) {
			arn := rapid.SampledFrom([]string{"arn:aws:lambda:eu-west-1:123456789012:layer:later:1", "arn:aws:lambda:::awslayer:Own"}).Draw(t, "layer")
			at := rapid.SampledFrom([]int{0, len(f.Layers)}).Draw(t, "at")
			if !slices.Contains(f.LayerARNs(), arn) {
				f.Layers = slices.Insert(f.Layers, at, autodefend.AttachedLayer{ARN: arn})
			}
		},
		func(_ *rapid.T, f *autodefend.Function) {
			f.Layers = slices.DeleteFunc(f.Layers, func(l autodefend.AttachedLayer) bool { return strings.HasSuffix(l.ARN, "libs-0:1") })
		},
		func(t *rapid.T, f *autodefend.Function) {
			f.Tags[rapid.SampledFrom([]string{"team", "cost"}).Draw(t, "tag")] = "edited"
		},
		func(_ *rapid.T, f *autodefend.Function) { delete(f.Tags, "stage") },
		func(_ *rapid.T, f *autodefend.Function) { f.MemoryMB, f.TimeoutSec = 1024, 60 },
	}
}

// TestDetachKeepsLaterEdits: rolling back after owner's edits gives the same
// function as the edits alone would have.
func TestDetachKeepsLaterEdits(t *testing.T) {
	everyRecipe(t, func(t *rapid.T, facts Facts) {
		owners, now := attachDrawn(t, facts)
		want := cloned(owners)
		list := ownerEdits()
		for range rapid.IntRange(1, 6).Draw(t, "edits") {
			// Both get the same edit with the same draws.
			e := list[rapid.IntRange(0, len(list)-1).Draw(t, "edit")]
			twice(t, e, &want, &now)
		}
		sameConfiguration(t, want, rolledBack(t, now, facts, ""))
	})
}

// twice draws an edit on the first function and carries what it did over to
// the second.
func twice(t *rapid.T, e edit, first, second *autodefend.Function) {
	before := cloned(*first)
	e(t, first)
	for name, value := range first.Environment.Variables {
		if old, had := before.Environment.Variables[name]; !had || old != value {
			second.Environment.Variables[name] = value
		}
	}
	for name := range before.Environment.Variables {
		if _, has := first.Environment.Variables[name]; !has {
			delete(second.Environment.Variables, name)
		}
	}
	for key, value := range first.Tags {
		if before.Tags[key] != value {
			second.Tags[key] = value
		}
	}
	for key := range before.Tags {
		if _, has := first.Tags[key]; !has {
			delete(second.Tags, key)
		}
	}
	carryLayers(before, *first, second)
}

func carryLayers(before, after autodefend.Function, second *autodefend.Function) {
	for _, arn := range before.LayerARNs() {
		if !slices.Contains(after.LayerARNs(), arn) {
			second.Layers = slices.DeleteFunc(second.Layers, func(l autodefend.AttachedLayer) bool { return l.ARN == arn })
		}
	}
	for i, l := range after.Layers {
		if slices.Contains(before.LayerARNs(), l.ARN) {
			continue
		}
		at := 0
		if i > 0 {
			at = len(second.Layers)
		}
		second.Layers = slices.Insert(second.Layers, at, l)
	}
}

// TestDetachKeepsTheOwnersNewEntry: an owner who replaces our wrapper, handler
// or tag after the attachment keeps the replacement.
func TestDetachKeepsTheOwnersNewEntry(t *testing.T) {
	everyRecipe(t, func(t *rapid.T, facts Facts) {
		owners, now := attachDrawn(t, facts)
		want := cloned(owners)
		switch {
		case facts.Recipe.Handler != nil:
			want.Handler, now.Handler = "new.handler", "new.handler"
		case rapid.Bool().Draw(t, "remove the wrapper"):
			delete(want.Environment.Variables, autodefend.WrapperVariable)
			delete(now.Environment.Variables, autodefend.WrapperVariable)
		default:
			want.Environment.Variables[autodefend.WrapperVariable] = "/opt/new"
			now.Environment.Variables[autodefend.WrapperVariable] = "/opt/new"
		}
		if rapid.Bool().Draw(t, "tag") {
			want.Tags[facts.Tag.Key], now.Tags[facts.Tag.Key] = "new", "new"
		}
		sameConfiguration(t, want, rolledBack(t, now, facts, ""))
	})
}

// halfAttached draws a function that lost parts of the Defender: its layer is
// gone or old or doubled, its entry, marker, variables or tag are missing.
func halfAttached(t *rapid.T, facts Facts) autodefend.Function {
	_, f := attachDrawn(t, facts)
	r := facts.Recipe
	name := r.Layer.Names[f.Architecture]
	old := autodefend.AttachedLayer{ARN: "arn:aws:lambda:eu-west-1:210987654321:layer:" + name + ":6"}
	last := len(f.Layers) - 1
	switch rapid.SampledFrom([]string{"kept", "gone", "old", "doubled", "first"}).Draw(t, "layer") {
	case "gone":
		f.Layers = f.Layers[:last]
	case "old":
		f.Layers[last] = old
	case "doubled":
		f.Layers = slices.Insert(f.Layers, rapid.IntRange(0, last+1).Draw(t, "at"), old)
	case "first":
		f.Layers = append([]autodefend.AttachedLayer{f.Layers[last]}, f.Layers[:last]...)
	}
	for _, lost := range rapid.SliceOfDistinct(rapid.SampledFrom(append(r.Environment.Names(), autodefend.MarkerVariable)), rapid.ID).Draw(t, "lost") {
		delete(f.Environment.Variables, lost)
	}
	if rapid.Bool().Draw(t, "entry lost") {
		loseEntry(&f, r)
	}
	if rapid.Bool().Draw(t, "tag lost") {
		delete(f.Tags, facts.Tag.Key)
	}
	return f
}

// loseEntry is what a deployment of the owner's template does.
func loseEntry(f *autodefend.Function, r autodefend.Recipe) {
	if r.Handler != nil {
		f.Handler = f.Environment.Variables[r.Handler.OriginalVariable]
		return
	}
	delete(f.Environment.Variables, autodefend.WrapperVariable)
	if next, chained := f.Environment.Variables[r.Wrapper.NextVariable]; chained {
		f.Environment.Variables[autodefend.WrapperVariable] = next
	}
}

func TestRepairConverges(t *testing.T) {
	everyRecipe(t, func(t *rapid.T, facts Facts) {
		f := halfAttached(t, facts)
		v := Assess(f, facts)
		switch v.Decision {
		case autodefend.Protected, autodefend.Protect:
		case autodefend.Repair:
			if len(v.Reasons) == 0 {
				t.Error("a repair without saying what it mends")
			}
		case autodefend.Skip:
			// Nobody can tell these variables from the owner's any more.
			if _, conflict := reasonOf(v.Reasons, autodefend.CheckEnvConflict); !conflict || facts.Recipe.Layer.Owned {
				t.Errorf("skipped for %+v", v.Reasons)
			}
			return
		default:
			t.Fatalf("decision %s for %+v", v.Decision, v.Reasons)
		}
		now := applyTo(f, facts, v.Change)
		keepsVariables(t, facts.Recipe, f, now)
		if again := Assess(now, facts); again.Decision != autodefend.Protected {
			t.Errorf("after %s: %s for %+v with %+v, want protected", v.Decision, again.Decision, again.Reasons, again.Change)
		}
		if !slices.Equal(ownersLayers(facts.Recipe, f), ownersLayers(facts.Recipe, now)) {
			t.Errorf("the owner's layers were %v and are %v", f.LayerARNs(), now.LayerARNs())
		}
		if v.Change != nil && v.Change.Layers != nil && (countOurs(facts.Recipe, now) != 1 || !oursByName(facts.Recipe, now.LayerARNs()[len(now.Layers)-1])) {
			t.Errorf("layers %v, want ours once and last", now.LayerARNs())
		}
	})
}

// TestBrokenIsRemoved: an entry without its layer stops every invocation. When
// the layer can't be attached again, what is left is removed.
func TestBrokenIsRemoved(t *testing.T) {
	everyRecipe(t, func(t *rapid.T, facts Facts) {
		owners, f := attachDrawn(t, facts)
		f.Layers = f.Layers[:len(f.Layers)-1]
		facts.Defender = maps.Clone(facts.Defender)
		delete(facts.Defender, f.Architecture)
		v := Assess(f, facts)
		if v.Decision != autodefend.Repair || len(v.Reasons) < 2 || v.Reasons[0].Check != autodefend.CheckAttachment {
			t.Fatalf("decision %s for %+v, want repair for its remains and what failed", v.Decision, v.Reasons)
		}
		sameConfiguration(t, owners, applyTo(f, facts, v.Change))
	})
}

// TestOthersEntryIsLeftAlone: the vendor's entry without the vendor's layer is
// a Defender that is part of the code. It isn't ours to remove or roll back.
func TestOthersEntryIsLeftAlone(t *testing.T) {
	for _, recipe := range []string{"prisma-wrapper", "prisma-handler"} {
		s := protectable(t, recipe).with(memory(128))
		s.f = cloned(s.f)
		if h := s.facts.Recipe.Handler; h != nil {
			s.f.Handler = h.Value
			s.f.Environment.Variables[h.OriginalVariable] = "shop.handler"
		} else {
			s.f.Environment.Variables[autodefend.WrapperVariable] = s.facts.Recipe.Wrapper.Path
		}
		if v := Assess(s.f, s.facts); v.Decision != autodefend.Skip || v.Change != nil {
			t.Errorf("%s: decision %s with %+v, want skip", recipe, v.Decision, v.Change)
		}
		v := AssessRollback(s.f, s.facts, "")
		if _, ok := reasonOf(v.Reasons, autodefend.CheckAttachment); v.Decision != autodefend.Skip || !ok {
			t.Errorf("%s: roll-back: decision %s for %+v, want skip", recipe, v.Decision, v.Reasons)
		}
	}
}
