package bypass

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestAllowed runs, under every rule and in every column, what the rule allows: a Defender that denies everything would
// pass all of the attempts.
func TestAllowed(t *testing.T) {
	built.make(t)
	rules, err := filepath.Glob("testdata/rules/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range rules {
		rule := strings.TrimSuffix(filepath.Base(path), ".json")
		for _, c := range columns() {
			t.Run(rule+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				a := attempt{name: "allowed", rule: rule, run: []string{"legit.py", rule}, proof: ran}
				got := launch(t, protected(t, a.order(), a, c))
				if got.Code != 0 || !strings.Contains(got.Output, "all of it works") {
					t.Errorf("something that is allowed doesn't work:\n%s", got)
				}
				if all := audits(got.Output); len(all) > 0 {
					t.Errorf("audits of what is allowed: %v", all)
				}
			})
		}
	}
}
