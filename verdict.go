package autodefend

import (
	"bytes"
	"encoding/json"
)

// Decision is the Risk Engine's answer for one function.
type Decision string

// The decisions.
const (
	// Protect: the Defender can be attached safely.
	Protect Decision = "protect"
	// Protected: the Defender is attached and current.
	Protected Decision = "protected"
	// Repair: the Defender is half-attached or outdated, and a change mends it.
	Repair Decision = "repair"
	// Skip: attaching isn't safe; the reasons say why.
	Skip Decision = "skip"
	// Exclude: the owner asked to leave the function alone.
	Exclude Decision = "exclude"
)

// Check identifies one safety test. The ids are part of the API.
type Check string

// The checks.
const (
	CheckPackageType       Check = "package-type"
	CheckArchitecture      Check = "architecture"
	CheckRuntime           Check = "runtime"
	CheckMemory            Check = "memory"
	CheckTimeout           Check = "timeout"
	CheckLayers            Check = "layers"
	CheckCodeSize          Check = "code-size"
	CheckUnzippedSize      Check = "unzipped-size"
	CheckEnvSize           Check = "env-size"
	CheckEnvEncrypted      Check = "env-encrypted"
	CheckEnvConflict       Check = "env-conflict"
	CheckWrapper           Check = "wrapper"
	CheckLayerAccess       Check = "layer-access"
	CheckCodeSigning       Check = "code-signing"
	CheckState             Check = "state"
	CheckUpdateInProgress  Check = "update-in-progress"
	CheckRuntimeBlocked    Check = "runtime-blocked"
	CheckSnapStart         Check = "snapstart"
	CheckEdge              Check = "edge"
	CheckManagedInstances  Check = "managed-instances"
	CheckDurable           Check = "durable"
	CheckUtilization       Check = "utilization"
	CheckExcluded          Check = "excluded"
	CheckTagCondition      Check = "tag-condition"
	CheckPermission        Check = "permission"
	CheckPublishedVersions Check = "published-versions"
	CheckIaCManaged        Check = "iac-managed"
	CheckUnproven          Check = "unproven"
	// CheckAttachment is no safety test: its findings tell what of the
	// Defender is attached, and what a repair mends.
	CheckAttachment Check = "attachment"
	// CheckRevision tells of a function that changed after it was planned.
	CheckRevision Check = "revision"
	// CheckUpdate tells how AWS answered an update.
	CheckUpdate Check = "update"
	// CheckTag tells of the tag that marks protected functions.
	CheckTag Check = "tag"
)

// Evidence is what a check saw and the limit it held it against. Numbers are
// int64, everything else is text.
type Evidence struct {
	Seen  any    `json:"seen,omitempty" yaml:"seen,omitempty"`
	Limit any    `json:"limit,omitempty" yaml:"limit,omitempty"`
	Unit  string `json:"unit,omitempty" yaml:"unit,omitempty"`
}

// UnmarshalJSON reads numbers as int64, so that evidence survives a round trip.
// Unknown fields are errors.
func (e *Evidence) UnmarshalJSON(b []byte) error {
	type plain Evidence
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	dec.DisallowUnknownFields()
	if err := dec.Decode((*plain)(e)); err != nil {
		return err
	}
	e.Seen, e.Limit = whole(e.Seen), whole(e.Limit)
	return nil
}

func whole(v any) any {
	n, ok := v.(json.Number)
	if !ok {
		return v
	}
	if i, err := n.Int64(); err == nil {
		return i
	}
	return n.String()
}

// Reason is why a check failed or warned, in words for the function's owner.
type Reason struct {
	Check   Check  `json:"check" yaml:"check"`
	Message string `json:"message" yaml:"message"`
	// Hint is what the owner can do about it.
	Hint     string    `json:"hint,omitempty" yaml:"hint,omitempty"`
	Evidence *Evidence `json:"evidence,omitempty" yaml:"evidence,omitempty"`
}

// Status is the result of one check.
type Status string

// The results of a check.
const (
	Pass Status = "pass"
	Warn Status = "warn"
	Fail Status = "fail"
	// Unknown: what the check needs wasn't read. It doesn't stop a change; AWS
	// or the re-read before the change decides.
	Unknown Status = "unknown"
)

// Finding is the result of one check on one function.
type Finding struct {
	Status Status `json:"status" yaml:"status"`
	Reason `yaml:",inline"`
}

// Verdict is the decision on one function with all it rests on.
type Verdict struct {
	ARN      FunctionARN `json:"arn" yaml:"arn"`
	Name     string      `json:"name" yaml:"name"`
	Account  string      `json:"account" yaml:"account"`
	Region   string      `json:"region" yaml:"region"`
	Runtime  string      `json:"runtime" yaml:"runtime"`
	Decision Decision    `json:"decision" yaml:"decision"`
	// Reasons are all failing checks, not only the first; for a repair, what
	// it mends.
	Reasons []Reason `json:"reasons" yaml:"reasons"`
	// Warnings don't stop a change.
	Warnings []Reason `json:"warnings" yaml:"warnings"`
	// Change is what an apply would do; nil when it would do nothing.
	Change *Change `json:"change,omitempty" yaml:"change,omitempty"`
}

// Changes reports whether an apply would touch the function.
func (v Verdict) Changes() bool { return v.Decision == Protect || v.Decision == Repair }
