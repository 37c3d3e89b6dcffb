package rules

//go:generate go run -tags waasbootstrap ../gen

import (
	_ "embed" // the automata are one embedded string
)

// automata holds all programs and the scanner, one behind the other; the generated table says where each starts.
//
//go:embed automata.bin
var automata string

// Program returns the compiled expression with this number (Condition.Program, Target.Program) for match.Program.
func Program(n int16) string { return automata[programs[n]:programs[n+1]] }

// Programs returns the highest number of a compiled expression.
func Programs() int { return len(programs) - 2 }

// Literals returns the scanner of all literals, for match.Scanner. Its sets are the groups of Condition.Needs, numbered
// from 0 to Groups-1.
func Literals() string { return automata[scannerStart:] }
