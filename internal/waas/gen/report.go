package main

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/autodefend/autodefend/internal/waas/rules"
)

// report prints how many rules there are of each family and level, what was left out, and how large it all is.
func (r *result) report(out io.Writer) {
	type count struct{ normal, core, strict int }
	counts := map[int]count{}
	for i := range r.table.rules {
		rule := &r.table.rules[i]
		n := counts[rule.ID/1000]
		switch rule.Level {
		case rules.Strict:
			n.strict++
		case rules.Core:
			n.core++
		default:
			n.normal++
		}
		counts[rule.ID/1000] = n
	}
	fmt.Fprintf(out, "%-8s %8s %8s %8s\n", "family", "default", "crs", "strict")
	var total count
	for _, family := range slices.Sorted(maps.Keys(counts)) {
		n := counts[family]
		fmt.Fprintf(out, "%-8d %8d %8d %8d\n", family, n.normal, n.core, n.strict)
		total.normal += n.normal
		total.core += n.core
		total.strict += n.strict
	}
	fmt.Fprintf(out, "%-8s %8d %8d %8d\n\n", "all", total.normal, total.core, total.strict)
	for _, s := range r.skipped {
		fmt.Fprintf(out, "left out: %d (level %d): %s\n", s.id, s.level, s.reason)
	}
	literals := 0
	for _, group := range r.table.groups {
		literals += len(group)
	}
	fmt.Fprintf(out, "\n%d programs of %d bytes, %d literals in %d groups, scanner of %d bytes, %d chains, source of %d bytes\n",
		len(r.table.programs), len(r.blob)-len(r.table.scanner), literals, len(r.table.groups), len(r.table.scanner),
		len(r.table.nodes), len(r.source))
}
