package plan

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
)

const (
	mb = 1 << 20
	// ownerLayer is a layer of the owner's that every protectable function has.
	ownerLayer = "arn:aws:lambda:eu-west-1:123456789012:layer:shop-libs:3"
	// canary is an owner's secret: no output may hold it.
	canary = "canary-7f3a9c51"
)

// situation is a function with the facts of its account and region. Test cases
// start from one where every check passes and change what they're about.
type situation struct {
	f     autodefend.Function
	facts Facts
}

// with returns the situation after an edit.
func (s situation) with(edits ...func(*situation)) situation {
	for _, edit := range edits {
		if edit != nil {
			edit(&s)
		}
	}
	return s
}

// protectable returns a function on which every check of the recipe passes.
func protectable(t testing.TB, recipe string) situation {
	t.Helper()
	return situation{f: shop(), facts: factsOf(t, builtin(t, recipe))}
}

// attached returns a protectable function after its change was applied.
func attached(t testing.TB, recipe string) situation {
	t.Helper()
	s := protectable(t, recipe)
	s.f = applyTo(s.f, s.facts, Assess(s.f, s.facts).Change)
	return s
}

// shop is a small, healthy function.
func shop() autodefend.Function {
	return autodefend.Function{
		ARN: autodefend.FunctionARN{
			Partition: "aws", Region: "eu-west-1", Account: "123456789012", Name: "shop",
		},
		Runtime:      "python3.13",
		Handler:      "shop.handler",
		PackageType:  autodefend.PackageZip,
		Architecture: autodefend.ArchX86,
		Role:         "arn:aws:iam::123456789012:role/shop",
		MemoryMB:     512,
		TimeoutSec:   30,
		CodeSize:     mb,
		Layers:       []autodefend.AttachedLayer{{ARN: ownerLayer, CodeSize: mb}},
		Environment:  autodefend.Environment{Variables: autodefend.Variables{"TABLE": "orders", "TOKEN": canary}},
		RevisionID:   "0c2f6a2e-6f0e-4b53-9a0b-000000000001",
		Detailed:     true,
		State:        autodefend.State{Name: autodefend.StateActive},
		LastUpdate:   autodefend.State{Name: "Successful"},
		Tags:         map[string]string{"team": "shop"},
		TagsKnown:    true,
		Versions:     &autodefend.Versions{},
		Observed: &autodefend.Observed{
			Window: 24 * time.Hour, Invocations: 1000, DurationP99: 2 * time.Second, MaxMemoryMB: 128,
		},
	}
}

// builtin returns a recipe of the program.
func builtin(t testing.TB, name string) autodefend.Recipe {
	t.Helper()
	r, err := BuiltinRecipe(name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// withPolicy is the handler recipe with a secret of its own, as a user writes
// it.
func withPolicy(t testing.TB) autodefend.Recipe {
	t.Helper()
	r := builtin(t, "prisma-handler")
	r.Environment = autodefend.Variables{"TW_POLICY": "policy-" + canary, "TW_CONSOLE": "console-" + canary}
	return r
}

// factsOf returns facts in which the recipe's layers are published and
// everything was read.
func factsOf(t testing.TB, r autodefend.Recipe) Facts {
	t.Helper()
	runtimes, err := DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	facts := Facts{
		Now:      day("2026-03-01"),
		Recipe:   r,
		Runtimes: runtimes,
		Tag:      autodefend.Tag{Key: "SecurityProtected", Value: "True"},
		Defender: map[string]autodefend.LayerVersion{},
		Layers:   map[string]autodefend.LayerVersion{ownerLayer: readable(ownerLayer)},
	}
	for arch, name := range r.Layer.Names {
		l := readable("arn:aws:lambda:eu-west-1:123456789012:layer:" + name + ":7")
		l.CodeSize, l.Unzipped = 2*mb, 6*mb
		facts.Defender[arch] = l
	}
	return facts
}

func readable(arn string) autodefend.LayerVersion {
	return autodefend.LayerVersion{ARN: arn, Status: autodefend.LayerReadable}
}

func day(s string) time.Time {
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return d
}

// testRun is a run's id of the length that real ones have.
const testRun = "20260301T120000-ab12"

// applyTo is what AWS does with a change: the update replaces layers and
// variables whole, and the tag is set or removed together with the one that
// shows whose it is.
func applyTo(f autodefend.Function, facts Facts, c *autodefend.Change) autodefend.Function {
	f = cloned(f)
	if c == nil {
		return f
	}
	if c.Configures() {
		u := Materialize(f, c, facts, testRun)
		f = carryOut(f, u)
	}
	if c.Tag != nil && c.Tag.Remove {
		delete(f.Tags, c.Tag.Key)
		delete(f.Tags, autodefend.OwnershipTag)
	} else if c.Tag != nil {
		f.Tags[autodefend.OwnershipTag] = facts.Recipe.Name
		f.Tags[c.Tag.Key] = c.Tag.Value
	}
	return f
}

func carryOut(f autodefend.Function, u autodefend.Update) autodefend.Function {
	if u.Layers != nil {
		f.Layers = nil
		for _, arn := range *u.Layers {
			f.Layers = append(f.Layers, autodefend.AttachedLayer{ARN: arn})
		}
	}
	if u.Variables != nil {
		f.Environment.Variables = *u.Variables
	}
	if u.Handler != nil {
		f.Handler = *u.Handler
	}
	f.RevisionID += "'"
	return f
}

func cloned(f autodefend.Function) autodefend.Function {
	f.Layers = slices.Clone(f.Layers)
	f.Environment.Variables = maps.Clone(f.Environment.Variables)
	f.Tags = maps.Clone(f.Tags)
	if f.Environment.Variables == nil {
		f.Environment.Variables = autodefend.Variables{}
	}
	if f.Tags == nil {
		f.Tags = map[string]string{}
	}
	return f
}

// reasonOf returns the reason of a check among reasons.
func reasonOf(reasons []autodefend.Reason, id autodefend.Check) (autodefend.Reason, bool) {
	i := slices.IndexFunc(reasons, func(r autodefend.Reason) bool { return r.Check == id })
	if i < 0 {
		return autodefend.Reason{}, false
	}
	return reasons[i], true
}

// Edits that several tables use.

func variable(name, value string) func(*situation) {
	return func(s *situation) {
		s.f = cloned(s.f)
		s.f.Environment.Variables[name] = value
	}
}

func tagged(key, value string) func(*situation) {
	return func(s *situation) {
		s.f = cloned(s.f)
		s.f.Tags[key] = value
	}
}

func layers(arns ...string) func(*situation) {
	return func(s *situation) {
		s.facts.Layers = maps.Clone(s.facts.Layers)
		s.f.Layers = nil
		for _, arn := range arns {
			s.f.Layers = append(s.f.Layers, autodefend.AttachedLayer{ARN: arn, CodeSize: mb})
			s.facts.Layers[arn] = readable(arn)
		}
	}
}

// layerStatus says what was found of a layer in the list; "" is nothing.
func layerStatus(arn string, status autodefend.LayerStatus) func(*situation) {
	return func(s *situation) {
		s.facts.Layers = maps.Clone(s.facts.Layers)
		s.facts.Layers[arn] = autodefend.LayerVersion{ARN: arn, Status: status}
	}
}

func undecryptable(s *situation) {
	s.f.Environment = autodefend.Environment{Error: "AccessDeniedException"}
}
