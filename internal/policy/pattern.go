package policy

import (
	"fmt"
	"regexp"
	resyntax "regexp/syntax"
)

// The limits of patterns, which run inside customers' functions.
const (
	// MaxPatternBytes bounds a pattern's text.
	MaxPatternBytes = 1024
	// MaxPatternSize bounds a pattern's program, in instructions: repetitions multiply.
	MaxPatternSize = 2000
)

// CompilePattern compiles a pattern in RE2's language within the limits. The error is a sentence without the pattern.
func CompilePattern(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > MaxPatternBytes {
		return nil, fmt.Errorf("the pattern has %d bytes, and may have %d", len(pattern), MaxPatternBytes)
	}
	parsed, err := resyntax.Parse(pattern, resyntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("the pattern isn't RE2: %w", err)
	}
	program, err := resyntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, fmt.Errorf("the pattern isn't RE2: %w", err)
	}
	if n := len(program.Inst); n > MaxPatternSize {
		return nil, fmt.Errorf("the pattern's program has %d instructions, and may have %d", n, MaxPatternSize)
	}
	return regexp.Compile(pattern)
}
