package autodefend

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func verdictOf(account, region, name string, d Decision, checks ...Check) Verdict {
	v := Verdict{
		ARN:  FunctionARN{Partition: "aws", Region: region, Account: account, Name: name},
		Name: name, Account: account, Region: region, Decision: d, Reasons: []Reason{}, Warnings: []Reason{},
	}
	for _, c := range checks {
		v.Reasons = append(v.Reasons, Reason{Check: c, Message: "because", Hint: "do", Evidence: &Evidence{Seen: int64(1), Limit: "2", Unit: "MB"}})
	}
	return v
}

// sealedPlan is a plan with something in every field.
func sealedPlan() *Plan {
	p := &Plan{
		Created: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Recipe: "autodefend", RecipeDigest: "d1",
		Errors: []ScopeError{{"1", "eu-west-1", CodeDenied, "second", ""}, {"1", "eu-west-1", CodeDenied, "first", "hint"}},
		Functions: []Verdict{
			verdictOf("222222222222", "eu-west-1", "a", Protect),
			verdictOf("111111111111", "us-east-1", "a", Skip, CheckMemory, CheckTimeout, CheckMemory),
			verdictOf("111111111111", "eu-west-1", "b", Exclude, CheckExcluded),
			verdictOf("111111111111", "eu-west-1", "a", Repair, CheckAttachment),
			verdictOf("111111111111", "eu-west-1", "c", Protected),
		},
	}
	p.Functions[0].Warnings = []Reason{{Check: CheckUnproven, Message: "quiet"}}
	p.Functions[0].Change = &Change{
		Revision: "r1", Layers: &LayersChange{Before: []string{"l1"}, After: []string{"l1", "l2"}},
		Environment: []VariableChange{{Name: "N", Action: CopyVariable, Value: "v", From: "M"}},
		Handler:     &HandlerChange{Before: "a.b", After: "c.d"}, Tag: &TagChange{Tag: Tag{"k", "v"}},
	}
	p.Finish()
	return p
}

func TestFinish(t *testing.T) {
	p := sealedPlan()
	var order []string
	for _, v := range p.Functions {
		order = append(order, v.Account[:1]+v.Region[:2]+v.Name)
	}
	if got := strings.Join(order, " "); got != "1eua 1eub 1euc 1usa 2eua" {
		t.Errorf("order %s, want by account, region and name", got)
	}
	if p.Errors[0].Message != "first" {
		t.Errorf("errors %v, want them sorted", p.Errors)
	}
	want := Summary{
		Functions: 5, Protect: 1, Protected: 1, Repair: 1, Skip: 1, Exclude: 1,
		Checks: map[Check]int{CheckMemory: 1, CheckTimeout: 1, CheckExcluded: 1},
	}
	if !reflect.DeepEqual(p.Summary, want) || p.Summary.Changes() != 2 {
		t.Errorf("summary %+v, want %+v", p.Summary, want)
	}
}

func TestVerify(t *testing.T) {
	now, age := sealedPlan().Created.Add(time.Hour), time.Hour
	if err := sealedPlan().Verify(now, age, "d1"); err != nil {
		t.Fatalf("a plan exactly as old as allowed: %v", err)
	}
	edits := map[string]func(p *Plan){
		"created": func(p *Plan) { p.Created = p.Created.Add(time.Second) }, "recipe": func(p *Plan) { p.Recipe = "other" },
		"recipe digest": func(p *Plan) { p.RecipeDigest = "d2" }, "digest": func(p *Plan) { p.Digest = "" },
		"function removed": func(p *Plan) { p.Functions = p.Functions[1:] }, "summary": func(p *Plan) { p.Summary.Skip++ },
		"summary's checks": func(p *Plan) { p.Summary.Checks[CheckMemory]++ }, "errors": func(p *Plan) { p.Errors = nil },
		"name":      func(p *Plan) { p.Functions[4].Name = "z" },
		"arn":       func(p *Plan) { p.Functions[4].ARN.Name = "z" },
		"decision":  func(p *Plan) { p.Functions[3].Decision = Protect },
		"reason":    func(p *Plan) { p.Functions[3].Reasons[0].Message = "no" },
		"evidence":  func(p *Plan) { p.Functions[3].Reasons[0].Evidence.Seen = int64(2) },
		"warning":   func(p *Plan) { p.Functions[4].Warnings = nil },
		"revision":  func(p *Plan) { p.Functions[4].Change.Revision = "r2" },
		"layers":    func(p *Plan) { p.Functions[4].Change.Layers.After = nil },
		"variable":  func(p *Plan) { p.Functions[4].Change.Environment[0].Value = "w" },
		"handler":   func(p *Plan) { p.Functions[4].Change.Handler.After = "e.f" },
		"tag":       func(p *Plan) { p.Functions[4].Change.Tag.Remove = true },
		"no change": func(p *Plan) { p.Functions[4].Change = nil },
	}
	for name, edit := range edits {
		p := sealedPlan()
		edit(p)
		err := p.Verify(now, age, p.RecipeDigest)
		if ErrorCode(err) != CodeInvalid || !strings.Contains(err.Error(), "field digest") || ErrorHint(err) == "" {
			t.Errorf("%s edited: error %v, want one about the digest", name, err)
		}
	}
	version := sealedPlan()
	version.Version = 2
	tests := []struct {
		name  string
		p     *Plan
		now   time.Time
		digst string
		code  Code
		want  string
	}{
		{"another version", version, now, "d1", CodeInvalid, "field version is 2"},
		{"stale", sealedPlan(), now.Add(time.Nanosecond), "d1", CodeConflict, "2026-03-01T12:00:00Z"},
		{"another recipe", sealedPlan(), now, "d2", CodeConflict, `recipe "autodefend" or its limits changed`},
	}
	for _, tt := range tests {
		if err := tt.p.Verify(tt.now, age, tt.digst); ErrorCode(err) != tt.code || !strings.Contains(err.Error(), tt.want) || ErrorHint(err) == "" {
			t.Errorf("%s: error %v, want %s with %q", tt.name, err, tt.code, tt.want)
		}
	}
}

