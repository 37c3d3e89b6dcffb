package policy

import (
	"net/netip"
	"strings"
)

// networkSection is the compiled section network.
type networkSection struct {
	level                   level
	allowIPs, denyIPs       networks
	allowPorts, denyPorts   portRanges
	allowListen, denyListen portRanges
	builtin                 networks // added to allow lists
	strict                  bool
}

// dotPort is the port of DNS over TLS and QUIC, which strict egress closes: it would pass the resolver by.
const dotPort = 853

// strictEntry is the member of a rule that asks for strict egress.
const strictEntry = "autodefend.strictEgress"

func (k *compiler) network(rule *Rule) networkSection {
	n := &rule.Network
	s := networkSection{
		level:    levelOf(n.Effect),
		allowIPs: k.networks("network.whitelistIPs", "whitelistIPs", n.AllowIPs),
		denyIPs:  k.networks("network.blacklistIPs", "blacklistIPs", n.DenyIPs),
		strict:   rule.Own.StrictEgress,
	}
	s.allowPorts, s.denyPorts = k.portLists("OutboundPorts", n.AllowPorts, n.DenyPorts)
	s.allowListen, s.denyListen = k.portLists("ListeningPorts", n.AllowListen, n.DenyListen)
	if rule.AdvancedProtection {
		s.builtin = builtinNetworks()
	}
	return s
}

// connect judges a connection, or a datagram, to an address.
func (c *Compiled) connect(e *Event) (finding, string) {
	n := &c.network
	ip, port := e.Address.Addr().Unmap().WithZone(""), e.Address.Port()
	var found finding
	pass := passOff
	if n.level > off {
		found, pass = n.outbound(ip, port, e.Learnt)
	}
	if c.miners != nil && n.allowPorts.find(port) == "" && c.processes.allow.find(e.Process.Path) == "" {
		found = found.or(c.miners.address(ip, port, e.Protocol))
	}
	return found, pass
}

// outbound judges an address by the section's lists. What stays in the function is judged by denied ports alone.
func (n *networkSection) outbound(ip netip.Addr, port uint16, learnt bool) (finding, string) {
	local := ip.IsLoopback() || ip.IsUnspecified()
	if entry := n.denyIPs.find(ip); entry != "" && !local {
		return finding{n.level, deniedIP, entry, "is in the deny list"}, ""
	}
	if entry := n.denyPorts.find(port); entry != "" {
		return finding{n.level, deniedPort, entry, "has a denied port"}, ""
	}
	if local {
		return finding{}, passLoopback
	}
	return n.allowed(ip, port, learnt)
}

// allowed judges an address that isn't denied by the allow lists and by strict egress.
func (n *networkSection) allowed(ip netip.Addr, port uint16, learnt bool) (finding, string) {
	if n.strict && port == dotPort {
		return finding{n.level, deniedPort, strictEntry, "has the port of encrypted DNS, which strict egress closes"}, ""
	}
	if !n.open() && n.builtin.find(ip) != "" {
		return finding{}, passBuiltin
	}
	if len(n.allowPorts) > 0 && n.allowPorts.find(port) == "" {
		return finding{n.level, deniedPort, "whitelistOutboundPorts", "has a port that isn't in the allow list"}, ""
	}
	entry := n.allowIPs.find(ip)
	switch {
	case entry != "":
		return finding{}, entry
	case n.strict && learnt:
		return finding{}, passLearnt
	case n.strict:
		return finding{n.level, deniedIP, strictEntry, "came from no allowed DNS answer and isn't in the allow list"}, ""
	case len(n.allowIPs) > 0:
		return finding{n.level, deniedIP, "whitelistIPs", "isn't in the allow list"}, ""
	default:
		return finding{}, n.allowPorts.find(port)
	}
}

// open tells that no allow list limits connections.
func (n *networkSection) open() bool {
	return len(n.allowIPs) == 0 && len(n.allowPorts) == 0 && !n.strict
}

// listen judges a port to be listened on. Port 0 means any free one, which no list can name.
func (c *Compiled) listen(e *Event) (finding, string) {
	n, port := &c.network, e.Address.Port()
	if n.level == off {
		return finding{}, passOff
	}
	if port == 0 {
		return finding{}, passNothing
	}
	if entry := n.denyListen.find(port); entry != "" {
		return finding{n.level, deniedListening, entry, "is a denied port"}, ""
	}
	entry := n.allowListen.find(port)
	if entry == "" && len(n.allowListen) > 0 {
		return finding{n.level, deniedListening, "whitelistListeningPorts", "is a port that isn't in the allow list"}, ""
	}
	return finding{}, entry
}

// networks is a list of networks with the labels of their entries.
type networks []labelledNetwork

type labelledNetwork struct {
	prefix netip.Prefix
	label  string
}

func (k *compiler) networks(path, list string, entries []string) networks {
	var all networks
	for i, e := range entries {
		prefix, ok := parseNetwork(e)
		if !ok {
			k.fail(path, i, "give an address, such as 192.0.2.1, or a network, such as 192.0.2.0/24 or 2001:db8::/32", "%q isn't an IP address or network", e)
			continue
		}
		all = append(all, labelledNetwork{prefix, label(list, i)})
	}
	return all
}

// parseNetwork reads an address or a network. IPv4 addresses mapped into IPv6 are IPv4.
func parseNetwork(s string) (netip.Prefix, bool) {
	s = strings.TrimSpace(s)
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	const mapped = 96
	if p.Addr().Is4In6() {
		if p.Bits() < mapped {
			return netip.Prefix{}, false
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mapped)
	}
	return p.Masked(), true
}

// find returns the label of the first network that holds an address.
func (n networks) find(ip netip.Addr) string {
	for i := range n {
		if n[i].prefix.Contains(ip) {
			return n[i].label
		}
	}
	return ""
}

func (n networks) prefixes() []netip.Prefix {
	all := make([]netip.Prefix, len(n))
	for i := range n {
		all[i] = n[i].prefix
	}
	return all
}

// portRanges is a list of ports with the labels of their entries.
type portRanges []labelledPorts

type labelledPorts struct {
	Ports
	label string
}

// portLists compiles an allow list and a deny list. An entry of the allow list that says deny belongs to the other.
func (k *compiler) portLists(suffix string, allow, deny []PortRange) (portRanges, portRanges) {
	var allowed, denied portRanges
	add := func(list string, i int, r PortRange, denies bool) {
		if r.Start < 0 || r.End > 65535 || r.End < r.Start {
			k.fail("network."+list, i, "ports are 0 to 65535, the first not after the last", "%d to %d isn't a range of ports", r.Start, r.End)
			return
		}
		ports := labelledPorts{Ports{uint16(r.Start), uint16(r.End)}, label(list, i)} //nolint:gosec // checked above
		if denies {
			denied = append(denied, ports)
			return
		}
		allowed = append(allowed, ports)
	}
	for i, r := range deny {
		add("blacklist"+suffix, i, r, true)
	}
	for i, r := range allow {
		add("whitelist"+suffix, i, r, r.Deny)
	}
	return allowed, denied
}

// find returns the label of the first range that holds a port.
func (r portRanges) find(port uint16) string {
	for i := range r {
		if r[i].First <= port && port <= r[i].Last {
			return r[i].label
		}
	}
	return ""
}

func (r portRanges) ports() []Ports {
	all := make([]Ports, len(r))
	for i := range r {
		all[i] = r[i].Ports
	}
	return all
}
