package main

import "fmt"

// place is where in the rules something stands.
type place struct {
	file string
	line int
	rule int // 0 outside a rule
}

// errorf returns an error that names the place.
func (p place) errorf(format string, args ...any) error {
	if p.rule == 0 {
		return fmt.Errorf("%s:%d: %w", p.file, p.line, fmt.Errorf(format, args...))
	}
	return fmt.Errorf("%s:%d: rule %d: %w", p.file, p.line, p.rule, fmt.Errorf(format, args...))
}