func TestEvidenceRoundTrip(t *testing.T) {
	tests := []struct {
		text string
		want Evidence
	}{
		{`{}`, Evidence{}},
		{`{"seen":0,"limit":256,"unit":"MB"}`, Evidence{int64(0), int64(256), "MB"}},
		{`{"seen":9223372036854775807,"limit":-9223372036854775808}`, Evidence{int64(9223372036854775807), int64(-9223372036854775808), ""}},
		{`{"seen":"arm64","limit":"x86_64"}`, Evidence{"arm64", "x86_64", ""}},
	}
	for _, tt := range tests {
		var got Evidence
		if err := json.Unmarshal([]byte(tt.text), &got); err != nil || got != tt.want {
			t.Errorf("%s: %#v, error %v, want %#v", tt.text, got, err, tt.want)
		}
		if b, err := json.Marshal(got); err != nil || string(b) != tt.text {
			t.Errorf("%s came back as %s, error %v", tt.text, b, err)
		}
	}
	for text, want := range map[string]any{`{"seen":1.5}`: "1.5", `{"seen":1e400}`: "1e400", `{"seen":99999999999999999999}`: "99999999999999999999"} {
		var got Evidence
		if err := json.Unmarshal([]byte(text), &got); err != nil || got.Seen != want {
			t.Errorf("%s: %#v, error %v, want %#v", text, got, err, want)
		}
	}
	for _, text := range []string{`{"unit":1}`, `[]`, `{"guess":1}`} {
		if err := json.Unmarshal([]byte(text), new(Evidence)); err == nil {
			t.Errorf("%s was read", text)
		}
	}
}

func TestChangeSame(t *testing.T) {
	full := func() *Change {
		c := *sealedPlan().Functions[4].Change
		return &c
	}
	if !full().Same(full()) || !(*Change)(nil).Same(nil) || full().Same(nil) || (*Change)(nil).Same(full()) {
		t.Error("equal changes aren't the same, or a missing one is")
	}
	other := full()
	other.Revision = "r2"
	if !full().Same(other) {
		t.Error("a change on another revision isn't the same")
	}
	edits := map[string]func(c *Change){
		"layers": func(c *Change) { c.Layers = &LayersChange{After: []string{"x"}} }, "no layers": func(c *Change) { c.Layers = nil },
		"environment": func(c *Change) { c.Environment = nil }, "handler": func(c *Change) { c.Handler = &HandlerChange{} },
		"no handler": func(c *Change) { c.Handler = nil }, "tag": func(c *Change) { c.Tag = &TagChange{Remove: true} }, "no tag": func(c *Change) { c.Tag = nil },
	}
	for name, edit := range edits {
		c := full()
		edit(c)
		if c.Same(full()) || full().Same(c) {
			t.Errorf("a change with another %s is the same", name)
		}
	}
}

func TestChangeConfigures(t *testing.T) {
	for want, changes := range map[bool][]*Change{
		false: {nil, {}, {Tag: &TagChange{}}},
		true:  {{Layers: &LayersChange{}}, {Handler: &HandlerChange{}}, {Environment: []VariableChange{{}}}},
	} {
		for _, c := range changes {
			if c.Configures() != want {
				t.Errorf("%+v configures: %t, want %t", c, !want, want)
			}
		}
	}
}

func TestVerdictChanges(t *testing.T) {
	for d, want := range map[Decision]bool{Protect: true, Repair: true, Protected: false, Skip: false, Exclude: false} {
		if (Verdict{Decision: d}).Changes() != want {
			t.Errorf("%s changes: %t, want %t", d, !want, want)
		}
	}
}

func TestRunFinish(t *testing.T) {
	r := Run{Results: []Receipt{
		{Account: "2", Name: "a", Outcome: OutcomeProtected},
		{Account: "1", Region: "b", Name: "a", Outcome: OutcomeProtected},
		{Account: "1", Region: "a", Name: "b", Outcome: OutcomeSkipped},
		{Account: "1", Region: "a", Name: "a", Outcome: OutcomeUnchanged},
	}}
	r.Finish()
	if r.Version != PlanVersion || r.Results[0].Name != "a" || r.Results[1].Name != "b" || r.Results[3].Account != "2" {
		t.Errorf("results %+v, want them sorted", r.Results)
	}
	if want := (map[Outcome]int{OutcomeProtected: 2, OutcomeSkipped: 1, OutcomeUnchanged: 1}); !reflect.DeepEqual(r.Summary, want) {
		t.Errorf("summary %v, want %v", r.Summary, want)
	}
	if r.Incomplete() {
		t.Error("a run without failures is incomplete")
	}
	for name, r := range map[string]Run{
		"failed": {Summary: map[Outcome]int{OutcomeFailed: 1}}, "changed": {Summary: map[Outcome]int{OutcomeChanged: 1}},
		"stopped": {Stopped: "interrupted"}, "errors": {Errors: []ScopeError{{}}},
	} {
		if !r.Incomplete() {
			t.Errorf("%s: the run is complete", name)
		}
	}
}

func TestScopeErrorOf(t *testing.T) {
	err := errors.Join(errors.New("first"), Errorf(CodeDenied, "no %s", "way").WithHint("ask %s", "IT"))
	want := ScopeError{Account: "1", Region: "r", Code: CodeDenied, Message: "first\nno way", Hint: "ask IT"}
	if got := ScopeErrorOf("1", "r", err); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
