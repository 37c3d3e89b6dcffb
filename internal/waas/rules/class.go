package rules

// Class is the kind of attack that a rule detects.
type Class uint8

// The classes, in the order of importance for a report.
const (
	SQLi Class = iota
	XSS
	CMDi
	CodeInjection
	LFI
	AttackTools
	Shellshock
	MalformedRequest

	// Classes is their number.
	Classes = iota
)

// String returns the name that policies and audits use.
func (c Class) String() string {
	names := [Classes]string{"sqli", "xss", "cmdi", "codeInjection", "lfi", "attackTools", "shellshock", "malformedRequest"}
	if int(c) >= len(names) {
		return "unknown"
	}
	return names[c]
}

// Severity is how bad the authors of a rule think a hit is.
type Severity uint8

// The severities of the Core Rule Set.
const (
	Notice Severity = iota
	Warning
	Error
	Critical
)

// String returns the severity's name in lower case.
func (s Severity) String() string {
	names := [...]string{"notice", "warning", "error", "critical"}
	if int(s) >= len(names) {
		return "unknown"
	}
	return names[s]
}
