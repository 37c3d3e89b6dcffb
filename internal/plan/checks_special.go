package plan

import (
	"fmt"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
)

func checkState(f autodefend.Function, _ Facts) autodefend.Finding {
	const id = autodefend.CheckState
	if !f.Detailed {
		return unknown(id, "the state is read before the change")
	}
	switch f.State.Name {
	case autodefend.StateActive, "":
		return saw(pass(id, "active"), f.State.Name, autodefend.StateActive, "")
	case "Inactive":
		return saw(fail(id, "invoke it once: AWS then makes it active again", "the function is inactive: AWS reclaimed its resources"), f.State.Name, autodefend.StateActive, "")
	case autodefend.StatePending:
		return saw(fail(id, "try again in a minute", "the function is being created"), f.State.Name, autodefend.StateActive, "")
	}
	return saw(fail(id, "mend the function first: "+reasonText(f.State), "the function's state is %s", f.State.Name), f.State.Name, autodefend.StateActive, "")
}

func checkUpdateInProgress(f autodefend.Function, _ Facts) autodefend.Finding {
	const id = autodefend.CheckUpdateInProgress
	if !f.Detailed {
		return unknown(id, "whether an update is under way is read before the change")
	}
	if f.LastUpdate.Name == autodefend.UpdateInProgress {
		return saw(fail(id, "try again when the update is done", "an update of the function is in progress"), f.LastUpdate.Name, "Successful", "")
	}
	return pass(id, "no update is in progress")
}

func reasonText(s autodefend.State) string {
	if s.Code == "" {
		return "AWS gives no reason"
	}
	return "AWS says " + s.Code
}

func checkSnapStart(f autodefend.Function, facts Facts) autodefend.Finding {
	const id = autodefend.CheckSnapStart
	if !f.SnapStart || facts.Recipe.SnapStart {
		return pass(id, "no snapshot would hold the Defender's state")
	}
	return fail(id, "use a recipe whose layer is safe in snapshots",
		"the function uses SnapStart: a snapshot would freeze what the Defender opened or drew at start")
}

// MaybeEdge reports whether a function could be a Lambda@Edge function: those
// live in us-east-1 of the partition aws and can have neither variables nor
// layers.
func MaybeEdge(f autodefend.Function) bool {
	return f.ARN.Partition == "aws" && f.ARN.Region == "us-east-1" &&
		len(f.Layers) == 0 && len(f.Environment.Variables) == 0 && f.Environment.Error == ""
}

func checkEdge(f autodefend.Function, facts Facts) autodefend.Finding {
	const id = autodefend.CheckEdge
	const hint = "CloudFront refuses functions with layers or variables; protect the origin instead"
	if f.EdgeMaster != "" {
		return saw(fail(id, hint, "it's a replica of a Lambda@Edge function"), f.EdgeMaster, "", "")
	}
	if !MaybeEdge(f) {
		return pass(id, "no Lambda@Edge function")
	}
	edge, known := facts.EdgeRoles[f.Role]
	switch {
	case !known:
		return unknown(id, "whether CloudFront runs it wasn't read (iam:GetRole)")
	case edge:
		return saw(fail(id, hint, "CloudFront may run it: its role trusts Lambda@Edge"), f.Role, "", "")
	}
	return pass(id, "its role doesn't trust Lambda@Edge")
}

func checkManagedInstances(f autodefend.Function, _ Facts) autodefend.Finding {
	if !f.ManagedInstances {
		return pass(autodefend.CheckManagedInstances, "on-demand")
	}
	return fail(autodefend.CheckManagedInstances, "attach the layer in the function's own deployment, which publishes a version",
		"it runs on Managed Instances, where a change takes effect only once a version is published")
}

func checkDurable(f autodefend.Function, _ Facts) autodefend.Finding {
	if !f.Durable {
		return pass(autodefend.CheckDurable, "no durable executions")
	}
	return fail(autodefend.CheckDurable, "attach the layer in the function's own deployment",
		"it has durable executions, which replay for up to a year on the versions they began on")
}

func checkPublishedVersions(f autodefend.Function, _ Facts) autodefend.Finding {
	const id = autodefend.CheckPublishedVersions
	switch {
	case f.Versions == nil:
		return unknown(id, "versions and aliases weren't read (option --versions)")
	case f.Versions.Published == 0 && len(f.Versions.Aliases) == 0:
		return pass(id, "nothing is published, all invocations run $LATEST")
	case len(f.Versions.Aliases) == 0:
		return saw(warn(id, "publish a new version after the change", "it has %d published versions, which the change can't reach",
			f.Versions.Published), f.Versions.Published, 0, "versions")
	}
	return saw(warn(id, "publish a new version after the change and move the aliases to it",
		"invocations through the aliases %s run published versions, which the change can't reach", strings.Join(f.Versions.Aliases, ", ")),
		f.Versions.Published, 0, "versions")
}

// iacTags are tags by which infrastructure-as-code tools mark what they own,
// with the tool's name, and whether the tag's value names a stack.
func iacTags() []struct {
	key, tool string
	named     bool
} {
	return []struct {
		key, tool string
		named     bool
	}{
		{"aws:cloudformation:stack-name", "CloudFormation stack", true},
		{"pulumi:project", "Pulumi project", true},
		{"serverless:service", "Serverless Framework service", true},
		{"terraform", "Terraform", false},
		{"Terraform", "Terraform", false},
	}
}

func checkIaCManaged(f autodefend.Function, facts Facts) autodefend.Finding {
	const id = autodefend.CheckIaCManaged
	if !f.TagsKnown {
		return unknown(id, "the tags weren't read")
	}
	hint := "its next deployment may remove the Defender; add to its template the layer " +
		facts.Recipe.Layer.Names[f.Architecture] + " and the variables this change sets"
	for _, t := range iacTags() {
		switch value, ok := f.Tags[t.key]; {
		case ok && t.named:
			return saw(warn(id, hint, "%s %q manages the function", t.tool, value), t.key, "", "")
		case ok:
			return saw(warn(id, hint, "%s manages the function", t.tool), t.key, "", "")
		}
	}
	for _, key := range []string{"ManagedBy", "managed-by", "managedBy", "managed_by"} {
		if value, ok := f.Tags[key]; ok && strings.Contains(strings.ToLower(value), "terraform") {
			return saw(warn(id, hint, "Terraform manages the function"), key, "", "")
		}
	}
	return pass(id, "no tag of an infrastructure-as-code tool")
}

func checkUnproven(f autodefend.Function, _ Facts) autodefend.Finding {
	const id = autodefend.CheckUnproven
	switch {
	case f.Observed == nil:
		return unknown(id, "invocations weren't read (option --metrics)")
	case f.Observed.Invocations == 0:
		return saw(warn(id, "invoke it after the change to see that it works", "no invocation was seen in %s", days(f.Observed.Window)), int64(0), int64(1), "invocations")
	}
	return pass(id, "%d invocations were seen in %s", f.Observed.Invocations, days(f.Observed.Window))
}

// days renders a window in days where it has whole ones.
func days(window time.Duration) string {
	const day = 24 * time.Hour
	if window < 2*day || window%day != 0 {
		return window.String()
	}
	return fmt.Sprintf("%d days", window/day)
}

func checkTag(f autodefend.Function, facts Facts) autodefend.Finding {
	if inspectTag(f, facts.Tag) == tagOwners {
		return warn(autodefend.CheckTag, "remove it, or choose another name for ours (option tag)",
			"the tag %s is the owner's and is left alone", facts.Tag.Key)
	}
	return pass(autodefend.CheckTag, "the tag is ours to set")
}
