package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/autodefend/autodefend"
)

// issue is one result of the SARIF form.
type issue struct {
	arn  autodefend.FunctionARN
	name string
	// level is for failing checks, kind for others. Exactly one is set.
	level  level
	kind   kind
	reason autodefend.Reason
}

// level and kind are SARIF's own words.
type (
	level string
	kind  string
)

const (
	levelError   level = "error"
	levelWarning level = "warning"
	levelNote    level = "note"
	levelNone    level = "none"

	kindFail kind = "fail"
	kindPass kind = "pass"
	// kindOpen is a check that couldn't be made.
	kindOpen kind = "open"
)

func decisionLevel(d autodefend.Decision) level {
	switch d {
	case autodefend.Repair:
		return levelError
	case autodefend.Exclude, autodefend.Protected:
		return levelNote
	}
	return levelWarning
}

// outcomeLevel returns the level of a receipt's reasons, and whether they are
// worth listing at all.
func outcomeLevel(o autodefend.Outcome) (level, bool) {
	switch o {
	case autodefend.OutcomeFailed:
		return levelError, true
	case autodefend.OutcomeChanged, autodefend.OutcomeSkipped:
		return levelWarning, true
	}
	return levelNone, false
}

// sarifOf renders a document as a SARIF 2.1.0 log. Scope errors are results of
// the rule "incomplete" besides notifications, because viewers ignore the
// latter.
func sarifOf(d document) sarifLog {
	issues, errors := d.issues(), d.errors()
	ids := ruleIDs(issues, len(errors) > 0)
	run := sarifRun{
		Tool: sarifTool{Driver: sarifDriver{
			Name: "Autodefend", InformationURI: "https://github.com/autodefend/autodefend", Rules: each(ids, sarifRuleOf),
		}},
		ColumnKind:  "utf16CodeUnits",
		Invocations: []sarifInvocation{{ExecutionSuccessful: len(errors) == 0, Notifications: each(errors, notificationOf)}},
		Results:     []sarifResult{},
	}
	for _, e := range errors {
		run.Results = append(run.Results, errorResult(e, slices.Index(ids, string(ruleIncomplete))))
	}
	seen := map[string]int{}
	for _, i := range issues {
		key := i.arn.String() + " " + string(i.reason.Check)
		seen[key]++
		run.Results = append(run.Results, issueResult(i, slices.Index(ids, string(i.reason.Check)), fingerprint(key, seen[key])))
	}
	return sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}}
}

// ruleIDs returns the ids of all checks and of those that only the issues
// know, sorted.
func ruleIDs(issues []issue, incomplete bool) []string {
	ids := map[string]bool{}
	for id := range rules() {
		ids[string(id)] = id != ruleIncomplete || incomplete
	}
	for _, i := range issues {
		ids[string(i.reason.Check)] = true
	}
	maps.DeleteFunc(ids, func(_ string, used bool) bool { return !used })
	return slices.Sorted(maps.Keys(ids))
}

func sarifRuleOf(id string) sarifRule {
	r := ruleOf(autodefend.Check(id))
	return sarifRule{
		ID: id, Short: sarifMessage{r.short}, Full: sarifMessage{r.short}, Help: sarifMessage{r.help},
		Default: sarifConfiguration{levelWarning},
	}
}

func issueResult(i issue, rule int, print string) sarifResult {
	text := i.name + ": " + i.reason.Message
	if e := evidenceText(i.reason.Evidence); e != "" {
		text += " [" + e + "]"
	}
	if i.reason.Hint != "" {
		text += ". Hint: " + i.reason.Hint
	}
	return sarifResult{
		RuleID: string(i.reason.Check), RuleIndex: rule, Kind: cmp.Or(i.kind, kindFail), Level: cmp.Or(i.level, levelNone),
		Message:      messageOf(text),
		Locations:    []sarifLocation{locationOf(i.arn.String(), i.name, i.arn.String(), "function")},
		Fingerprints: map[string]string{"autodefend/v1": print},
	}
}

// messageOf makes foreign text a message. In SARIF "[text](target)" is a link
// (§3.11.6), which foreign text can't be allowed to make.
func messageOf(s string) sarifMessage {
	return sarifMessage{strings.ReplaceAll(clean(s), "](", "] (")}
}

func errorResult(e autodefend.ScopeError, rule int) sarifResult {
	scope := cmp.Or(strings.ReplaceAll(scopeText(e), " ", "/"), "estate")
	text := errorItem(e).text
	if e.Hint != "" {
		text += ". Hint: " + e.Hint
	}
	return sarifResult{
		RuleID: string(ruleIncomplete), RuleIndex: rule, Kind: kindFail, Level: levelError, Message: messageOf(text),
		Locations:    []sarifLocation{locationOf("autodefend:"+url.PathEscape(scope), scope, scope, "module")},
		Fingerprints: map[string]string{"autodefend/v1": fingerprint(scope+" "+e.Message, 1)},
	}
}

func notificationOf(e autodefend.ScopeError) sarifNotification {
	return sarifNotification{Level: levelError, Message: messageOf(errorItem(e).text)}
}

// locationOf names a function as a logical location, and as an artifact for
// viewers that know nothing else.
func locationOf(uri, name, qualified, what string) sarifLocation {
	return sarifLocation{
		Physical: sarifPhysical{Artifact: sarifArtifact{uri}, Region: sarifRegion{1}},
		Logical:  []sarifLogical{{Name: name, FullyQualifiedName: qualified, Kind: what}},
	}
}

// fingerprint identifies a result from run to run, whatever its message: the
// nth of a check on a function.
func fingerprint(key string, nth int) string {
	sum := sha256.Sum256([]byte(key + " " + strconv.Itoa(nth)))
	return hex.EncodeToString(sum[:16])
}
