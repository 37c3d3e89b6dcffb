//go:build waasbootstrap

package rules

// The generator is built with empty tables, so that it runs even when those in rules_gen.go no longer fit the types.

// Groups is the number of literal groups.
const Groups = 0

const scannerStart = 0

//nolint:gochecknoglobals // stands in for the generated tables
var (
	table    = []Rule{}
	nodes    = []Node{{End: 1}}
	programs = [...]uint32{0, 0}
)
