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
	if d.allow.empty() {
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

// domains is a list of patterns of names. Plain names and those like *.example.com are found by hashing, so that long
// lists cost no more than short ones.
type domains struct {
	all   []domain
	exact map[string]string // a name to its entry's label
	under map[string]string // ".example.com" to the label of *.example.com
	other []domain          // other wildcards
}

// domain is one pattern.
type domain struct {
	prefix, suffix string
	star           bool
	label          string
}

func (k *compiler) domains(path, list string, entries []string) domains {
	var d domains
	for i, e := range entries {
		pattern := normalName(strings.TrimSpace(e))
		collapsed := collapse(pattern)
		switch {
		case pattern == "" || strings.ContainsAny(pattern, "/: \t"):
			k.fail(path, i, "give a name, such as example.com, without scheme, port and path", "%q isn't a domain name", e)
		case collapsed == "*" && pattern != "*":
			k.fail(path, i, "of several wildcards only the last counts, and all before it is any name", "%q would match every name", e)
		default:
			d.add(collapsed, label(list, i))
		}
	}
	return d
}

// add adds a pattern that has at most one wildcard. Of two that are equal the first counts.
func (d *domains) add(pattern, label string) {
	if d.exact == nil {
		d.exact, d.under = make(map[string]string), make(map[string]string)
	}
	p := domain{label: label}
	p.prefix, p.suffix, p.star = strings.Cut(pattern, "*")
	d.all = append(d.all, p)
	switch {
	case !p.star:
		addFirst(d.exact, p.prefix, label)
	case p.prefix == "" && strings.HasPrefix(p.suffix, "."):
		addFirst(d.under, p.suffix, label)
	default:
		d.other = append(d.other, p)
	}
}

// collapse keeps of several wildcards the right-most one: *.s3.*.amazon.com is *.amazon.com.
func collapse(pattern string) string {
	if strings.Count(pattern, "*") < 2 {
		return pattern
	}
	return pattern[strings.LastIndexByte(pattern, '*'):]
}

// empty tells that there is no pattern.
func (d *domains) empty() bool { return len(d.all) == 0 }

// find returns the label of a pattern that fits a name: the name itself, else the longest *.example.com, else the
// first of the others. A wildcard stands for at least one character, dots included.
func (d *domains) find(name string) string {
	if d.empty() {
		return ""
	}
	if label := d.exact[name]; label != "" {
		return label
	}
	for i := 1; i < len(name) && len(d.under) > 0; i++ {
		if name[i] != '.' {
			continue
		}
		if label := d.under[name[i:]]; label != "" {
			return label
		}
	}
	for i := range d.other {
		if d.other[i].match(name) {
			return d.other[i].label
		}
	}
	return ""
}

// match tells whether a name fits a pattern with a wildcard.
func (d *domain) match(name string) bool {
	return len(name) > len(d.prefix)+len(d.suffix) && strings.HasPrefix(name, d.prefix) && strings.HasSuffix(name, d.suffix)
}

// patterns returns the patterns, in order.
func (d *domains) patterns() []string {
	all := make([]string, len(d.all))
	for i, p := range d.all {
		all[i] = p.prefix
		if p.star {
			all[i] += "*" + p.suffix
		}
	}
	return all
}
