package consoletest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// repository is where the documentation and the packages are, seen from here.
const repository = "../.."

// asvsSections are how many requirements of ASVS 5.0.0 a section has at levels 1 and 2; they are its first ones.
func asvsSections() map[string]int {
	return map[string]int{
		"1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2,
		"2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1,
		"3.2": 2, "3.3": 4, "3.4": 6, "3.5": 5, "3.7": 2,
		"4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4,
		"5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3,
		"6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4,
		"7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2,
		"8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1,
		"9.1": 3, "9.2": 4,
		"10.1": 2, "10.2": 2, "10.3": 4, "10.4": 11, "10.5": 5, "10.6": 2, "10.7": 3,
		"11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1, "11.6": 1,
		"12.1": 3, "12.2": 2, "12.3": 4,
		"13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5,
		"14.1": 2, "14.2": 4, "14.3": 3,
		"15.1": 3, "15.2": 3, "15.3": 7,
		"16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3,
		"17.1": 1, "17.2": 4, "17.3": 2,
	}
}

// asvsRow is one row of the list.
type asvsRow struct{ id, wants, verdict, why string }

// asvsRows reads the rows that begin with an id.
func asvsRows(t *testing.T) []asvsRow {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(repository, "docs/asvs.md"))
	if err != nil {
		t.Fatal(err)
	}
	id := regexp.MustCompile(`^\d+(\.\d+){0,2}$`)
	var rows []asvsRow
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if !id.MatchString(cells[0]) {
			continue
		}
		if len(cells) != 4 {
			t.Errorf("%s: %d cells, want 4", cells[0], len(cells))
			continue
		}
		rows = append(rows, asvsRow{cells[0], cells[1], cells[2], cells[3]})
	}
	return rows
}

// TestASVSIsWhole: each requirement has one row, of its own or of its section or chapter.
func TestASVSIsWhole(t *testing.T) {
	left := map[string]bool{}
	for section, count := range asvsSections() {
		for i := range count {
			left[fmt.Sprintf("%s.%d", section, i+1)] = true
		}
	}
	for _, row := range asvsRows(t) {
		found := 0
		for id := range left {
			if id == row.id || strings.HasPrefix(id, row.id+".") {
				delete(left, id)
				found++
			}
		}
		if found == 0 {
			t.Errorf("%s: there's no such requirement at levels 1 and 2, or it has a row already", row.id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(left)) {
		t.Errorf("%s has no row", id)
	}
}

// TestASVSNamesWhatExists: what is met is shown by tests and pages, and all that the list names are there.
func TestASVSNamesWhatExists(t *testing.T) {
	named := regexp.MustCompile("`([a-z/]+): ((?:Test|Fuzz)[A-Za-z0-9]*)`")
	link := regexp.MustCompile(`\]\(([^)#]*)(#[^)]*)?\)`)
	verdicts := map[string]int{}
	for _, row := range asvsRows(t) {
		verdicts[row.verdict]++
		tests, links := named.FindAllStringSubmatch(row.why, -1), link.FindAllStringSubmatch(row.why, -1)
		switch row.verdict {
		case "met":
			if len(tests)+len(links) == 0 {
				t.Errorf("%s is met, and nothing shows it", row.id)
			}
		case "untested", "not met", "n/a":
			if row.why == "" {
				t.Errorf("%s is %s without a reason", row.id, row.verdict)
			}
		default:
			t.Errorf("%s: verdict %q", row.id, row.verdict)
		}
		for _, one := range tests {
			if !hasTest(t, one[1], one[2]) {
				t.Errorf("%s: the package %s has no test %s", row.id, one[1], one[2])
			}
		}
		for _, one := range links {
			if _, err := os.Stat(filepath.Join(repository, "docs", one[1])); err != nil {
				t.Errorf("%s: %v", row.id, err)
			}
		}
		if plain := named.ReplaceAllString(row.why, ""); strings.Contains(plain, ": Test") || strings.Contains(plain, ": Fuzz") {
			t.Errorf("%s: a test isn't named as `package: TestName`: %s", row.id, row.why)
		}
	}
	t.Logf("rows by verdict: %v", verdicts)
}

// hasTest reports whether a package has a test. Packages are named by their path below internal, or as they are.
func hasTest(t *testing.T, pkg, name string) bool {
	t.Helper()
	dir := filepath.Join(repository, "internal", pkg)
	if _, err := os.Stat(dir); err != nil {
		dir = filepath.Join(repository, pkg)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(text), "\nfunc "+name+"(")
	})
}
