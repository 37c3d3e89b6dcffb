package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/autodefend/autodefend"
)

// TestNoOutputShowsValues: neither a function nor anything computed from it
// shows the value of a variable, however it's printed.
func TestNoOutputShowsValues(t *testing.T) {
	everyRecipe(t, func(t *rapid.T, facts Facts) {
		owners, now := attachDrawn(t, facts)
		half := halfAttached(t, facts)
		foreign := cloned(owners)
		foreign.Environment.Variables[autodefend.WrapperVariable] = canary
		foreign.Environment.Variables[autodefend.MarkerVariable] = canary + "/" + canary
		f := rapid.SampledFrom([]autodefend.Function{owners, now, half, foreign}).Draw(t, "function")
		p := &autodefend.Plan{Functions: []autodefend.Verdict{Assess(f, facts), AssessRollback(f, facts, "")}}
		p.Finish()
		showsNothing(t, f, p, Examine(f, facts), facts.Recipe)
		for _, v := range p.Functions {
			showsNothing(t, v)
			if v.Change != nil {
				u := Materialize(f, v.Change, facts, testRun)
				showsNothing(t, v.Change, *v.Change, u, &u)
			}
		}
	})
}

func showsNothing(t *rapid.T, values ...any) {
	for _, v := range values {
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("a value", "value", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("a value", "value", v)
		j, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		y, err := yaml.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		texts := []string{log.String(), string(j), string(y)}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
			texts = append(texts, fmt.Sprintf(verb, v))
		}
		for _, text := range texts {
			if strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
				t.Fatalf("%T shows a variable's value", v)
			}
		}
	}
}

// TestDigest: a digest changes with every value and limit but
// nothing can be read off it.
func TestDigest(t *testing.T) {
	base := withPolicy(t)
	tag := autodefend.Tag{Key: "SecurityProtected", Value: "True"}
	seen := map[string]string{Digest(base, tag, ""): "nothing"}
	if Digest(withPolicy(t), tag, "") != Digest(base, tag, "") {
		t.Fatal("the digest of the same recipe differs")
	}
	edits := map[string]func(r *autodefend.Recipe, tag *autodefend.Tag){
		"name":        func(r *autodefend.Recipe, _ *autodefend.Tag) { r.Name = "other" },
		"layer name":  func(r *autodefend.Recipe, _ *autodefend.Tag) { r.Layer.Names = map[string]string{"x86_64": "other"} },
		"layer owned": func(r *autodefend.Recipe, _ *autodefend.Tag) { r.Layer.Owned = true },
		"layer version": func(r *autodefend.Recipe, _ *autodefend.Tag) {
			r.Layer.Versions = []autodefend.RecipeLayerVersion{{ARN: "a"}}
		},
		"runtimes": func(r *autodefend.Recipe, _ *autodefend.Tag) { r.Runtimes = nil },
		"handler":  func(r *autodefend.Recipe, _ *autodefend.Tag) { r.Handler = &autodefend.RecipeHandler{Value: "x.y"} },
		"wrapper":  func(r *autodefend.Recipe, _ *autodefend.Tag) { r.Wrapper = &autodefend.RecipeWrapper{Path: "/opt/x"} },
		"variable's value": func(r *autodefend.Recipe, _ *autodefend.Tag) {
			r.Environment = autodefend.Variables{"TW_POLICY": "other", "TW_CONSOLE": "console-" + canary}
		},
		"variable": func(r *autodefend.Recipe, _ *autodefend.Tag) {
			r.Environment = autodefend.Variables{"TW_POLICY": "policy-" + canary}
		},
		"snapstart":   func(r *autodefend.Recipe, _ *autodefend.Tag) { r.SnapStart = true },
		"layers":      func(r *autodefend.Recipe, _ *autodefend.Tag) { r.Limits.MaxLayers-- },
		"memory":      func(r *autodefend.Recipe, _ *autodefend.Tag) { r.Limits.MinMemoryMB-- },
		"timeout":     func(r *autodefend.Recipe, _ *autodefend.Tag) { r.Limits.TimeoutBufferSec-- },
		"size":        func(r *autodefend.Recipe, _ *autodefend.Tag) { r.Limits.ZippedSizeThresholdMB-- },
		"utilization": func(r *autodefend.Recipe, _ *autodefend.Tag) { r.Limits.UtilizationPercent-- },
		"tag's key":   func(_ *autodefend.Recipe, tag *autodefend.Tag) { tag.Key = "Other" },
		"tag's value": func(_ *autodefend.Recipe, tag *autodefend.Tag) { tag.Value = "Yes" },
	}
	for name, edit := range edits {
		r, edited := withPolicy(t), tag
		edit(&r, &edited)
		digest := Digest(r, edited, "")
		if other, taken := seen[digest]; taken {
			t.Errorf("editing %s gives the digest of editing %s", name, other)
		}
		seen[digest] = name
		if len(digest) != 64 || strings.Trim(digest, "0123456789abcdef") != "" {
			t.Errorf("digest %q, want 64 hexadecimal digits", digest)
		}
	}
}
