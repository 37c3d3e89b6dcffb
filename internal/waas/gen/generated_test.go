package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/autodefend/autodefend/internal/waas/rules"
)

func TestGeneratedFilesAreCurrent(t *testing.T) {
	if testing.Short() {
		t.Skip("compiling all rules takes seconds")
	}
	want, err := generate(os.DirFS(filepath.Join("..", "own")))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{sourceFile: want.source, blobFile: want.blob} {
		got, err := os.ReadFile(filepath.Join("..", "rules", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, content) {
			t.Errorf("%s isn't what the rules say: run go generate ./internal/waas/rules", name)
		}
	}
}

// The table must cost nothing before the first event: no code may run to build it.
func TestNothingHappensAtStart(t *testing.T) {
	archive := filepath.Join(t.TempDir(), "rules.a")
	if out, err := exec.Command("go", "build", "-o", archive, "../rules").CombinedOutput(); err != nil {
		t.Fatalf("build package rules: %v\n%s", err, out)
	}
	symbols, err := exec.Command("go", "tool", "nm", "-size", archive).Output()
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for line := range strings.Lines(string(symbols)) {
		fields := strings.Fields(line) // address, size, type, name
		if len(fields) != 4 || !strings.HasSuffix(fields[3], "/rules.init") {
			continue
		}
		found = true
		if size, _ := strconv.Atoi(fields[1]); size > 16 {
			t.Errorf("the initialisation of package rules has %d bytes of code, want no more than its return", size)
		}
	}
	if !found {
		t.Log("package rules has no initialisation at all")
	}
}

func TestTableIsSound(t *testing.T) {
	if len(rules.All()) == 0 {
		t.Skip("built without the generated table (tag waasbootstrap)")
	}
	starts := map[uint16]int{}
	for id, node := range rules.Nodes() {
		if id > 0 && (int(node.Parent) >= id || node.Transform == rules.None || int(node.End) <= id) {
			t.Errorf("node %d: %+v", id, node)
		}
		for _, rule := range node.Rules {
			starts[rule]++
			if missing := rules.All()[rule].Variables() &^ node.Variables; missing != 0 {
				t.Errorf("node %d prunes variables %#x, which its rule %d reads", id, missing, rules.All()[rule].ID)
			}
			if node.Level > rules.All()[rule].Level {
				t.Errorf("node %d is said to be for level %d and has rule %d", id, node.Level, rules.All()[rule].ID)
			}
		}
	}
	for i := range rules.All() {
		rule := &rules.All()[i]
		if found := rules.Find(rule.ID); found != rule && !found.Narrow && !slices.Contains(mindsPlainNames(), rule.ID) {
			t.Errorf("rule %d isn't found by its id", rule.ID)
		}
		checkRule(t, rule, starts[uint16(i)])
	}
	if rules.Find(1) != nil {
		t.Error("a rule is found that doesn't exist")
	}
}

// checkRule checks what one rule refers to.
func checkRule(t *testing.T, rule *rules.Rule, starts int) {
	t.Helper()
	want := 1
	if rule.Conditions[0].MultiMatch {
		want += len(rules.Path(rule.Conditions[0].Chain))
	}
	if starts != want {
		t.Errorf("rule %d starts at %d nodes, want %d", rule.ID, starts, want)
	}
	for j := range rule.Conditions {
		c := &rule.Conditions[j]
		if hasProgram := c.Program != rules.NoProgram; hasProgram != (c.Operator == rules.Rx || c.Operator == rules.Pm && j > 0) {
			t.Errorf("rule %d, condition %d: operator %s with program %d", rule.ID, j, c.Operator, c.Program)
		}
		if int(c.Program) > rules.Programs() || c.Program > 0 && rules.Program(c.Program) == "" {
			t.Errorf("rule %d, condition %d: there is no program %d", rule.ID, j, c.Program)
		}
		for _, group := range c.Needs {
			if group >= rules.Groups || j > 0 {
				t.Errorf("rule %d, condition %d: group %d", rule.ID, j, group)
			}
		}
	}
}
