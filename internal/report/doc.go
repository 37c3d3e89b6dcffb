// Package report renders what the Auto-Defender found and did: plans, the
// receipts of runs, coverage and explanations, for people (table, markdown,
// html) and for machines (json, yaml, csv, sarif).
//
// It's pure: a report follows from its arguments alone, so the same plan gives
// the same bytes. Three rules hold in every format. A partial result says so
// before anything else. Foreign text (tags, AWS's messages, names in a plan
// file) can't control a terminal, a page or a spreadsheet. Values of
// customers' variables appear nowhere, because the values that are reported
// don't hold them.
package report
