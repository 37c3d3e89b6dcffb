package cloud

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/lambdasim"
)

// functionARN names a function of the home account.
func functionARN(name, qualifier string) autodefend.FunctionARN {
	return autodefend.FunctionARN{Partition: "aws", Region: ireland, Account: home, Name: name, Qualifier: qualifier}
}

func TestListFunctionsPages(t *testing.T) {
	w := newWorld(lambdasim.Options{})
	for i := range 120 {
		w.PutFunction(home, ireland, lambdasim.FunctionSpec{Name: fmt.Sprintf("fn-%03d", i), Runtime: "python3.13", Handler: "a.b"})
	}
	r := openHome(t, w.Client(), Config{})
	var sizes []int
	seen := map[string]bool{}
	for marker, more := "", true; more; more = marker != "" {
		page, next, err := r.ListFunctions(t.Context(), marker)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range page {
			seen[f.ARN.Name] = true
		}
		sizes, marker = append(sizes, len(page)), next
	}
	if diff := cmp.Diff([]int{50, 50, 20}, sizes); diff != "" || len(seen) != 120 {
		t.Errorf("%d functions on pages (-want +got):\n%s", len(seen), diff)
	}
}

func TestFunctionsAreMapped(t *testing.T) {
	w := newWorld(lambdasim.Options{})
	layer := w.PutLayerVersion(home, ireland, lambdasim.LayerSpec{Name: "tools", CodeSize: 1234})
	role := "arn:aws:iam::" + home + ":role/exec"
	specs := []lambdasim.FunctionSpec{
		{Name: "plain", Runtime: "nodejs24.x", Handler: "index.handler", Role: role},
		{
			Name: "rich", Runtime: "python3.13", Handler: "app.main", Role: role, Timeout: 31, Memory: 513, CodeSize: 777,
			Architectures: []string{"arm64"}, Env: map[string]string{"A": "one", "B": ""}, Layers: []string{layer},
			Description: "what it's for", LastModified: time.Date(2026, 2, 3, 4, 5, 6, 789e6, time.UTC),
			SnapStart: "PublishedVersions", Tags: map[string]string{"team": "a"}, Versions: 2, Aliases: map[string]string{"live": "2", "blue": "1"},
		},
		{Name: "image", PackageType: "Image", ImageURI: home + ".dkr.ecr.eu-west-1.amazonaws.com/x:1", Role: role},
		{Name: "sealed", Runtime: "python3.13", Handler: "a.b", Role: role, Env: map[string]string{"A": "one"}, EnvUndecryptable: true},
		{
			Name: "odd", Runtime: "python3.13", Handler: "a.b", Role: role, MasterArn: "arn:aws:lambda:us-east-1:" + home + ":function:odd:3",
			CapacityProviderArn: "arn:aws:lambda:eu-west-1:" + home + ":capacity-provider:p", Durable: &lambdasim.Durable{RetentionPeriodInDays: 1, ExecutionTimeout: 60},
		},
	}
	for _, spec := range specs {
		w.PutFunction(home, ireland, spec)
	}
	base := autodefend.Function{
		Handler: "a.b", Runtime: "python3.13", PackageType: "Zip", Architecture: "x86_64", Role: role, MemoryMB: 128, TimeoutSec: 3,
	}
	with := func(name string, change func(*autodefend.Function)) autodefend.Function {
		f := base
		f.ARN = functionARN(name, "")
		change(&f)
		return f
	}
	want := map[string]autodefend.Function{
		"plain": with("plain", func(f *autodefend.Function) { f.Runtime, f.Handler = "nodejs24.x", "index.handler" }),
		"rich": with("rich", func(f *autodefend.Function) {
			f.Handler, f.TimeoutSec, f.MemoryMB, f.CodeSize, f.Architecture, f.SnapStart = "app.main", 31, 513, 777, "arm64", true
			f.Layers = []autodefend.AttachedLayer{{ARN: layer, CodeSize: 1234}}
			f.Description, f.LastModified = "what it's for", time.Date(2026, 2, 3, 4, 5, 6, 789e6, time.UTC)
			f.Environment.Variables = autodefend.Variables{"A": "one", "B": ""}
		}),
		"image": with("image", func(f *autodefend.Function) { f.Runtime, f.Handler, f.PackageType = "", "", "Image" }),
		"sealed": with("sealed", func(f *autodefend.Function) {
			f.Environment.Error = "AccessDeniedException"
		}),
		"odd": with("odd", func(f *autodefend.Function) {
			f.EdgeMaster, f.ManagedInstances, f.Durable = "arn:aws:lambda:us-east-1:"+home+":function:odd:3", true, true
		}),
	}
	r := openHome(t, w.Client(), Config{})
	page, _, err := r.ListFunctions(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]autodefend.Function{}
	for _, f := range page {
		if f.RevisionID == "" {
			t.Errorf("%s has no revision", f.ARN.Name)
		}
		f.RevisionID = ""
		if f.ARN.Name != "rich" {
			f.CodeSize, f.LastModified = 0, time.Time{}
		}
		got[f.ARN.Name] = f
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("functions (-want +got):\n%s", diff)
	}
}

