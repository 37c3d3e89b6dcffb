package policy

// finding is what one look at an event found: nothing when its level is off.
type finding struct {
	level level
	kind  kind
	entry string // what of the rule decided
	cause string // the end of a sentence whose subject is the act's object
}

// or keeps the stronger of two findings, the first of equals.
func (f finding) or(other finding) finding {
	if other.level > f.level {
		return other
	}
	return f
}

// Decide says what is to become of an act. It is pure, doesn't block, and doesn't allocate for an act that is allowed.
func (c *Compiled) Decide(e Event) Decision {
	var found finding
	var pass string // the entry that allows, when one does
	section := sectionOf(e.Kind)
	switch e.Kind {
	case Exec:
		found, pass = c.exec(&e)
	case Connect:
		found, pass = c.connect(&e)
	case Listen:
		found, pass = c.listen(&e)
	case Resolve:
		found, pass = c.resolve(&e)
	case Open:
		found, pass = c.open(&e)
	case Tamper:
		found = finding{c.tamper, hijacked, "autodefend.tamper", "reaches for the Defender"}
	default:
		return Decision{Rule: c.rule, Why: "allowed: this kind of act isn't judged"}
	}
	if found.level == off {
		return Decision{Rule: c.rule, Section: section, Entry: pass, Why: whyAllowed(pass)}
	}
	if entry := c.excepted(&e); entry != "" {
		return Decision{Rule: c.rule, Section: section, Entry: entry, Why: "allowed: the rule makes an exception"}
	}
	return c.decision(&e, found)
}

// decision turns a finding into what the tiers and the audit need.
func (c *Compiled) decision(e *Event, f finding) Decision {
	facts := f.kind.facts()
	return Decision{
		Deny:       f.level >= prevent,
		End:        f.level == block,
		Audit:      true,
		Effect:     f.level.effect(),
		Type:       facts.audit,
		Attack:     facts.attack,
		Severity:   facts.severity,
		Techniques: facts.techniques,
		Rule:       c.rule,
		Section:    facts.section,
		Entry:      f.entry,
		Why:        subject(e) + " " + f.cause,
		Message:    message(e, f.kind),
	}
}

// Names of sections in decisions: the members of a rule.
const (
	sectionProcesses  = "processes"
	sectionNetwork    = "network"
	sectionDNS        = "dns"
	sectionFilesystem = "filesystem"
	sectionOwn        = "autodefend"
)

// sectionOf returns the section that judges a kind of act.
func sectionOf(k Kind) string {
	switch k {
	case Exec:
		return sectionProcesses
	case Connect, Listen:
		return sectionNetwork
	case Resolve:
		return sectionDNS
	case Open:
		return sectionFilesystem
	default:
		return sectionOwn
	}
}

// Entries that allow and aren't elements of a list.
const (
	passOff      = "effect"
	passMain     = "main"
	passLoopback = "loopback"
	passLocal    = "localhost"
	passLearnt   = "learnt"
	passBuiltin  = "advancedProtection"
	passRuntime  = "runtime"
	passNothing  = ""
)

// whyAllowed is one sentence, ready made: allowed acts are frequent.
func whyAllowed(entry string) string {
	switch entry {
	case passNothing:
		return "allowed: nothing in the rule denies it"
	case passOff:
		return "allowed: the section is off"
	case passMain:
		return "allowed: it is the function's own runtime"
	case passLoopback:
		return "allowed: it stays in the function"
	case passLocal:
		return "allowed: the name needs no resolution"
	case passLearnt:
		return "allowed: the address came from an allowed DNS answer"
	case passBuiltin:
		return "allowed: advanced protection adds it to allow lists"
	case passRuntime:
		return "allowed: a runtime can't live without it"
	default:
		return "allowed: it is in the allow list"
	}
}
