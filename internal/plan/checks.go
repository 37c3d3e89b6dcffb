package plan

import (
	"fmt"

	"github.com/autodefend/autodefend"
)

// check judges one aspect of a function. It never looks at the result of
// another check, so that a verdict can name all that is wrong at once.
type check func(f autodefend.Function, facts Facts) autodefend.Finding

// checks returns all checks in the order they're shown.
func checks() []check {
	return []check{
		checkExcluded, checkTagCondition, checkPermission,
		checkPackageType, checkArchitecture, checkRuntime, checkRuntimeBlocked,
		checkMemory, checkTimeout, checkUtilization,
		checkLayers, checkLayerAccess, checkCodeSize, checkUnzippedSize, checkCodeSigning,
		checkEnvEncrypted, checkEnvSize, checkEnvConflict, checkWrapper,
		checkState, checkUpdateInProgress,
		checkSnapStart, checkEdge, checkManagedInstances, checkDurable,
		checkPublishedVersions, checkIaCManaged, checkUnproven, checkTag,
	}
}

// detachChecks returns the checks that tell whether AWS would accept the
// inverse change.
func detachChecks() []check {
	return []check{
		checkPermission, checkEnvEncrypted, checkOriginalHandler, checkRemainingLayers,
		checkState, checkUpdateInProgress, checkRuntimeBlocked,
	}
}

// Examine returns the finding of every check, the passed ones too.
func Examine(f autodefend.Function, facts Facts) []autodefend.Finding {
	facts = facts.withPolicy(f)
	list := checks()
	findings := make([]autodefend.Finding, len(list))
	for i, c := range list {
		findings[i] = c(f, facts)
	}
	return findings
}

// The makers of findings.

func pass(id autodefend.Check, format string, args ...any) autodefend.Finding {
	if len(args) == 0 { // most checks of most functions
		return finding(autodefend.Pass, id, "", format)
	}
	return finding(autodefend.Pass, id, "", fmt.Sprintf(format, args...))
}

func fail(id autodefend.Check, hint, format string, args ...any) autodefend.Finding {
	return finding(autodefend.Fail, id, hint, fmt.Sprintf(format, args...))
}

func warn(id autodefend.Check, hint, format string, args ...any) autodefend.Finding {
	return finding(autodefend.Warn, id, hint, fmt.Sprintf(format, args...))
}

func unknown(id autodefend.Check, format string, args ...any) autodefend.Finding {
	return finding(autodefend.Unknown, id, "", fmt.Sprintf(format, args...))
}

func finding(s autodefend.Status, id autodefend.Check, hint, message string) autodefend.Finding {
	return autodefend.Finding{Status: s, Reason: autodefend.Reason{Check: id, Message: message, Hint: hint}}
}

// saw adds the number or text seen and the limit it was held against.
func saw(f autodefend.Finding, seen, limit any, unit string) autodefend.Finding {
	f.Evidence = &autodefend.Evidence{Seen: number(seen), Limit: number(limit), Unit: unit}
	return f
}

// number turns ints into int64, as [autodefend.Evidence] wants them, and leaves
// empty text out.
func number(v any) any {
	if i, ok := v.(int); ok {
		return int64(i)
	}
	if v == "" {
		return nil
	}
	return v
}