func TestGetFunction(t *testing.T) {
	w := newWorld(lambdasim.Options{})
	w.PutFunction(home, ireland, lambdasim.FunctionSpec{
		Name: "fn", Runtime: "python3.13", Handler: "a.b", Tags: map[string]string{"team": "a"},
		LastUpdateStatus: "Failed", LastUpdateStatusReason: "no such key", LastUpdateStatusReasonCode: "InvalidSecurityGroup",
		State: "Inactive", StateReason: "idle", StateReasonCode: "Idle",
	})
	r := openHome(t, w.Client(), Config{})
	f, err := r.GetFunction(t.Context(), "fn")
	if err != nil {
		t.Fatal(err)
	}
	if !f.Detailed || f.CodeURL == "" || !f.TagsKnown || f.Tags["team"] != "a" {
		t.Errorf("detailed %t, tags known %t, tags %v, code address of %d bytes", f.Detailed, f.TagsKnown, f.Tags, len(f.CodeURL))
	}
	if want := (autodefend.State{Name: "Inactive", Code: "Idle", Reason: "idle"}); f.State != want {
		t.Errorf("state = %+v", f.State)
	}
	if want := (autodefend.State{Name: "Failed", Code: "InvalidSecurityGroup", Reason: "no such key"}); f.LastUpdate != want {
		t.Errorf("last update = %+v", f.LastUpdate)
	}
	if page, _, err := r.ListFunctions(t.Context(), ""); err != nil || page[0].RevisionID != f.RevisionID || page[0].Detailed || page[0].TagsKnown {
		t.Errorf("ListFunctions = %+v, %v; want the revision %s and no details", page, err, f.RevisionID)
	}
	_, err = r.GetFunction(t.Context(), "missing")
	checkError(t, err, []string{"not-found", "GetFunction missing: ResourceNotFoundException"})
}

func TestGetFunctionWithoutTags(t *testing.T) {
	const body = `{"Configuration":{"FunctionArn":"arn:aws:lambda:eu-west-1:111111111111:function:fn"},` +
		`"TagsError":{"ErrorCode":"AccessDeniedException","Message":"no"}}`
	f, err := openThen(t, Config{}, answering(200, nil, body)).GetFunction(t.Context(), "fn")
	if err != nil || f.TagsKnown || f.Tags != nil {
		t.Errorf("tags known %t, %v, %v", f.TagsKnown, f.Tags, err)
	}
}

func TestOddAnswersAreErrors(t *testing.T) {
	for name, body := range map[string]string{
		"no configuration": `{}`,
		"no ARN":           `{"Configuration":{"FunctionName":"fn"}}`,
		"no JSON":          `<html>hello</html>`,
	} {
		t.Run(name, func(t *testing.T) {
			r := openThen(t, Config{MaxAttempts: 1}, answering(200, nil, body))
			if f, err := r.GetFunction(t.Context(), "fn"); err == nil {
				t.Errorf("GetFunction = %+v", f)
			}
		})
	}
}

func TestEnvironmentErrorIsNeverEmpty(t *testing.T) {
	const body = `{"Functions":[{"FunctionArn":"arn:aws:lambda:eu-west-1:111111111111:function:fn","Environment":{"Error":{}}}]}`
	page, _, err := openThen(t, Config{}, answering(200, nil, body)).ListFunctions(t.Context(), "")
	if err != nil || len(page) != 1 || page[0].Environment.Error == "" {
		t.Errorf("ListFunctions = %+v, %v", page, err)
	}
}

func TestVersions(t *testing.T) {
	w := newWorld(lambdasim.Options{})
	w.PutFunction(home, ireland, lambdasim.FunctionSpec{
		Name: "fn", Runtime: "python3.13", Handler: "a.b", Versions: 60, Aliases: map[string]string{"live": "2", "blue": "1"},
	})
	r := openHome(t, w.Client(), Config{})
	v, err := r.Versions(t.Context(), "fn")
	if err != nil || v.Published != 60 || !cmp.Equal(v.Aliases, []string{"blue", "live"}) {
		t.Errorf("Versions = %+v, %v", v, err)
	}
	_, err = r.Versions(t.Context(), "missing")
	checkError(t, err, []string{"not-found", "ListVersionsByFunction missing"})

	var qualifiers []string
	for marker, more := "", true; more; more = marker != "" {
		page, next, err := r.ListVersions(t.Context(), marker)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range page {
			qualifiers = append(qualifiers, f.ARN.Qualifier)
		}
		marker = next
	}
	if len(qualifiers) != 61 || qualifiers[0] == "" {
		t.Errorf("%d versions listed: %q", len(qualifiers), qualifiers)
	}
}
