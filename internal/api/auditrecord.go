package api

import "time"

// Stream is which of the two streams of audits one belongs to.
type Stream string

// The streams.
const (
	StreamRuntime  Stream = "runtime"
	StreamFirewall Stream = "firewall"
)

// AuditRecord is an audit as it is stored: what it's found by, and the whole.
type AuditRecord struct {
	// ID is unique within the stream: an audit that comes again is stored once.
	ID     string
	Stream Stream
	// Sequence is the store's: it grows with each audit stored. Zero on writing.
	Sequence int64
	// Time is the Defender's clock, set right where it can't be: never later than Received.
	Time     time.Time
	Received time.Time

	Account, Region, Function, FunctionID, Runtime, Provider string
	// Type is the runtime's processes, network or filesystem, or the firewall's attack type.
	Type       string
	AttackType string
	Effect     string
	Rule       string
	RequestID  string
	Severity   string
	Msg        string
	// Techniques are MITRE's, joined by commas, with a comma before and after.
	Techniques string
	// Count is how many events the audit stands for, at least 1.
	Count int
	// Body is the audit as JSON, as it is returned.
	Body []byte
}

// Page says which part of a list is wanted.
type Page struct {
	Offset, Limit int
	Sort          string // a field's name; "" is the list's own order
	Reverse       bool
}

// AuditQuery asks for audits of one stream. All conditions must hold; of the values of one, any.
type AuditQuery struct {
	Stream Stream
	Page   Page
	// From and To bound Time, both inclusive; zero is open.
	From, To time.Time
	// After and Before bound Sequence, both exclusive; 0 is open. With one of them the order is that of Sequence, not of Time.
	After, Before int64

	IDs, Accounts, Regions, Functions, FunctionIDs, Runtimes []string
	Types, AttackTypes, Effects, Rules, RequestIDs           []string
	Severities, Techniques                                   []string
	// Msgs and Search are found anywhere in the message, without regard to case.
	Msgs   []string
	Search string
	// Body are equal members of the audit, by name, such as "method" or "urlPath".
	Body map[string][]string
	// Collections restricts to the functions in scope of any of these; nil doesn't restrict.
	Scopes []FunctionScope
}

// FunctionScope is what of a collection says which functions are in it. Patterns have a collection's wildcards.
type FunctionScope struct {
	Accounts, Functions, Regions []string
}

// AuditCount is how many audits a query finds.
type AuditCount struct {
	Total int
	// AtLeast says that the store stopped counting at Total.
	AtLeast bool
}

// Slice is Prisma's types.AuditTimeslice.
type Slice struct {
	Count int       `json:"count"`
	End   time.Time `json:"end"`
	Start time.Time `json:"start"`
}

// Tally is how many audits have one value of a column.
type Tally struct {
	Value string `json:"value"`
	Count int    `json:"count"`
}
