package bypass

import (
	"encoding/json"
	"slices"
	"strings"
)

// verdict is what came of an attempt, told from facts.
type verdict string

// The verdicts, best first.
const (
	// prevented: nothing happened, and an audit says so.
	prevented verdict = "prevented"
	// refused: nothing happened, because the call itself is closed to everybody; no audit.
	refused verdict = "refused"
	// ended: nothing happened, because the process was ended.
	ended verdict = "ended"
	// outside: the sandbox refuses it without us.
	outside verdict = "sandbox"
	// detected: it happened, and an audit says so.
	detected verdict = "detected"
	// uncovered: it happened, and nobody knows.
	uncovered verdict = "not covered"
	// broken: the attempt never came to its point.
	broken verdict = "broken"
)

// succeeded tells whether the attempt reached its end.
func (a attempt) succeeded(r report) bool {
	switch a.proof {
	case ran:
		return r.Ran
	case leaked:
		return r.Leaked
	case changed:
		return r.Changed
	case sent:
		return len(r.Sent) > 0
	case listened:
		return r.Listened
	case resolved:
		return len(r.Resolved) > 0
	case down:
		return len(r.Down) > 0
	case won:
		return r.Won != ""
	case forged:
		return len(r.API) > 0 || speaksFor(audits(r.Output), "/sleep")
	}
	return false
}

// judge makes one word of what was seen in a run with the Defender.
func (a attempt) judge(r report) verdict {
	audited := len(audits(r.Output)) > 0
	switch happened := a.succeeded(r); {
	case happened && audited:
		return detected
	case happened:
		return uncovered
	case audited:
		return prevented
	case r.Begun == 0:
		return broken
	case strings.HasPrefix(r.Exit, "signal:") || r.Code >= 128:
		return ended
	default:
		return refused
	}
}

// lucky tells whether nobody but the watcher noticed: it looks around every so often, and a process that lives that long
// may be seen and ended. Nothing depends on that, so an attempt that isn't covered stays so.
func lucky(r report) bool {
	all := audits(r.Output)
	return len(all) > 0 && !slices.ContainsFunc(all, func(a audit) bool { return a.Tier != "watch" })
}

// audit is what the harness reads of a line of the log.
type audit struct {
	AttackType  string `json:"attackType"`
	ProcessPath string `json:"processPath"`
	Msg         string `json:"msg"`
	Tier        string `json:"tier"`
}

// audits finds the audits among what the function and the Defender wrote.
func audits(output string) []audit {
	var all []audit
	for line := range strings.Lines(output) {
		at := strings.Index(line, `{"`)
		if at < 0 || !strings.Contains(line, `"attackType"`) {
			continue
		}
		var a audit
		if json.Unmarshal([]byte(line[at:]), &a) == nil && a.AttackType != "" {
			all = append(all, a)
		}
	}
	return all
}

// speaksFor tells whether an audit names a program that did nothing.
func speaksFor(all []audit, program string) bool {
	for _, a := range all {
		if strings.HasSuffix(a.ProcessPath, program) {
			return true
		}
	}
	return false
}
