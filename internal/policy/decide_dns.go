package policy

import (
	"net/netip"
	"strings"
)

// dnsSection is the compiled section dns.
type dnsSection struct {
	level       level
	allow, deny domains
	builtin     domains // added to an allow list
}

func (k *compiler) dns(rule *Rule) dnsSection {
	s := dnsSection{
		level: levelOf(rule.DNS.Effect),
		allow: k.domains("dns.whitelist", "whitelist", rule.DNS.Allow),
		deny:  k.domains("dns.blacklist", "blacklist", rule.DNS.Deny),
	}
	if rule.AdvancedProtection {
		s.builtin = builtinDomains()
	}
	return s
}

// resolve judges a question for a name's addresses.
func (c *Compiled) resolve(e *Event) (finding, string) {
	d, name := &c.dns, normalName(e.Domain)
	if localName(name) {
		return finding{}, passLocal
	}
	var found finding
	pass := passOff
	if d.level > off {
		found, pass = d.lookup(name)
	}
	if c.miners != nil && d.allow.find(name) == "" && c.processes.allow.find(e.Process.Path) == "" {
		found = found.or(c.miners.domain(name))
	}
	return found, pass
}

// lookup judges a name by the section's lists.
func (d *dnsSection) lookup(name string) (finding, string) {
	if entry := d.deny.find(name); entry != "" {
		return finding{d.level, deniedName, entry, "is in the deny list"}, ""
	}
	if len(d.allow) == 0 {
		return finding{}, passNothing
	}
	if entry := d.allow.find(name); entry != "" {
		return finding{}, entry
	}
	if d.builtin.find(name) != "" {
		return finding{}, passBuiltin
	}
	return finding{d.level, deniedName, "whitelist", "isn't in the allow list"}, ""
}

// normalName writes a name as the lists have it: lower case, no final dot. Other scripts are left as they are.
func normalName(s string) string { return strings.ToLower(strings.TrimSuffix(s, ".")) }

// localName tells whether a name is answered without asking anybody: localhost, or an address.
func localName(name string) bool {
	if name == "" || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	if c := name[len(name)-1]; c < '0' || c > '9' && !strings.Contains(name, ":") {
		return false
	}
	_, err := netip.ParseAddr(name)
	return err == nil
}

// domains is a list of patterns of names with the labels of their entries.
type domains []domain

type domain struct {
	prefix, suffix string
	star           bool
	label          string
}

func (k *compiler) domains(path, list string, entries []string) domains {
	var all domains
	for i, e := range entries {
		pattern := normalName(strings.TrimSpace(e))
		collapsed := collapse(pattern)
		switch {
		case pattern == "" || strings.ContainsAny(pattern, "/: \t"):
			k.fail(path, i, "give a name, such as example.com, without scheme, port and path", "%q isn't a domain name", e)
			continue
		case collapsed == "*" && pattern != "*":
			k.fail(path, i, "of several wildcards only the last counts, and all before it is any name", "%q would match every name", e)
			continue
		}
		prefix, suffix, star := strings.Cut(collapsed, "*")
		all = append(all, domain{prefix, suffix, star, label(list, i)})
	}
	return all
}

// collapse keeps of several wildcards the right-most one: *.s3.*.amazon.com is *.amazon.com.
func collapse(pattern string) string {
	if strings.Count(pattern, "*") < 2 {
		return pattern
	}
	return pattern[strings.LastIndexByte(pattern, '*'):]
}

// match tells whether a name fits. A wildcard stands for at least one character, dots included.
func (d *domain) match(name string) bool {
	if !d.star {
		return name == d.prefix
	}
	return len(name) > len(d.prefix)+len(d.suffix) && strings.HasPrefix(name, d.prefix) && strings.HasSuffix(name, d.suffix)
}

// find returns the label of the first pattern that fits a name.
func (d domains) find(name string) string {
	for i := range d {
		if d[i].match(name) {
			return d[i].label
		}
	}
	return ""
}

func (d domains) patterns() []string {
	all := make([]string, len(d))
	for i := range d {
		all[i] = d[i].prefix
		if d[i].star {
			all[i] += "*" + d[i].suffix
		}
	}
	return all
}
