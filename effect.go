package autodefend

// Effect says what happens when a rule's section matches. The values are those
// of Prisma's runtime.RuleEffect.
type Effect string

// The effects.
const (
	// Disable: the section is off.
	Disable Effect = "disable"
	// Alert: an audit is written and the act goes on.
	Alert Effect = "alert"
	// Prevent: the act is stopped and an audit is written.
	Prevent Effect = "prevent"
	// Block is Prevent, and the invocation ends.
	Block Effect = "block"
)

// Stops reports whether the effect keeps the act from happening.
func (e Effect) Stops() bool { return e == Prevent || e == Block }

// FailMode says what becomes of a function when the Defender itself fails.
type FailMode string

// The fail modes.
const (
	// FailOpen: the function goes on without protection and the log says so.
	FailOpen FailMode = "open"
	// FailClosed: the function does not start, or ends.
	FailClosed FailMode = "closed"
)
