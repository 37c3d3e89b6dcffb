package report

import (
	"io"
	"time"

	"github.com/autodefend/autodefend"
)

const (
	ourLayer    = "arn:aws:lambda:eu-west-1:111122223333:layer:autodefend-defender-x86_64:7"
	oldLayer    = "arn:aws:lambda:eu-west-1:111122223333:layer:autodefend-defender-x86_64:6"
	ownersLayer = "arn:aws:lambda:eu-west-1:999988887777:layer:metrics:3"
)

func arn(account, region, name string) autodefend.FunctionARN {
	return autodefend.FunctionARN{Partition: "aws", Region: region, Account: account, Name: name}
}

func verdict(account, region, name, runtime string, d autodefend.Decision) autodefend.Verdict {
	return autodefend.Verdict{
		ARN: arn(account, region, name), Name: name, Account: account, Region: region, Runtime: runtime, Decision: d,
		Reasons: []autodefend.Reason{}, Warnings: []autodefend.Reason{},
	}
}

// attachChange has every kind of change.
func attachChange() *autodefend.Change {
	return &autodefend.Change{
		Revision: "1b2c",
		Layers:   &autodefend.LayersChange{Before: []string{ownersLayer}, After: []string{ownersLayer, ourLayer}},
		Environment: []autodefend.VariableChange{
			{Name: "AWS_LAMBDA_EXEC_WRAPPER", Action: autodefend.SetVariable, Value: "/opt/autodefend/wrapper"},
			{Name: "AUTODEFEND_NEXT_WRAPPER", Action: autodefend.CopyVariable, From: "AWS_LAMBDA_EXEC_WRAPPER"},
			{Name: "TW_POLICY", Action: autodefend.SetVariable, From: "recipe"},
			{Name: "AUTODEFEND_ATTACHED", Action: autodefend.SetVariable, Value: "autodefend/{run}"},
		},
		Tag: &autodefend.TagChange{Tag: autodefend.Tag{Key: "SecurityProtected", Value: "True"}},
	}
}

// detachChange is the inverse, with a handler.
func detachChange() *autodefend.Change {
	return &autodefend.Change{
		Revision:    "3d4e",
		Layers:      &autodefend.LayersChange{Before: []string{oldLayer, ownersLayer}, After: []string{ownersLayer}},
		Handler:     &autodefend.HandlerChange{Before: "twistlock.handler", After: "app.main"},
		Environment: []autodefend.VariableChange{{Name: "ORIGINAL_HANDLER", Action: autodefend.RemoveVariable}},
		Tag:         &autodefend.TagChange{Tag: autodefend.Tag{Key: "SecurityProtected", Value: "True"}, Remove: true},
	}
}

func memoryReason() autodefend.Reason {
	return autodefend.Reason{
		Check: autodefend.CheckMemory, Message: "the memory is 256 MB, and must be greater than 256 MB",
		Hint:     "raise the memory to 257 MB or more",
		Evidence: &autodefend.Evidence{Seen: int64(256), Limit: int64(256), Unit: "MB"},
	}
}

func stackWarning() autodefend.Reason {
	return autodefend.Reason{
		Check: autodefend.CheckIaCManaged, Message: `CloudFormation stack "shop|prod" manages the function`,
		Hint:     "its next deployment may remove the Defender",
		Evidence: &autodefend.Evidence{Seen: "aws:cloudformation:stack-name", Limit: ""},
	}
}

// samplePlan has every decision, warnings, every kind of change and an error.
func samplePlan() *autodefend.Plan {
	const one, two = "111122223333", "444455556666"
	warned := verdict(one, "eu-west-1", "orders-api", "python3.13", autodefend.Protect)
	warned.Warnings, warned.Change = []autodefend.Reason{stackWarning()}, attachChange()
	simple := verdict(one, "eu-west-1", "orders-worker", "nodejs22.x", autodefend.Protect)
	simple.Change = attachChange()
	broken := verdict(two, "us-east-1", "billing", "nodejs20.x", autodefend.Repair)
	broken.Reasons = []autodefend.Reason{{
		Check:   autodefend.CheckAttachment,
		Message: "the Defender's layer is gone but its entry point is still set, so no invocation can start; what is left of it will be removed",
	}}
	broken.Change = detachChange()
	protected := verdict(one, "eu-west-1", "search", "python3.12", autodefend.Protected)
	small := verdict(two, "us-east-1", "thumbnails", "python3.12", autodefend.Skip)
	small.Reasons = []autodefend.Reason{
		memoryReason(),
		{
			Check: autodefend.CheckTimeout, Message: "the timeout is 900 s, and must be less than 870 s", Hint: "lower the timeout to 869 s or less",
			Evidence: &autodefend.Evidence{Seen: int64(900), Limit: int64(870), Unit: "s"},
		},
		{
			Check: autodefend.CheckUnzippedSize, Message: "code and layers have 262144001 bytes after extraction",
			Evidence: &autodefend.Evidence{Seen: int64(262144001), Limit: int64(262144000), Unit: "bytes"},
		},
	}
	image := verdict(one, "eu-west-1", "video", "", autodefend.Skip)
	image.Reasons = []autodefend.Reason{{
		Check: autodefend.CheckPackageType, Message: "a container image can't have layers",
		Hint:     `Add to the Dockerfile: ENTRYPOINT ["/opt/autodefend/wrapper", "/lambda-entrypoint.sh"]`,
		Evidence: &autodefend.Evidence{Seen: "Image", Limit: "Zip"},
	}}
	excluded := verdict(one, "eu-west-1", "cwsyn-shop", "nodejs20.x", autodefend.Exclude)
	excluded.Reasons = []autodefend.Reason{{
		Check: autodefend.CheckExcluded, Message: `an AWS service manages functions named "cwsyn-*"`,
		Evidence: &autodefend.Evidence{Seen: "cwsyn-shop", Limit: "cwsyn-*"},
	}}
	p := &autodefend.Plan{
		Created: time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC), Recipe: "autodefend", RecipeDigest: "0123abcd",
		Functions: []autodefend.Verdict{warned, simple, broken, protected, small, image, excluded},
		Errors: []autodefend.ScopeError{{
			Account: two, Region: "ap-south-1", Code: autodefend.CodeDenied,
			Message: "list functions: not authorized to perform lambda:ListFunctions", Hint: "allow lambda:ListFunctions in ap-south-1",
		}},
	}
	p.Finish()
	return p
}

