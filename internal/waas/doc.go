// Package waas is the application firewall for invocation events: it says whether an event holds an attack before
// the function's handler sees it.
//
// An [Engine] decodes an event (package event), runs the rules (package rules) over its texts and weighs what it
// found with the policy. It is made for functions of 128 MB: nothing is built before the first event, an ordinary
// request costs about a millisecond, and one budget bounds the memory of all automata.
//
// The work goes text by text, not rule by rule. Each text goes once down the tree of transformation chains, where
// most steps change nothing; each distinct outcome is scanned once for the literals of all rules; and only the
// conditions whose literals occurred and whose targets fit the text's place are run at all. Chained conditions
// come last, when all texts have been seen.
package waas
