package policy

import "github.com/autodefend/autodefend"

// Decision is the engine's answer to one event.
type Decision struct {
	// Deny: the act must not happen; when it already did, it must be ended.
	Deny bool
	// End: the running invocation must end too (effect block).
	End bool
	// Audit: somebody must be told; the fields below are then set.
	Audit bool

	Effect   autodefend.Effect
	Type     autodefend.AuditType
	Attack   autodefend.AttackType
	Severity autodefend.Severity
	// Techniques are values of Prisma's mitre.Technique.
	Techniques []string
	// Rule, Section and Entry name what decided, also for an act that is allowed: "processes", "blacklist[2]".
	Rule    string
	Section string
	Entry   string
	// Why is one sentence for people.
	Why string
	// Message is the audit's text, in the documents' words.
	Message string
}

// Judge decides events and records the audits. It is safe for concurrent use, answers without blocking on the network,
// and is how every tier asks.
type Judge func(Event) Decision
