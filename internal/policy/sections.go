package policy

import (
	"net/netip"
	"slices"

	"github.com/autodefend/autodefend"
)

// Sections are a rule's effective lists, from which a tier knows what it can let pass without asking. They only say
// what may need a decision: an act that they don't rule out is judged by [Compiled.Decide].
type Sections struct {
	Processes ProcessSection
	Network   NetworkSection
	DNS       DNSSection
	Files     FileSection
	// Tamper is the effect on acts against the Defender.
	Tamper autodefend.Effect
}

// Off tells that no section has to be looked at.
func (s Sections) Off() bool {
	for _, e := range []autodefend.Effect{s.Processes.Effect, s.Network.Effect, s.DNS.Effect, s.Files.Effect} {
		if levelOf(e) > off {
			return false
		}
	}
	return true
}

// ProcessSection says about starts of programs: when Effect is on, every start must be asked about.
type ProcessSection struct {
	// Effect is the strongest that a start of a program can meet.
	Effect      autodefend.Effect
	Allow, Deny []string
	MainOnly    bool
	Miners      bool
	// Own rules.
	Fileless, TmpExecutables, Opaque autodefend.Effect
}

// NetworkSection says about connections and listening ports. Addresses of the function itself go by ports alone.
type NetworkSection struct {
	// Effect is the strongest that a connection or a listening port can meet.
	Effect                  autodefend.Effect
	AllowNets, DenyNets     []netip.Prefix
	AllowPorts, DenyPorts   []Ports
	AllowListen, DenyListen []Ports
	// Strict: only addresses that were learnt from DNS answers are allowed, so every connection must be asked about.
	Strict bool
}

// Ports are the ports First to Last, both included.
type Ports struct{ First, Last uint16 }

// DNSSection says about names. Patterns hold at most one star.
type DNSSection struct {
	// Effect is the strongest that a question can meet.
	Effect      autodefend.Effect
	Allow, Deny []string
}

// FileSection says about files: paths mean all that is below them too, and the root is the empty string. What a
// runtime needs is in the allow lists. An allow list that is empty allows everything.
type FileSection struct {
	Effect                autodefend.Effect
	AllowRead, AllowWrite []string
	DenyRead, DenyWrite   []string
}

// tierSections makes what the tiers are told.
func (c *Compiled) tierSections() Sections {
	return Sections{
		Processes: c.processSection(),
		Network:   c.networkSection(),
		DNS:       c.dnsSection(),
		Files:     c.fileSection(),
		Tamper:    c.tamper.effect(),
	}
}

func (c *Compiled) processSection() ProcessSection {
	p := &c.processes
	return ProcessSection{
		Effect:         max(p.level, p.fileless, p.tmp, p.opaque).effect(),
		Allow:          slices.Concat(p.allow.list(), p.helpers.list()),
		Deny:           p.deny.list(),
		MainOnly:       p.mainOnly && p.level > off,
		Miners:         c.miners != nil,
		Fileless:       p.fileless.effect(),
		TmpExecutables: p.tmp.effect(),
		Opaque:         p.opaque.effect(),
	}
}

func (c *Compiled) networkSection() NetworkSection {
	n := &c.network
	s := NetworkSection{Effect: n.level.effect()}
	if n.level > off {
		s.AllowNets, s.DenyNets = n.allowIPs.prefixes(), n.denyIPs.prefixes()
		s.AllowPorts, s.DenyPorts = n.allowPorts.ports(), n.denyPorts.ports()
		s.AllowListen, s.DenyListen = n.allowListen.ports(), n.denyListen.ports()
		s.Strict = n.strict
		if len(s.AllowNets) > 0 {
			s.AllowNets = append(s.AllowNets, n.builtin.prefixes()...)
		}
	}
	if c.miners != nil {
		s.Effect = max(n.level, c.miners.level).effect()
		s.DenyPorts = append(s.DenyPorts, c.miners.ports.ports()...)
	}
	return s
}

func (c *Compiled) dnsSection() DNSSection {
	d := &c.dns
	s := DNSSection{Effect: d.level.effect()}
	if d.level > off {
		s.Allow, s.Deny = d.allow.patterns(), d.deny.patterns()
		if len(s.Allow) > 0 {
			s.Allow = append(s.Allow, d.builtin.patterns()...)
		}
	}
	if c.miners != nil {
		s.Effect = max(d.level, c.miners.level).effect()
		s.Deny = append(s.Deny, c.miners.pools.patterns()...)
	}
	return s
}

func (c *Compiled) fileSection() FileSection {
	f := &c.files
	s := FileSection{Effect: f.level.effect()}
	if f.level == off {
		return s
	}
	s.DenyRead = f.deny.list()
	s.DenyWrite = slices.Concat(s.DenyRead, f.readOnly.list())
	if len(f.allow) > 0 {
		s.AllowRead = slices.Concat(f.allow.list(), neededToRead())
		s.AllowWrite = slices.Concat(f.allow.list(), neededToWrite())
	}
	return s
}
