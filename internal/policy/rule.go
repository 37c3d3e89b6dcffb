package policy

import (
	"github.com/autodefend/autodefend"
)

// Policy is Prisma's runtime.ServerlessPolicy: rules in order of priority.
type Policy struct {
	kept

	ID               string // "serverlessRuntime"
	LearningDisabled bool
	Rules            []Rule
}

// Rule is Prisma's runtime.ServerlessPolicyRule. Members that mean nothing for a function are kept as they were.
type Rule struct {
	kept

	Name         string // unique in the policy
	PreviousName string // only when written to a Console, to rename
	Notes        string
	Owner        string // set by the Console
	Modified     string // set by the Console, RFC 3339
	Disabled     bool
	// AdvancedProtection adds the entries of [BuiltinAllowed] to allow lists.
	AdvancedProtection bool
	// Collections are the rule's scope: one of them must match. None means every function.
	Collections []Collection
	CustomRules []CustomRule
	Processes   Processes
	Network     Network
	DNS         DNS
	Filesystem  Filesystem
	// Own are our additions, which Prisma's clients carry along without reading.
	Own Extension
}

// Processes is Prisma's runtime.ProcessesRule. An entry of a list is the name of a program or its absolute path.
type Processes struct {
	kept

	Effect autodefend.Effect
	Allow  []string // "whitelist": when not empty, everything else is denied
	Deny   []string // "blacklist"
	// MainOnly, "blockAllBinaries", denies every program but the function's runtime and what is allowed.
	MainOnly bool
	// Miners, "checkCryptoMiners", denies what looks like a crypto miner, unless it's allowed.
	Miners bool
}

// Network is Prisma's runtime.NetworkRule. An address is an IP address or a network in CIDR notation.
type Network struct {
	kept

	Effect      autodefend.Effect
	AllowIPs    []string    // "whitelistIPs"
	DenyIPs     []string    // "blacklistIPs"
	AllowPorts  []PortRange // "whitelistOutboundPorts"
	DenyPorts   []PortRange // "blacklistOutboundPorts"
	AllowListen []PortRange // "whitelistListeningPorts"
	DenyListen  []PortRange // "blacklistListeningPorts"
}

// PortRange is Prisma's common.PortRange: the ports Start to End, both included. Deny in an allow list makes the
// range a denied one.
type PortRange struct {
	kept

	Start, End int
	Deny       bool
}

// DNS is Prisma's runtime.DNSRule. An entry is a name, which may hold wildcards.
type DNS struct {
	kept

	Effect autodefend.Effect
	Allow  []string // "whitelist"
	Deny   []string // "blacklist"
}

// Filesystem is Prisma's runtime.FilesystemRule. An entry is an absolute path and means all that is below it too.
type Filesystem struct {
	kept

	Effect autodefend.Effect
	Allow  []string // "whitelist"
	Deny   []string // "blacklist"
}

// CustomRule is Prisma's customrules.Ref. The Defender doesn't enforce custom rules yet and says so at its start.
type CustomRule struct {
	kept

	ID     int
	Action string
	Effect string
}

// NewRule returns what a new rule is: for all functions, denying every program but the function's runtime, programs
// without a file and crypto miners.
func NewRule(name string) Rule {
	return Rule{
		Name:               name,
		AdvancedProtection: true,
		Collections:        []Collection{AllFunctions()},
		Processes:          Processes{Effect: autodefend.Prevent, MainOnly: true, Miners: true},
		Network:            Network{Effect: autodefend.Disable},
		DNS:                DNS{Effect: autodefend.Disable},
		Filesystem:         Filesystem{Effect: autodefend.Disable},
		Own:                Extension{Fileless: autodefend.Prevent},
	}
}

func (p *Policy) walk(f *fields) {
	f.text("_id", &p.ID)
	f.flag("learningDisabled", &p.LearningDisabled)
	list(f, "rules", &p.Rules)
}

func (r *Rule) walk(f *fields) {
	f.text("name", &r.Name)
	if !f.terse {
		f.text("previousName", &r.PreviousName)
		f.text("notes", &r.Notes)
		f.text("owner", &r.Owner)
		f.text("modified", &r.Modified)
		list(f, "collections", &r.Collections)
	}
	f.flag("disabled", &r.Disabled)
	f.flag("advancedProtection", &r.AdvancedProtection)
	list(f, "customRules", &r.CustomRules)
	f.object("processes", &r.Processes)
	f.object("network", &r.Network)
	f.object("dns", &r.DNS)
	f.object("filesystem", &r.Filesystem)
	f.object("autodefend", &r.Own)
}

func (p *Processes) walk(f *fields) {
	f.effect("effect", &p.Effect)
	f.texts("whitelist", &p.Allow)
	f.texts("blacklist", &p.Deny)
	f.flag("blockAllBinaries", &p.MainOnly)
	f.flag("checkCryptoMiners", &p.Miners)
}

func (n *Network) walk(f *fields) {
	f.effect("effect", &n.Effect)
	f.texts("whitelistIPs", &n.AllowIPs)
	f.texts("blacklistIPs", &n.DenyIPs)
	list(f, "whitelistOutboundPorts", &n.AllowPorts)
	list(f, "blacklistOutboundPorts", &n.DenyPorts)
	list(f, "whitelistListeningPorts", &n.AllowListen)
	list(f, "blacklistListeningPorts", &n.DenyListen)
}

func (r *PortRange) walk(f *fields) {
	f.number("start", &r.Start)
	f.number("end", &r.End)
	f.flag("deny", &r.Deny)
}

func (d *DNS) walk(f *fields) {
	f.effect("effect", &d.Effect)
	f.texts("whitelist", &d.Allow)
	f.texts("blacklist", &d.Deny)
}

func (s *Filesystem) walk(f *fields) {
	f.effect("effect", &s.Effect)
	f.texts("whitelist", &s.Allow)
	f.texts("blacklist", &s.Deny)
}

func (c *CustomRule) walk(f *fields) {
	f.number("_id", &c.ID)
	f.text("action", &c.Action)
	f.text("effect", &c.Effect)
}
