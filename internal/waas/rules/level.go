package rules

// Level is how much is suspected.
type Level uint8

// The levels; each has the rules of those before it.
const (
	// Default has rules that hardly ever object to ordinary requests: those of the Core Rule Set's first paranoia level,
	// some of them narrowed, and our own.
	Default Level = iota + 1
	// Core has the first paranoia level as it is.
	Core
	// Strict adds the second.
	Strict
)
