package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/autodefend/autodefend"
)

func checkExcluded(f autodefend.Function, facts Facts) autodefend.Finding {
	const id = autodefend.CheckExcluded
	if glob := matchesAny(facts.Selection.Exclude, f.ARN.Name); glob != "" {
		return saw(fail(id, "take it off EXCLUSION_LIST or --exclude to have it judged", "the name matches the exclusion %q", glob), f.ARN.Name, glob, "")
	}
	if glob := matchesAny(managedNames(), f.ARN.Name); glob != "" {
		return saw(fail(id, "the service that owns the function would undo the change", "an AWS service manages functions named %q", glob), f.ARN.Name, glob, "")
	}
	return pass(id, "not excluded")
}

func checkTagCondition(f autodefend.Function, facts Facts) autodefend.Finding {
	const id = autodefend.CheckTagCondition
	switch want, missing := facts.Selection.missingTag(f.Tags); {
	case len(facts.Selection.Tags) == 0:
		return pass(id, "no tag asked for")
	case !f.TagsKnown:
		return fail(id, "allow tag:GetResources, or drop the tag condition", "the tags can't be read, so the condition can't be judged")
	case missing:
		return fail(id, "tag the function to have it protected", "the tag %s isn't on the function", tagText(want))
	}
	return pass(id, "all asked tags are on the function")
}

func tagText(t autodefend.Tag) string {
	if t.Value == "" {
		return t.Key
	}
	return t.Key + "=" + t.Value
}

// ApplyActions are the IAM actions an apply needs beside those of a plan.
func ApplyActions() []string {
	return []string{"lambda:UpdateFunctionConfiguration", "lambda:GetLayerVersion", "lambda:TagResource", "tag:TagResources"}
}

// PlanActions are the IAM actions a plan needs.
func PlanActions() []string {
	return []string{"lambda:ListFunctions", "lambda:GetFunction", "lambda:ListLayerVersions", "lambda:GetLayerVersion", "tag:GetResources"}
}

func checkPermission(_ autodefend.Function, facts Facts) autodefend.Finding {
	const id = autodefend.CheckPermission
	var missing []string
	for _, action := range ApplyActions() {
		if slices.Contains(facts.Denied, action) {
			missing = append(missing, action)
		}
	}
	if len(missing) == 0 {
		return pass(id, "no missing permission is known")
	}
	return saw(fail(id, "set skip_permission_check if the caller may do it to some functions; else add this statement to the caller's policy: "+Statement(missing),
		"the caller may not do %s", strings.Join(missing, ", ")), strings.Join(missing, " "), "allowed", "")
}

// Statement renders an IAM statement that allows the actions.
func Statement(actions []string) string {
	return fmt.Sprintf(`{"Effect":"Allow","Action":["%s"],"Resource":"*"}`, strings.Join(actions, `","`))
}
