package report

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
)

// validSARIF checks what the standard requires of the fields we use, on the
// decoded JSON rather than our own types.
func validSARIF(t testing.TB, text string) []map[string]any {
	t.Helper()
	var log struct {
		Schema  string `json:"$schema"`
		Version string `json:"version"`
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name  string
					Rules []struct {
						ID               string
						ShortDescription struct{ Text string }
						Help             struct{ Text string }
					}
				}
			}
			Results []map[string]any
		}
	}
	if err := json.Unmarshal([]byte(text), &log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || !strings.HasSuffix(log.Schema, "sarif-schema-2.1.0.json") || len(log.Runs) != 1 {
		t.Fatalf("version %q, schema %q, %d runs", log.Version, log.Schema, len(log.Runs))
	}
	driver := log.Runs[0].Tool.Driver
	var ids []string
	for _, r := range driver.Rules {
		ids = append(ids, r.ID)
		if r.ID == "" || r.ShortDescription.Text == "" || r.Help.Text == "" {
			t.Errorf("rule %q lacks a field", r.ID)
		}
	}
	if driver.Name == "" || !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Errorf("driver %q, rules not sorted or not unique: %q", driver.Name, ids)
	}
	if log.Runs[0].Results == nil {
		t.Error("results is null or missing: the standard says that then nothing was scanned")
	}
	for _, r := range log.Runs[0].Results {
		validResult(t, r, ids)
	}
	return log.Runs[0].Results
}

func validResult(t testing.TB, r map[string]any, ids []string) {
	t.Helper()
	index, ok := r["ruleIndex"].(float64)
	if !ok || int(index) >= len(ids) || index < 0 || ids[int(index)] != r["ruleId"] {
		t.Errorf("ruleIndex %v doesn't lead to ruleId %v", r["ruleIndex"], r["ruleId"])
	}
	level, kind := r["level"].(string), r["kind"].(string)
	if !slices.Contains([]string{"none", "note", "warning", "error"}, level) || !slices.Contains([]string{"fail", "pass", "open"}, kind) {
		t.Errorf("level %q, kind %q", level, kind)
	}
	if (kind == "fail") == (level == "none") {
		t.Errorf("kind %q with level %q", kind, level)
	}
	if message, _ := r["message"].(map[string]any); message["text"] == "" || message["text"] == nil {
		t.Error("a result without a message")
	}
	if prints, _ := r["partialFingerprints"].(map[string]any); len(prints) == 0 {
		t.Error("a result without a fingerprint")
	}
	locations, _ := r["locations"].([]any)
	if len(locations) != 1 {
		t.Fatalf("%d locations", len(locations))
	}
	location := locations[0].(map[string]any)
	uri, _ := location["physicalLocation"].(map[string]any)["artifactLocation"].(map[string]any)["uri"].(string)
	if _, err := url.Parse(uri); err != nil || uri == "" || !regexp.MustCompile(`^[!-~]+$`).MatchString(uri) {
		t.Errorf("uri %q: %v", uri, err)
	}
	logical := location["logicalLocations"].([]any)[0].(map[string]any)
	if logical["fullyQualifiedName"] == "" || logical["fullyQualifiedName"] == nil {
		t.Error("no fullyQualifiedName")
	}
}

func TestSARIFIsValid(t *testing.T) {
	for _, r := range samples() {
		validSARIF(t, must(t, r, FormatSARIF, Style{}))
	}
}

func TestSARIFLevels(t *testing.T) {
	got := map[string]string{}
	prints := map[string]bool{}
	for _, r := range validSARIF(t, must(t, samples()["plan"], FormatSARIF, Style{})) {
		got[r["ruleId"].(string)] = r["level"].(string)
		print := r["partialFingerprints"].(map[string]any)["autodefend/v1"].(string)
		if prints[print] {
			t.Errorf("fingerprint %s twice", print)
		}
		prints[print] = true
	}
	for check, want := range map[string]string{
		"memory": "warning", "timeout": "warning", "package-type": "warning", "attachment": "error", "excluded": "note", "incomplete": "error",
	} {
		if got[check] != want {
			t.Errorf("%s: level %q, want %q", check, got[check], want)
		}
	}
	if _, ok := got["iac-managed"]; ok {
		t.Error("a warning is a result")
	}
}

// TestSARIFFingerprints: a fingerprint lasts when the message changes.
func TestSARIFFingerprints(t *testing.T) {
	fingerprints := func(p *autodefend.Plan) []string {
		var out []string
		for _, r := range validSARIF(t, must(t, planOf(p), FormatSARIF, Style{})) {
			out = append(out, r["partialFingerprints"].(map[string]any)["autodefend/v1"].(string))
		}
		return out
	}
	p := wholePlan()
	before := fingerprints(p)
	p.Functions[6].Reasons[0].Message = "the memory is 128 MB, and must be greater than 256 MB"
	if after := fingerprints(p); !slices.Equal(before, after) {
		t.Error("another message gives another fingerprint")
	}
	p.Functions[6].Reasons[1].Check = p.Functions[6].Reasons[0].Check
	after := fingerprints(p)
	slices.Sort(after)
	if len(slices.Compact(after)) != len(before) {
		t.Error("two results of one check on one function have the same fingerprint")
	}
}

func TestSARIFUnknownCheckAndLink(t *testing.T) {
	p := wholePlan()
	p.Functions[6].Reasons[0] = autodefend.Reason{Check: "zz-new", Message: "see [here](http://evil)"}
	text := must(t, planOf(p), FormatSARIF, Style{})
	validSARIF(t, text)
	if strings.Contains(text, "](http") {
		t.Error("foreign text makes a link")
	}
}

func TestSARIFIncompleteRun(t *testing.T) {
	text := must(t, samples()["plan"], FormatSARIF, Style{})
	if !strings.Contains(text, `"executionSuccessful": false`) {
		t.Error("a plan with errors says that it succeeded")
	}
	if !strings.Contains(must(t, samples()["plan-whole"], FormatSARIF, Style{}), `"executionSuccessful": true`) {
		t.Error("a whole plan says that it failed")
	}
}
