package autodefend

// Tier is a way in which the Defender enforces a policy.
type Tier string

// The tiers, strongest first.
const (
	// TierKernel: seccomp user notification.
	TierKernel Tier = "kernel"
	// TierPreload: a library inside every process of the function.
	TierPreload Tier = "preload"
	// TierWatch: looking at /proc while invocations run.
	TierWatch Tier = "watch"
)

// Coverage says how well a section of a rule is held in a function.
type Coverage string

// The coverages, best first.
const (
	// Enforced: before the act.
	Enforced Coverage = "enforced"
	// Detected: after the act, which is then ended.
	Detected Coverage = "detected"
	// Seen: an audit is written and nothing is ended.
	Seen Coverage = "seen"
	// NotCovered: nobody looks.
	NotCovered Coverage = "none"
)
