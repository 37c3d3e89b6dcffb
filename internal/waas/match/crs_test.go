package match_test

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
)

// crsExpressions returns the arguments of all @rx operators of the Core Rule Set's
// request rules, levels 1 and 2.
func crsExpressions(t testing.TB) []string {
	t.Helper()
	files, err := fs.Glob(coreruleset.FS, "@owasp_crs/REQUEST-9[1-4]*.conf")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, name := range files {
		text, err := fs.ReadFile(coreruleset.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, expressionsOf(string(text))...)
	}
	slices.Sort(found)
	found = slices.Compact(found)
	if len(found) < 200 {
		t.Fatalf("only %d expressions found", len(found))
	}
	return found
}

// expressionsOf scans rules up to the first that only levels 3 and 4 have.
func expressionsOf(conf string) []string {
	conf = strings.ReplaceAll(conf, "\\\n", " ")
	argument := regexp.MustCompile(`"!?@rx ((?:[^"\\]|\\.)*)"`)
	var found []string
	for line := range strings.Lines(conf) {
		if strings.Contains(line, "DETECTION_PARANOIA_LEVEL") && strings.Contains(line, "@lt 3") {
			break
		}
		m := argument.FindStringSubmatch(line)
		if m == nil || strings.HasPrefix(strings.TrimSpace(line), "#") || strings.Contains(m[1], "%{") {
			continue
		}
		found = append(found, strings.ReplaceAll(m[1], `\"`, `"`))
	}
	return found
}