// wholePlan is a small plan without errors.
func wholePlan() *autodefend.Plan {
	p := samplePlan()
	p.Errors = nil
	p.Finish()
	return p
}

func receipt(name string, o autodefend.Outcome, reasons ...autodefend.Reason) autodefend.Receipt {
	const account, region = "111122223333", "eu-west-1"
	return autodefend.Receipt{
		ARN: arn(account, region, name), Name: name, Account: account, Region: region, Outcome: o, Reasons: reasons, Revision: "5f6a",
	}
}

// sampleRun has every outcome but rolled-back, an error and an early end.
func sampleRun() *autodefend.Run {
	r := &autodefend.Run{
		Run: "20261122-093000-ab12", Stopped: "interrupted",
		Results: []autodefend.Receipt{
			receipt("orders-api", autodefend.OutcomeProtected),
			receipt("orders-worker", autodefend.OutcomeRepaired),
			receipt("search", autodefend.OutcomeUnchanged),
			receipt("thumbnails", autodefend.OutcomeSkipped, memoryReason()),
			receipt("billing", autodefend.OutcomeFailed, autodefend.Reason{
				Check: autodefend.CheckUpdate, Message: "AWS refused the update: KMSAccessDeniedException", Hint: "allow kms:Decrypt",
			}),
			receipt("reports", autodefend.OutcomeChanged, autodefend.Reason{
				Check: autodefend.CheckRevision, Message: "the function changed since it was planned", Hint: "make a new plan",
			}),
		},
		Errors: []autodefend.ScopeError{{Account: "111122223333", Region: "eu-west-1", Code: autodefend.CodeThrottled, Message: "tag functions: rate exceeded"}},
	}
	r.Results[0].Warnings = []autodefend.Reason{{Check: autodefend.CheckTag, Message: "the tag couldn't be set"}}
	r.Finish()
	return r
}

// rollbackRun is a run that went well.
func rollbackRun() *autodefend.Run {
	r := &autodefend.Run{
		Run:     "20261122-094500-cd34",
		Results: []autodefend.Receipt{receipt("orders-api", autodefend.OutcomeRolledBack), receipt("search", autodefend.OutcomeUnchanged)},
	}
	r.Finish()
	return r
}

// sampleExplanations have every status of a check.
func sampleExplanations() []Explanation {
	finding := func(s autodefend.Status, r autodefend.Reason) autodefend.Finding {
		return autodefend.Finding{Status: s, Reason: r}
	}
	warned, broken := samplePlan().Functions[1], samplePlan().Functions[5]
	return []Explanation{
		{Verdict: warned, Findings: []autodefend.Finding{
			finding(autodefend.Pass, autodefend.Reason{
				Check: autodefend.CheckMemory, Message: "512 MB is enough", Evidence: &autodefend.Evidence{Seen: int64(512), Limit: int64(256), Unit: "MB"},
			}),
			finding(autodefend.Unknown, autodefend.Reason{Check: autodefend.CheckState, Message: "the state is read before the change"}),
			finding(autodefend.Warn, stackWarning()),
		}},
		{Verdict: broken, Findings: []autodefend.Finding{finding(autodefend.Fail, memoryReason())}},
	}
}

func planOf(p *autodefend.Plan) rendering {
	return func(w io.Writer, f Format, s Style) error { return Plan(w, p, f, s) }
}

func runOf(r *autodefend.Run) rendering {
	return func(w io.Writer, f Format, s Style) error { return Run(w, r, f, s) }
}

func statusOf(c Coverage) rendering {
	return func(w io.Writer, f Format, s Style) error { return Status(w, c, f, s) }
}

func explainOf(e []Explanation) rendering {
	return func(w io.Writer, f Format, s Style) error { return Explain(w, e, f, s) }
}

// rendering is a document with its content fixed.
type rendering func(w io.Writer, f Format, s Style) error

func samples() map[string]rendering {
	return map[string]rendering{
		"plan":        planOf(samplePlan()),
		"plan-whole":  planOf(wholePlan()),
		"run":         runOf(sampleRun()),
		"rollback":    runOf(rollbackRun()),
		"status":      statusOf(StatusOf(samplePlan())),
		"explain":     explainOf(sampleExplanations()),
		"explain-one": explainOf(sampleExplanations()[:1]),
	}
}
