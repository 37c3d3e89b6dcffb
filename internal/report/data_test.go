package report

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/autodefend/autodefend"
)

func verified(t *testing.T, text string) *autodefend.Plan {
	t.Helper()
	var p autodefend.Plan
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	if err := p.Verify(p.Created.Add(time.Minute), time.Hour, p.RecipeDigest); err != nil {
		t.Errorf("the plan that was read back: %v", err)
	}
	return &p
}

func TestPlanRoundTrip(t *testing.T) {
	p := samplePlan()
	got := verified(t, must(t, planOf(p), FormatJSON, Style{}))
	if diff := cmp.Diff(p, got); diff != "" {
		t.Errorf("the plan changed on its way (-want +got):\n%s", diff)
	}
}

// TestPlanRoundTripFilledIn: null lists, text that isn't UTF-8 and invisible
// characters must not break the seal.
func TestPlanRoundTripFilledIn(t *testing.T) {
	p := samplePlan()
	p.Errors, p.Functions[0].Reasons, p.Functions[1].Warnings = nil, nil, nil
	p.Functions[2].Reasons = []autodefend.Reason{{Check: "memory", Message: "cut \xe2\x80, \u202ehidden\u009b\U000e0041\x7f"}}
	p.Finish()
	digest := p.Digest
	text := must(t, planOf(p), FormatJSON, Style{})
	if strings.Contains(text, "null") {
		t.Error("an empty list is null")
	}
	if strings.ContainsFunc(text, hidden) {
		t.Error("invisible characters aren't escaped")
	}
	got := verified(t, text)
	if want := "cut \uFFFD, \u202ehidden\u009b\U000e0041\x7f"; got.Functions[2].Reasons[0].Message != want {
		t.Errorf("message %q, want %q", got.Functions[2].Reasons[0].Message, want)
	}
	if p.Digest != digest || p.Errors != nil || p.Functions[0].Reasons != nil {
		t.Error("rendering changed the plan it was given")
	}
}

func TestBrokenSealStaysBroken(t *testing.T) {
	p := samplePlan()
	p.Functions[0].Decision = autodefend.Protect
	p.Functions[0].Warnings = nil // so that there is something to fill in
	var got autodefend.Plan
	if err := json.Unmarshal([]byte(must(t, planOf(p), FormatJSON, Style{})), &got); err != nil {
		t.Fatal(err)
	}
	if got.Digest != p.Digest {
		t.Error("an edited plan was sealed again")
	}
	if err := got.Verify(got.Created, time.Hour, got.RecipeDigest); err == nil {
		t.Error("an edited plan verifies after rendering")
	}
}

func TestEmptyDocuments(t *testing.T) {
	empty := map[string]rendering{
		"plan": planOf(&autodefend.Plan{}), "run": runOf(&autodefend.Run{}),
		"status": statusOf(Coverage{}), "explain": explainOf(nil),
	}
	for name, r := range empty {
		for _, f := range Formats() {
			text := must(t, r, f, Style{})
			if (f == FormatJSON || f == FormatYAML || f == FormatSARIF) && strings.Contains(text, "null") {
				t.Errorf("empty %s as %s has null:\n%s", name, f, text)
			}
		}
	}
}

// TestYAMLFieldNames: YAML has JSON's field names and values.
func TestYAMLFieldNames(t *testing.T) {
	for name, r := range samples() {
		var fromJSON, fromYAML any
		if err := json.Unmarshal([]byte(must(t, r, FormatJSON, Style{})), &fromJSON); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := yaml.Unmarshal([]byte(must(t, r, FormatYAML, Style{})), &fromYAML); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b, err := json.Marshal(fromYAML)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got any
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(got, fromJSON) {
			t.Errorf("%s: YAML and JSON differ:\n%s", name, cmp.Diff(fromJSON, got))
		}
	}
}
