package plan

import (
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/autodefend/autodefend"
)

func FuzzParseRecipe(f *testing.F) {
	f.Add([]byte(goodRecipe))
	for _, name := range BuiltinRecipes() {
		b, err := recipeFiles.ReadFile("recipes/" + name + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, seed := range []string{"", "{}", "[]", "a: &a [*a]", "version: 1\n---\n", "limits: {max_layers: 99999999999999999999}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRecipe(b)
		if err != nil {
			if autodefend.ErrorCode(err) != autodefend.CodeInvalid {
				t.Fatalf("error %v, want an invalid one", err)
			}
			return
		}
		if err := r.Validate(); err != nil {
			t.Fatalf("a recipe that was read isn't valid: %v", err)
		}
		// The values never come out again; all else does.
		r.Environment = nil
		text, err := yaml.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseRecipe(text)
		if err != nil {
			t.Fatalf("the recipe can't be read again: %v\n%s", err, text)
		}
		if tag := (autodefend.Tag{}); Digest(again, tag, "") != Digest(r, tag, "") {
			t.Fatalf("the recipe changed on its way through a file:\n%s", text)
		}
	})
}

func FuzzParseCatalog(f *testing.F) {
	f.Add(runtimesYAML)
	for _, seed := range []string{"", "runtimes:", "runtimes: [{name: a, family: b}]", "runtimes: [{name: a, family: b, blocked: 2026-02-30}]", "runtimes: {a: b}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseCatalog(b)
		if err != nil {
			if autodefend.ErrorCode(err) != autodefend.CodeInvalid {
				t.Fatalf("error %v, want an invalid one", err)
			}
			return
		}
		for name, r := range c {
			if name == "" || r.Name != name || r.Family == "" {
				t.Fatalf("runtime %q: %+v", name, r)
			}
		}
	})
}
