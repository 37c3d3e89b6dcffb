package report

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
)

// TestEveryCheckHasARule reads the checks from the dictionary's source, so
// that a new one can't be forgotten.
func TestEveryCheckHasARule(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../verdict.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Check") {
			return true
		}
		id, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		found++
		if _, ok := rules()[autodefend.Check(id)]; !ok {
			t.Errorf("the check %q has no rule", id)
		}
		return true
	})
	if found < 30 || found != len(rules())-1 {
		t.Errorf("%d checks in the dictionary, %d rules besides %q", found, len(rules())-1, ruleIncomplete)
	}
}
