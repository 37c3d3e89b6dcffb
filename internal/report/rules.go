package report

import "github.com/autodefend/autodefend"

// rule describes a check for people who meet it for the first time.
type rule struct {
	// short is one sentence.
	short string
	// help says what the owner can do.
	help string
}

// ruleIncomplete is the rule of scope errors; it's no check.
const ruleIncomplete autodefend.Check = "incomplete"

// ruleOf describes a check, also one that this program doesn't know.
func ruleOf(id autodefend.Check) rule {
	if r, ok := rules()[id]; ok {
		return r
	}
	return rule{short: "The check " + string(id) + ".", help: "See the message of each result."}
}

// rules describes every check.
func rules() map[autodefend.Check]rule { //nolint:funlen // a literal table
	return map[autodefend.Check]rule{
		ruleIncomplete: {
			"An account or region couldn't be read or finished.",
			"Mend the cause and run again. Functions behind the error are missing from this report.",
		},
		autodefend.CheckPackageType: {
			"Layers can be attached to zip packages only.",
			"Build the Defender into the container image: copy it from the layer and make its wrapper the entry point.",
		},
		autodefend.CheckArchitecture: {
			"The recipe needs a layer for the function's architecture.",
			"Use a recipe with a layer for both architectures, such as autodefend, or move the function.",
		},
		autodefend.CheckRuntime: {
			"The recipe must support the function's runtime.",
			"Choose a recipe that supports it, or move the function to a runtime that is supported.",
		},
		autodefend.CheckRuntimeBlocked: {
			"AWS refuses updates of functions on blocked runtimes.",
			"Move the function to a newer runtime. If AWS postponed the day, allow blocked runtimes in the configuration.",
		},
		autodefend.CheckMemory: {
			"The Defender needs memory beside the function's own.",
			"Raise the function's memory above the limit, or use a recipe with a smaller Defender.",
		},
		autodefend.CheckTimeout: {
			"The Defender needs time before the longest timeout AWS allows.",
			"Lower the function's timeout below the limit, or use a recipe without a buffer.",
		},
		autodefend.CheckUtilization: {
			"A function near its limits has no room for the Defender.",
			"Give the function more memory or a longer timeout first.",
		},
		autodefend.CheckLayers: {
			"A function can have five layers at most, the Defender's included.",
			"Merge or remove a layer of the function.",
		},
		autodefend.CheckLayerAccess: {
			"AWS checks every layer of the list again, so each must still exist and be readable.",
			"Replace layer versions that were deleted, and allow lambda:GetLayerVersion on the others.",
		},
		autodefend.CheckCodeSize: {
			"A large package leaves no room for the layer.",
			"Make the deployment package smaller.",
		},
		autodefend.CheckUnzippedSize: {
			"Code and layers may not exceed AWS's limit after extraction.",
			"Make the code or a layer smaller.",
		},
		autodefend.CheckCodeSigning: {
			"Code signing may refuse a layer that isn't signed by an allowed profile.",
			"Sign the layer with an allowed profile, or add its profile to the code-signing configuration.",
		},
		autodefend.CheckEnvEncrypted: {
			"Variables that can't be decrypted would be wiped by a change.",
			"Let the caller decrypt with the function's KMS key.",
		},
		autodefend.CheckEnvSize: {
			"The variables of a function have a size limit.",
			"Shorten or move variables of the function, for instance to Parameter Store.",
		},
		autodefend.CheckEnvConflict: {
			"A variable of the function has the name of one that the Defender needs.",
			"Rename the function's variable, or choose another recipe.",
		},
		autodefend.CheckWrapper: {
			"A function runs one wrapper script or handler redirect.",
			"Use a recipe that starts the other wrapper, or remove it.",
		},
		autodefend.CheckState: {
			"A function that isn't active can't be changed safely.",
			"Bring the function to the state Active first.",
		},
		autodefend.CheckUpdateInProgress: {
			"Another update of the function is under way.",
			"Try again when it's done.",
		},
		autodefend.CheckSnapStart: {
			"A snapshot would freeze the Defender's state.",
			"Use a recipe whose layer is safe in snapshots.",
		},
		autodefend.CheckEdge: {
			"CloudFront refuses functions with layers or variables.",
			"Protect the origin instead.",
		},
		autodefend.CheckManagedInstances: {
			"Managed Instances run published versions.",
			"Attach the layer in the function's own deployment.",
		},
		autodefend.CheckDurable: {
			"Durable executions replay on the version they began on.",
			"Attach the layer in the function's own deployment.",
		},
		autodefend.CheckExcluded: {
			"The owner or an AWS service wants the function left alone.",
			"Take it off the exclusion list to have it judged.",
		},
		autodefend.CheckTagCondition: {
			"Only functions with the asked tags are protected.",
			"Tag the function.",
		},
		autodefend.CheckPermission: {
			"The caller lacks a permission that the change needs.",
			"Add the statement in the result's hint to the caller's policy.",
		},
		autodefend.CheckPublishedVersions: {
			"Published versions are frozen; a change reaches $LATEST only.",
			"Publish a new version after the change and move the aliases to it.",
		},
		autodefend.CheckIaCManaged: {
			"The next deployment by infrastructure as code may undo the change.",
			"Add the layer and its variables to the function's template.",
		},
		autodefend.CheckUnproven: {
			"Without invocations nobody knows that the function works.",
			"Invoke the function after the change.",
		},
		autodefend.CheckAttachment: {
			"The Defender is attached in part, outdated, or by somebody else.",
			"Run autodefend apply to mend it, or autodefend rollback to remove it.",
		},
		autodefend.CheckRevision: {
			"The function changed after it was planned.",
			"Make a new plan.",
		},
		autodefend.CheckUpdate: {
			"AWS refused or failed the update.",
			"Read AWS's reason; the function is as the message says.",
		},
		autodefend.CheckTag: {
			"The tag that marks protected functions couldn't be set, or is the owner's.",
			"Allow tagging, or choose another tag in the configuration.",
		},
	}
}
