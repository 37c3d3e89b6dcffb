package policy

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/autodefend/autodefend"
)

// Bounds of numbers and texts in rules of the firewall.
const (
	// MaxInspectedBytes is the largest event that Lambda passes on.
	MaxInspectedBytes = 6 << 20
	maxAnswerBytes    = 16 << 10
	maxBudgetMS       = 10_000
	maxOwnRules       = 100
)

// ExpressionCheck tells whether an expression of a custom rule can be compiled. Its error names the place in it.
type ExpressionCheck func(expression string) error

// Check examines every rule. It returns the mistakes, as joined [autodefend.Error] values, and remarks. Expressions of
// custom rules are checked with expression, unless that is nil.
func (p *WAASPolicy) Check(expression ExpressionCheck) ([]Remark, error) {
	var errs []error
	remarks := remarkAll(p.scopes(), "so nothing is inspected", func(w *remarker, i int) {
		errs = append(errs, p.Rules[i].mistakes(w.path, expression)...)
		w.firewallRule(&p.Rules[i])
	})
	w := remarker{}
	w.ignored(p.unknown)
	return append(remarks, w.found...), errors.Join(errs...)
}

// Validate returns the mistakes in a rule, as joined [autodefend.Error] values. Expressions of custom rules are checked
// with expression, unless that is nil.
func (r *WAASRule) Validate(expression ExpressionCheck) error {
	return errors.Join(r.mistakes("waas", expression)...)
}

func (r *WAASRule) mistakes(path string, expression ExpressionCheck) []error {
	k := firewallChecker{path: path}
	for i := range r.Applications {
		k.application(label("applicationsSpec", i), &r.Applications[i])
	}
	k.between("autodefend.budgetMs", r.Own.BudgetMS, 0, maxBudgetMS, " milliseconds")
	for _, trigger := range WAASTriggers() {
		for i, class := range r.Own.Triggers.Get(trigger).Classes {
			if !slices.Contains(autodefend.AttackClasses(), class) {
				k.fail(label("autodefend.triggers."+trigger+".classes", i), "use some of: "+classNames(), "%q isn't a class of attacks", class)
			}
		}
	}
	k.ownRules(r.Own.CustomRules, expression)
	return k.errs
}

func classNames() string {
	var names []string
	for _, class := range autodefend.AttackClasses() {
		names = append(names, string(class))
	}
	return strings.Join(names, " ")
}

// firewallChecker collects the mistakes in a rule of the firewall.
type firewallChecker struct {
	path string
	errs []error
}

func (k *firewallChecker) fail(member, hint, format string, args ...any) {
	k.errs = append(k.errs, mistake(joinPath(k.path, member), hint, format, args...))
}

func (k *firewallChecker) between(member string, n, low, high int, unit string) {
	if n < low || n > high {
		k.fail(member, "", "want %d to %d%s, have %d", low, high, unit, n)
	}
}

func (k *firewallChecker) application(at string, a *WAASApplication) {
	for _, p := range a.protections() {
		if _, err := compileExceptions(joinPath(k.path, at+"."+p.name+".exceptionFields"), p.to.Exceptions); err != nil {
			k.errs = append(k.errs, err)
		}
	}
	k.between(at+".body.inspectionSizeBytes", a.Body.SizeBytes, 0, MaxInspectedBytes, " bytes")
	if a.BlockResponse.Code != 0 {
		k.between(at+".customBlockResponse.code", a.BlockResponse.Code, 200, 599, "")
	}
	if n := len(a.BlockResponse.Body); n > maxAnswerBytes {
		k.fail(at+".customBlockResponse.body", "", "%d bytes are more than %d", n, maxAnswerBytes)
	}
}

// ownRules checks custom rules.
func (k *firewallChecker) ownRules(all []OwnRule, expression ExpressionCheck) {
	const list = "autodefend.customRules"
	if len(all) > maxOwnRules {
		k.fail(list, "", "%d are too many, there may be %d", len(all), maxOwnRules)
	}
	first := make(map[string]int)
	for i, r := range all {
		at := label(list, i)
		if r.Name == "" {
			k.fail(at+".name", "audits name the rule that objected", "a custom rule needs a name")
		} else if before, twice := first[r.Name]; twice {
			k.fail(at+".name", "", "%q is the name of %s already", r.Name, label(list, before))
		} else {
			first[r.Name] = i
		}
		if r.Expression == "" {
			k.fail(at+".expression", `such as req.path startswith "/admin"`, "a custom rule needs an expression")
		} else if expression != nil {
			if err := expression(r.Expression); err != nil {
				k.fail(at+".expression", autodefend.ErrorHint(err), "%s", err)
			}
		}
	}
}

// firewallRule remarks on a rule of the firewall.
func (w *remarker) firewallRule(r *WAASRule) {
	if len(r.Applications) == 0 {
		w.say("applicationsSpec", "there is none, so nothing is inspected")
	}
	for i := range r.Applications {
		at := label("applicationsSpec", i)
		if i > 0 {
			w.say(at, "a function is one application: only the first counts")
			continue
		}
		w.application(at, &r.Applications[i])
	}
	for _, trigger := range WAASTriggers() {
		w.triggerSwitch(r, trigger)
	}
	w.without(r.unknown, "")
}

