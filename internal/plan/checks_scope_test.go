package plan

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
)

func named(name string) func(*situation) { return func(s *situation) { s.f.ARN.Name = name } }

func exclude(globs ...string) func(*situation) {
	return func(s *situation) { s.facts.Selection.Exclude = globs }
}

func wantTags(tags ...autodefend.Tag) func(*situation) {
	return func(s *situation) { s.facts.Selection.Tags = tags }
}

func unreadTags(s *situation) { s.f.Tags, s.f.TagsKnown = nil, false }

func denied(actions ...string) func(*situation) {
	return func(s *situation) { s.facts.Denied = actions }
}

func scopeCases() []checkCase {
	const (
		id  = autodefend.CheckExcluded
		tag = autodefend.CheckTagCondition
		iam = autodefend.CheckPermission
	)
	team := autodefend.Tag{Key: "team", Value: "shop"}
	conditionUnread := func(s *situation) { wantTags(team)(s); unreadTags(s) }
	return []checkCase{
		{check: id, name: "no list", want: autodefend.Pass},
		{check: id, name: "whole names are matched", edit: exclude("sho", "hop", "SHOP"), want: autodefend.Pass},
		{check: id, name: "by name", edit: exclude("other", "shop"), want: autodefend.Fail, message: `exclusion "shop"`, hint: "EXCLUSION_LIST", seen: "shop", limit: "shop"},
		{check: id, name: "by glob", edit: exclude("s*"), want: autodefend.Fail, seen: "shop", limit: "s*"},
		{check: id, name: "Synthetics", edit: named("cwsyn-canary-1"), want: autodefend.Fail, message: "an AWS service", seen: "cwsyn-canary-1", limit: "cwsyn-*"},
		{check: id, name: "Control Tower", edit: named("aws-controltower-Notify"), want: autodefend.Fail, limit: "aws-controltower-*", seen: "aws-controltower-Notify"},
		{check: id, name: "no Synthetics", edit: named("my-cwsyn-canary"), want: autodefend.Pass},

		{check: tag, name: "no condition", want: autodefend.Pass},
		{check: tag, name: "no condition, tags unread", edit: unreadTags, want: autodefend.Pass},
		{check: tag, name: "met", edit: wantTags(team), want: autodefend.Pass},
		{check: tag, name: "met by any value", edit: wantTags(autodefend.Tag{Key: "team"}), want: autodefend.Pass},
		{check: tag, name: "another value", edit: wantTags(autodefend.Tag{Key: "team", Value: "search"}), want: autodefend.Fail, message: "team=search"},
		{check: tag, name: "one of two missing", edit: wantTags(team, autodefend.Tag{Key: "stage"}), want: autodefend.Fail, message: "the tag stage isn't"},
		{check: tag, name: "unread", edit: conditionUnread, want: autodefend.Fail, hint: "tag:GetResources"},

		{check: iam, name: "nothing denied", want: autodefend.Pass},
		{check: iam, name: "something else denied", edit: denied("lambda:InvokeFunction"), want: autodefend.Pass},
		{check: iam, name: "one denied", edit: denied("lambda:TagResource"), want: autodefend.Fail, message: "lambda:TagResource", hint: `"Action":["lambda:TagResource"]`},
		{check: iam, name: "all denied", edit: denied(ApplyActions()...), want: autodefend.Fail, seen: strings.Join(ApplyActions(), " "), limit: "allowed"},
	}
}

// TestExcludedIsExclude: these two checks mean that the owner said no, not that
// the function is unfit.
func TestExcludedIsExclude(t *testing.T) {
	for _, tt := range scopeCases() {
		if tt.want != autodefend.Fail || tt.check == autodefend.CheckPermission {
			continue
		}
		s := protectable(t, "autodefend").with(tt.edit)
		if got := Assess(s.f, s.facts).Decision; got != autodefend.Exclude {
			t.Errorf("%s/%s: decision %s, want exclude", tt.check, tt.name, got)
		}
		s = attached(t, "autodefend").with(tt.edit)
		if got := Assess(s.f, s.facts).Decision; got != autodefend.Exclude {
			t.Errorf("%s/%s, attached: decision %s, want exclude", tt.check, tt.name, got)
		}
	}
}

// TestPermissionHint: the hint ends in a statement that can be pasted into a
// policy.
func TestPermissionHint(t *testing.T) {
	s := protectable(t, "autodefend").with(denied("tag:TagResources", "lambda:UpdateFunctionConfiguration"))
	hint := examined(t, s, autodefend.CheckPermission).Hint
	_, text, found := strings.Cut(hint, ": ")
	var statement struct {
		Effect   string
		Action   []string
		Resource string
	}
	if err := json.Unmarshal([]byte(text), &statement); !found || err != nil {
		t.Fatalf("hint %q: %v", hint, err)
	}
	want := []string{"lambda:UpdateFunctionConfiguration", "tag:TagResources"}
	if statement.Effect != "Allow" || statement.Resource != "*" || !slices.Equal(statement.Action, want) {
		t.Errorf("statement %+v, want it to allow %v", statement, want)
	}
	if len(PlanActions()) == 0 || slices.Contains(PlanActions(), "lambda:UpdateFunctionConfiguration") {
		t.Errorf("a plan needs %v, want reading actions only", PlanActions())
	}
}
