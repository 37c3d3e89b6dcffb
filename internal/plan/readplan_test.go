package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
)

// samplePlan is a sealed plan with every kind of change in it.
func samplePlan(t testing.TB) *autodefend.Plan {
	t.Helper()
	p := &autodefend.Plan{Created: day("2026-03-01").Add(time.Hour), Recipe: "autodefend", RecipeDigest: "d1", Errors: []autodefend.ScopeError{{Region: "eu-west-2", Code: "denied", Message: "no"}}}
	for _, recipe := range BuiltinRecipes() {
		s := protectable(t, recipe).with(named("shop-"+recipe), memory(300))
		p.Functions = append(p.Functions, Assess(s.f, s.facts))
		s = attached(t, recipe).with(named("old-"+recipe), layers(ownerLayer), memory(64))
		p.Functions = append(p.Functions, Assess(s.f, s.facts))
	}
	p.Finish()
	return p
}

func marshalled(t testing.TB, p *autodefend.Plan) string {
	t.Helper()
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestReadPlan(t *testing.T) {
	want := samplePlan(t)
	got, err := ReadPlan(strings.NewReader(marshalled(t, want) + "\n \t"))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("a plan changed on its way through a file (-want +got):\n%s", d)
	}
	if err := got.Verify(want.Created.Add(time.Hour), 2*time.Hour, "d1"); err != nil {
		t.Error(err)
	}
}

func TestReadPlanIsStrict(t *testing.T) {
	text := marshalled(t, samplePlan(t))
	replaced := func(old, with string) string {
		if !strings.Contains(text, old) {
			t.Fatalf("the plan has no %s", old)
		}
		return strings.Replace(text, old, with, 1)
	}
	tests := []struct{ name, text, want string }{
		{"empty", "", "empty"},
		{"blank", " \n", "empty"},
		{"no JSON", "hello", "invalid character"},
		{"a list", "[]", "cannot unmarshal array"},
		{"truncated", text[:len(text)/2], "unexpected EOF"},
		{"more behind it", text + "{}", "there is more behind the plan"},
		{"unknown field", replaced(`{"version":1`, `{"version":1,"owner":"me"`), "owner"},
		{"unknown field of a verdict", replaced(`"decision":`, `"mood":1,"decision":`), "mood"},
		{"unknown field of a change", replaced(`"revision":`, `"force":true,"revision":`), "force"},
		{"unknown field of evidence", replaced(`"seen":`, `"guessed":1,"seen":`), "guessed"},
		{"text for a version", replaced(`"version":1`, `"version":"1"`), "version"},
		{"huge version", replaced(`"version":1`, `"version":1e99`), "version"},
		{"huge count", replaced(`"protect":`, `"protect":99999999999999999999`), "protect"},
		{"number for a name", replaced(`"name":"old-autodefend"`, `"name":7`), "name"},
		{"object for functions", replaced(`"functions":[`, `"functions":{},"errors":[`), "functions"},
		{"malformed ARN", replaced(`"arn":"arn:aws:`, `"arn":"arn:azure:`), "ARN"},
		{"malformed time", replaced(`"created":"2026-`, `"created":"26-`), "2026"[2:]},
		{"no ARN", `{"functions":[{}]}`, "functions[0]"},
		{"another name", replaced(`"name":"old-autodefend"`, `"name":"other"`), "functions[0]: name"},
		{"another account", replaced(`"account":"123456789012"`, `"account":"210987654321"`), "functions[0]"},
		{"another region", replaced(`"region":"eu-west-1"`, `"region":"eu-west-2"`), "functions[0]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := ReadPlan(strings.NewReader(tt.text))
			if p != nil || autodefend.ErrorCode(err) != autodefend.CodeInvalid || !strings.Contains(err.Error(), tt.want) || autodefend.ErrorHint(err) == "" {
				t.Errorf("error %v with hint %q, want an invalid one with %q", err, autodefend.ErrorHint(err), tt.want)
			}
		})
	}
}

func TestReadPlanIsBounded(t *testing.T) {
	text := marshalled(t, samplePlan(t))
	size := int64(len(text))
	if _, err := readPlan(strings.NewReader(text), size); err != nil {
		t.Errorf("a plan of the size of the limit: %v", err)
	}
	for _, tail := range []string{" ", "{}", strings.Repeat(" ", 1<<20)} {
		_, err := readPlan(strings.NewReader(text+tail), size)
		if autodefend.ErrorCode(err) != autodefend.CodeInvalid || !strings.Contains(err.Error(), "larger than") {
			t.Errorf("error %v, want one about the size", err)
		}
	}
}

func TestReadPlanBrokenFile(t *testing.T) {
	broken := errors.New("disk on fire")
	_, err := ReadPlan(io.MultiReader(strings.NewReader(`{"version":1,`), brokenReader{broken}))
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want the reader's", err)
	}
}

type brokenReader struct{ err error }

func (r brokenReader) Read([]byte) (int, error) { return 0, r.err }

func FuzzReadPlan(f *testing.F) {
	text := marshalled(f, samplePlan(f))
	f.Add([]byte(text))
	f.Add([]byte(text[:200]))
	for _, seed := range []string{"", "null", "{}", "[]", `{"version":1e400}`, `{"functions":[{}]}`, `{"functions":[{"reasons":[{"evidence":{"seen":1e400,"limit":-9223372036854775808}}]}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ReadPlan(bytes.NewReader(b))
		if err != nil {
			if autodefend.ErrorCode(err) != autodefend.CodeInvalid {
				t.Fatalf("error %v, want an invalid one", err)
			}
			return
		}
		p.Finish()
		again, err := ReadPlan(strings.NewReader(marshalled(t, p)))
		if err != nil {
			t.Fatalf("a plan that was read can't be read again: %v", err)
		}
		if err := again.Verify(p.Created, time.Hour, p.RecipeDigest); err != nil {
			t.Fatal(err)
		}
	})
}