// application remarks on what is looked for.
func (w *remarker) application(at string, a *WAASApplication) {
	anything := false
	for _, p := range a.protections() {
		anything = anything || firewallLevel(p.to.Effect) > off
		w.firewallEffect(at+"."+p.name+".effect", p.to.Effect)
		for i, x := range p.to.Exceptions {
			if x.Response {
				w.say(label(at+"."+p.name+".exceptionFields", i)+".response", "responses aren't inspected, so this excepts nothing")
			}
		}
		if p.to.Effect == autodefend.Disable || p.to.Effect == "" {
			if n := len(p.to.Exceptions); n > 0 {
				w.say(at+"."+p.name+".effect", "it's off, so its exceptions do nothing")
			}
		}
		w.without(p.to.unknown, at+"."+p.name)
	}
	if !anything {
		w.say(at, "every class of attacks is off")
	}
	w.firewallEffect(at+".body.inspectionLimitExceededEffect", a.Body.LimitEffect)
	if a.Body.Skip {
		w.say(at+".body.skip", "bodies aren't looked at, and most of a request is its body")
	}
	if n := len(a.CustomRules); n > 0 {
		w.say(at+".customRules", "rules of the Console aren't known to functions (%d): write them in autodefend.customRules", n)
	}
	if b := a.BlockResponse; !b.Enabled && (b.Body != "" || b.Code != 0 && b.Code != 403) {
		w.say(at+".customBlockResponse.enabled", "it's off, so refused requests get the usual answer")
	}
	w.without(a.unknown, at)
}

// firewallEffect remarks on effects that mean another one.
func (w *remarker) firewallEffect(at string, e autodefend.Effect) {
	switch e {
	case autodefend.Ban:
		w.say(at, "functions don't share a memory of clients, so ban is done as prevent")
	case autodefend.Allow:
		w.say(at, "allow is the same as disable")
	}
}

// triggerSwitch remarks on what a rule refuses of triggers whose events come back.
func (w *remarker) triggerSwitch(r *WAASRule, trigger string) {
	at := "autodefend.triggers." + trigger + ".effect"
	if r.Own.Triggers.Get(trigger).Effect != autodefend.Prevent {
		return
	}
	switch trigger {
	case "sqs", "kinesis", "dynamodb":
		if r.Own.QueueAnswer() == QueueFailures {
			w.say(at, "the event source mapping needs ReportBatchItemFailures: without it Lambda takes refused batches for handled")
		}
	case "cloudWatchLogs":
		w.say(at, "log lines hold attacks by nature")
	}
}

// without remarks on members that a function can't do: on those we know only when they ask for something.
func (w *remarker) without(unknown []member, at string) {
	for _, m := range unknown {
		switch name := strings.ToLower(m.name); {
		case slices.ContainsFunc(silentMembers(), func(s string) bool { return strings.EqualFold(s, name) }):
		case slices.ContainsFunc(forProxies(), func(s string) bool { return strings.EqualFold(s, name) }):
			if requests(m.raw) {
				w.say(joinPath(at, m.name), "isn't done in functions")
			}
		default:
			w.say(joinPath(at, m.name), "isn't known; it's kept and does nothing")
		}
	}
}

// forProxies lists members of Prisma's rules that only its proxies do.
func forProxies() []string {
	return []string{
		"apiSpec", "autoApplyPatchesSpec", "botProtectionSpec", "clickjackingEnabled", "csrfEnabled", "dosConfig",
		"headerSpecs", "intelGathering", "maliciousUpload", "networkControls", "remoteHostForwarding",
		"responseHeaderSpecs", "sessionCookieBan", "sessionCookieEnabled", "trafficMirroring",
	}
}

// silentMembers lists members of Prisma's rules that say nothing about a function.
func silentMembers() []string {
	return []string{
		"allowMalformedHttpHeaderNames", "autoProtectPorts", "banDurationMinutes", "certificate", "outOfBandScope",
		"sessionCookieSameSite", "sessionCookieSecure", "skipAPILearning", "tlsConfig", "windows",
	}
}

// requests tells whether the JSON of a member that isn't ours switches something on.
func requests(raw []byte) bool { return string(raw) == "true" || active(raw) }

// active tells whether there is an effect in a value, or something enabled. What is in an object that is disabled doesn't
// count.
func active(raw []byte) bool {
	switch string(raw) {
	case `"alert"`, `"prevent"`, `"ban"`, `"reCAPTCHA"`:
		return true
	}
	if given, ok := members(raw); ok {
		for _, m := range given {
			if strings.EqualFold(m.name, "enabled") {
				return string(m.raw) == "true"
			}
		}
		return slices.ContainsFunc(given, func(m member) bool { return active(m.raw) })
	}
	var elements []json.RawMessage
	return json.Unmarshal(raw, &elements) == nil && slices.ContainsFunc(elements, func(e json.RawMessage) bool { return active(e) })
}
