package cloud

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/lambdasim"
)

func TestFunctionTags(t *testing.T) {
	w := newWorld(lambdasim.Options{})
	want := map[string]map[string]string{}
	for i := range 230 {
		spec := lambdasim.FunctionSpec{Name: fmt.Sprintf("fn-%03d", i), Runtime: "python3.13", Handler: "a.b"}
		if i%2 == 0 {
			spec.Tags = map[string]string{"team": fmt.Sprint(i), "empty": ""}
			want[functionARN(spec.Name, "").String()] = maps.Clone(spec.Tags)
		}
		w.PutFunction(home, ireland, spec)
	}
	r := openHome(t, w.Client(), Config{})
	got, err := r.FunctionTags(t.Context())
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("FunctionTags: %v (-want +got):\n%s", err, diff)
	}
	if n := w.Stats().Operation("GetResources"); n != 2 {
		t.Errorf("%d calls for 115 tagged functions, want 2", n)
	}
	w.Deny(home, "tag:GetResources", "no")
	_, err = r.FunctionTags(t.Context())
	checkError(t, err, []string{"denied", "GetResources: AccessDeniedException", `"tag:GetResources"`})
}

func TestTagAndUntag(t *testing.T) {
	w := newWorld(lambdasim.Options{})
	var arns []autodefend.FunctionARN
	for i := range 3 {
		name := fmt.Sprintf("fn-%d", i)
		w.PutFunction(home, ireland, lambdasim.FunctionSpec{Name: name, Runtime: "python3.13", Handler: "a.b", Tags: map[string]string{"team": "a"}})
		arns = append(arns, functionARN(name, ""))
	}
	missing := functionARN("missing", "")
	tag := autodefend.Tag{Key: "SecurityProtected", Value: "True"}
	r := openHome(t, w.Client(), Config{})

	failed, err := r.TagFunctions(t.Context(), append(arns[:3:3], missing), tag)
	if err != nil || len(failed) != 1 || failed[missing] == nil {
		t.Fatalf("TagFunctions = %v, %v; want the missing one to fail", failed, err)
	}
	if text := failed[missing].Error(); !strings.HasPrefix(text, "TagResources missing: ") || autodefend.ErrorCode(failed[missing]) == autodefend.CodeInternal {
		t.Errorf("failure = %s", text)
	}
	for _, arn := range arns {
		if state, _ := w.Function(home, ireland, arn.Name); !cmp.Equal(state.Tags, map[string]string{"team": "a", tag.Key: tag.Value}) {
			t.Errorf("tags of %s = %v", arn.Name, state.Tags)
		}
	}
	if failed, err = r.UntagFunctions(t.Context(), arns[:2], tag.Key); err != nil || len(failed) > 0 {
		t.Fatalf("UntagFunctions = %v, %v", failed, err)
	}
	for i, want := range []int{1, 1, 2} {
		if state, _ := w.Function(home, ireland, arns[i].Name); len(state.Tags) != want {
			t.Errorf("tags of %s = %v", arns[i].Name, state.Tags)
		}
	}
}

func TestTagOfAVersionIsTheFunctions(t *testing.T) {
	w := newWorld(lambdasim.Options{})
	w.PutFunction(home, ireland, lambdasim.FunctionSpec{Name: "fn", Runtime: "python3.13", Handler: "a.b", Versions: 1})
	r := openHome(t, w.Client(), Config{})
	failed, err := r.TagFunctions(t.Context(), []autodefend.FunctionARN{functionARN("fn", "1")}, autodefend.Tag{Key: "k", Value: "v"})
	if state, _ := w.Function(home, ireland, "fn"); err != nil || len(failed) > 0 || state.Tags["k"] != "v" {
		t.Errorf("TagFunctions = %v, %v; tags %v", failed, err, state.Tags)
	}
}

func TestTagDenied(t *testing.T) {
	w := newWorld(lambdasim.Options{})
	w.PutFunction(home, ireland, lambdasim.FunctionSpec{Name: "fn", Runtime: "python3.13", Handler: "a.b"})
	arn := functionARN("fn", "")
	r := openHome(t, w.Client(), Config{})
	w.Deny(home, "lambda:TagResource", "no")
	failed, err := r.TagFunctions(t.Context(), []autodefend.FunctionARN{arn}, autodefend.Tag{Key: "k", Value: "v"})
	if err != nil {
		t.Fatal(err)
	}
	checkError(t, failed[arn], []string{"denied", "TagResources fn: AccessDeniedException", `"lambda:TagResource"`})
	w.Deny(home, "tag:UntagResources", "no")
	_, err = r.UntagFunctions(t.Context(), []autodefend.FunctionARN{arn}, "k")
	checkError(t, err, []string{"denied", "UntagResources: AccessDeniedException", `"tag:UntagResources"`})
}

func TestTagBatches(t *testing.T) {
	w := newWorld(lambdasim.Options{})
	r := openHome(t, w.Client(), Config{})
	if failed, err := r.TagFunctions(t.Context(), nil, autodefend.Tag{Key: "k", Value: "v"}); err != nil || failed != nil {
		t.Errorf("no functions: %v, %v", failed, err)
	}
	_, err := r.UntagFunctions(t.Context(), make([]autodefend.FunctionARN, 21), "k")
	checkError(t, err, []string{"internal", "21 functions"})
	if n := w.Stats().Mutating(); n != 0 {
		t.Errorf("%d mutating calls", n)
	}
}
