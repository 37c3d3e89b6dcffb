package policy

import (
	"iter"
	"slices"
)

// candidates yields the rules, and then ever shorter ones in their place: the firewall's gives way first, because what it
// loses is an answer to attacks until the Console has been asked, and what the runtime's loses is what the function needs.
func candidates(rule *Rule, firewall *WAASRule) iter.Seq2[*Rule, *WAASRule] {
	return func(yield func(*Rule, *WAASRule) bool) {
		if !yield(rule, firewall) {
			return
		}
		if firewall != nil {
			for _, step := range firewallSteps() {
				shorter := firewall.clone()
				step(&shorter)
				firewall = &shorter
				if !yield(rule, firewall) {
					return
				}
			}
		}
		if rule == nil {
			return
		}
		shorter := *rule
		for _, step := range runtimeSteps() {
			step(&shorter)
			next := shorter
			if !yield(&next, firewall) {
				return
			}
		}
	}
}

// runtimeSteps shorten a rule. After each it forbids at least what it forbade: allow lists lose entries but never the
// last one, and a list of what is denied is only given up where its section then denies more.
func runtimeSteps() []func(*Rule) {
	return []func(*Rule){
		func(r *Rule) { r.CustomRules = nil },
		func(r *Rule) { shorten(r, 64) },
		func(r *Rule) { shorten(r, 16) },
		func(r *Rule) { shorten(r, 4) },
		func(r *Rule) { shorten(r, 1) },
		func(r *Rule) { r.Own.Helpers, r.Own.Exceptions = nil, nil },
		onlyMain,
		coverPorts,
		nobody,
		nowhere,
	}
}

// shorten keeps the first n entries of what allows; n is at least 1.
func shorten(r *Rule, n int) {
	for _, list := range []*[]string{
		&r.Processes.Allow, &r.Network.AllowIPs, &r.DNS.Allow, &r.Filesystem.Allow, &r.Own.Helpers,
	} {
		*list = (*list)[:min(n, len(*list))]
	}
	r.Own.Exceptions = r.Own.Exceptions[:min(n, len(r.Own.Exceptions))]
	r.Network.AllowPorts = firstPorts(r.Network.AllowPorts, n)
	r.Network.AllowListen = firstPorts(r.Network.AllowListen, n)
}

// firstPorts keeps the first n ranges that allow, and all that deny.
func firstPorts(all []PortRange, n int) []PortRange {
	var some []PortRange
	allowed := 0
	for _, r := range all {
		if !r.Deny {
			allowed++
		}
		if r.Deny || allowed <= n {
			some = append(some, r)
		}
	}
	return some
}

// onlyMain allows the main process alone.
func onlyMain(r *Rule) {
	if len(r.Processes.Allow)+len(r.Processes.Deny) == 0 {
		return
	}
	r.Processes.Allow, r.Processes.Deny, r.Processes.MainOnly = nil, nil, true
}

// coverPorts makes of the denied ports one range that has them all.
func coverPorts(r *Rule) {
	n := &r.Network
	n.AllowPorts, n.DenyPorts = covered(n.AllowPorts, n.DenyPorts)
	n.AllowListen, n.DenyListen = covered(n.AllowListen, n.DenyListen)
}

func covered(allow, deny []PortRange) ([]PortRange, []PortRange) {
	denies := func(p PortRange) bool { return p.Deny }
	for _, p := range allow {
		if p.Deny {
			deny = append(slices.Clone(deny), p)
		}
	}
	allow = slices.DeleteFunc(slices.Clone(allow), denies)
	if len(deny) < 2 {
		return allow, deny
	}
	all := PortRange{Start: deny[0].Start, End: deny[0].End}
	for _, p := range deny {
		all.Start, all.End = min(all.Start, p.Start), max(all.End, p.End)
	}
	return allow, []PortRange{all}
}

// nobody allows connections to nowhere but the function itself, when some addresses are denied.
func nobody(r *Rule) {
	if len(r.Network.DenyIPs) == 0 {
		return
	}
	r.AdvancedProtection, r.Own.StrictEgress = false, false
	r.Network.DenyIPs, r.Network.AllowIPs = nil, []string{"127.0.0.1"}
}

// nowhere allows no name, when some are denied.
func nowhere(r *Rule) {
	if len(r.DNS.Deny) == 0 {
		return
	}
	r.AdvancedProtection = false
	r.DNS.Deny, r.DNS.Allow = nil, []string{"localhost"}
}
