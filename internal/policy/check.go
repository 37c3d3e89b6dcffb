package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/autodefend/autodefend"
)

// Remark is something in a policy that works but may not be meant.
type Remark struct {
	Path    string `json:"path"` // such as rules[0].dns.whitelist[3]
	Message string `json:"message"`
}

// Check compiles every rule. It returns the mistakes, as joined [autodefend.Error] values, and remarks.
func (p *Policy) Check() ([]Remark, error) {
	var errs []error
	remarks := remarkAll(p.scopes(), "so nothing is enforced", func(w *remarker, i int) {
		r := &p.Rules[i]
		enabled := *r
		enabled.Disabled = false
		if _, err := compileAt(w.path, &enabled); err != nil {
			errs = append(errs, err)
		}
		w.rule(r)
	})
	w := remarker{}
	w.ignored(p.unknown)
	return append(remarks, w.found...), errors.Join(errs...)
}

// remarkAll remarks on rules, each of which remark looks at, and on their order.
func remarkAll(rules []ruleScope, without string, remark func(w *remarker, i int)) []Remark {
	var remarks []Remark
	everything := ""
	for i, r := range rules {
		w := remarker{path: rulePath(i)}
		w.scope(r)
		remark(&w, i)
		if everything != "" && !r.disabled {
			w.say("", "never holds: %s above it holds for every function", everything)
		}
		if everything == "" && !r.disabled && r.holdsForAll() {
			everything = w.path
		}
		slices.SortStableFunc(w.found, func(a, b Remark) int { return strings.Compare(a.Path, b.Path) })
		remarks = append(remarks, w.found...)
	}
	if len(rules) == 0 {
		remarks = append(remarks, Remark{"rules", "there are none, " + without})
	}
	return remarks
}

// holdsForAll tells that no function is left for later rules.
func (r *ruleScope) holdsForAll() bool {
	return len(r.collections) == 0 || slices.ContainsFunc(r.collections, func(c Collection) bool {
		for _, foreign := range c.foreign() {
			if limits(*foreign.values) {
				return false
			}
		}
		return !c.undefined() && all(c.Functions) && all(c.Labels) && all(c.AccountIDs)
	})
}

// all tells that a field leaves nothing out.
func all(entries []string) bool {
	return len(entries) == 0 || slices.Contains(entries, "*") && !slices.ContainsFunc(entries, func(e string) bool { return strings.HasPrefix(e, "-") })
}

// remarker collects remarks on one rule.
type remarker struct {
	path  string
	found []Remark
}

func (w *remarker) say(member, format string, args ...any) {
	w.found = append(w.found, Remark{joinPath(w.path, member), fmt.Sprintf(format, args...)})
}

// scope remarks on whom a rule holds for.
func (w *remarker) scope(r ruleScope) {
	if r.disabled {
		w.say("disabled", "the rule is passed over")
	}
	if len(r.collections) == 0 {
		w.say("collections", "there are none, so the rule holds for every function")
	}
	for i := range r.collections {
		w.collection(fmt.Sprintf("collections[%d]", i), &r.collections[i])
	}
}

// rule remarks on a rule.
func (w *remarker) rule(r *Rule) {
	if n := len(r.CustomRules); n > 0 {
		w.say("customRules", "custom rules aren't enforced yet (%d)", n)
	}
	w.sections(r)
	w.unknownMembers(r)
}

// sections remarks on lists that don't do what they seem to.
func (w *remarker) sections(r *Rule) {
	effects := []struct {
		name   string
		effect autodefend.Effect
		lists  int
	}{
		{"processes", r.Processes.Effect, len(r.Processes.Allow) + len(r.Processes.Deny)},
		{"network", r.Network.Effect, len(r.Network.AllowIPs) + len(r.Network.DenyIPs) + len(r.Network.AllowPorts) + len(r.Network.DenyPorts)},
		{"dns", r.DNS.Effect, len(r.DNS.Allow) + len(r.DNS.Deny)},
		{"filesystem", r.Filesystem.Effect, len(r.Filesystem.Allow) + len(r.Filesystem.Deny)},
	}
	for _, s := range effects {
		if levelOf(s.effect) == off && s.lists > 0 {
			w.say(s.name+".effect", "the section is off, so its lists do nothing")
		}
	}
	for name, list := range map[string][]string{"dns.blacklist": r.DNS.Deny, "dns.whitelist": r.DNS.Allow} {
		for i, e := range list {
			if c := collapse(normalName(e)); c != normalName(e) {
				w.say(label(name, i), "%q means %q: of several wildcards the right-most counts", e, c)
			}
		}
	}
	if r.Own.StrictEgress && levelOf(r.Network.Effect) == off {
		w.say("autodefend.strictEgress", "does nothing while the section network is off")
	}
	if len(r.Own.ReadOnly) > 0 && levelOf(r.Filesystem.Effect) == off {
		w.say("autodefend.readOnly", "does nothing while the section filesystem is off")
	}
	for _, list := range [][]string{r.Network.AllowIPs, r.Network.DenyIPs} {
		for _, e := range list {
			if p, ok := parseNetwork(e); ok && p.Addr().IsLoopback() {
				w.say("network", "%s: addresses of the function itself are judged by denied ports alone", e)
			}
		}
	}
}

// collection remarks on a scope.
func (w *remarker) collection(member string, c *Collection) {
	if c.undefined() {
		w.say(member, "%q has only a name: what it holds is known to the Console alone", c.Name)
	}
	for _, foreign := range c.foreign() {
		if limits(*foreign.values) {
			w.say(member+"."+foreign.name, "limits the collection to something that functions have none of, so it holds no function")
		}
	}
	if limits(c.AccountIDs) {
		w.say(member+".accountIDs", "is looked at for Azure only")
	}
	for name, entries := range map[string][]string{"functions": c.Functions, "labels": c.Labels} {
		exclusions := 0
		for i, e := range entries {
			if strings.HasPrefix(e, "-") {
				exclusions++
			}
			if len(e) > 2 && strings.Contains(e[1:len(e)-1], "*") {
				w.say(label(member+"."+name, i), "%q: a star in the middle is an ordinary character", e)
			}
		}
		if exclusions > 0 && exclusions == len(entries) {
			w.say(member+"."+name, "only excludes, so nothing matches: add \"*\"")
		}
	}
}

// unknownMembers remarks on members that mean nothing to the Defender.
func (w *remarker) unknownMembers(r *Rule) {
	w.ignored(r.unknown)
	for name, k := range map[string]*kept{
		"processes": &r.Processes.kept, "network": &r.Network.kept, "dns": &r.DNS.kept, "filesystem": &r.Filesystem.kept,
	} {
		sub := remarker{path: joinPath(w.path, name)}
		sub.ignored(k.unknown)
		w.found = append(w.found, sub.found...)
	}
}

// ignored remarks on unknown members, unless they are known to be for containers.
func (w *remarker) ignored(unknown []member) {
	for _, m := range unknown {
		if !slices.ContainsFunc(forContainers(), func(name string) bool { return strings.EqualFold(name, m.name) }) {
			w.say(m.name, "isn't known; it's kept and does nothing")
		}
	}
}

// forContainers lists members of Prisma's rules that mean nothing for functions.
func forContainers() []string {
	return []string{
		"cloudMetadataEnforcement", "cloudMetadataEnforcementEffect", "kubernetesEnforcement", "kubernetesEnforcementEffect",
		"skipExecSessions", "wildFireAnalysis", "checkLateralMovement", "checkNewBinaries", "skipModified",
		"backdoorFiles", "checkNewFiles", "skipEncryptedBinaries", "suspiciousELFHeaders",
	}
}
