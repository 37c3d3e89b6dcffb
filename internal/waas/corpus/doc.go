// Package corpus judges the firewall from outside, with lists of its own: attacks in the encodings and triggers in
// which an application meets them, and ordinary events of realistic APIs.
//
// The attacks are one string a line in testdata/attacks, grouped by technique, platform and source. Each is carried by
// many (encoding, trigger) pairs; a carrier is used only where the application, after undoing it, reads the attack
// unchanged. The ordinary events are made by seeded generators from phrases, snippets and log lines in testdata/benign.
// Nothing here is copied from a rule set or from its tests, and rules are never written for a string found here.
//
// The scores are TestScoreAttacks and TestScoreBenign; with -v they list every miss and every alarm, and lines that start
// with "figure:". By default a third of the attacks' events is scored, with -args -every=1 all of them.
//
// All events can be written to a file, to be run through the command line:
//
//	go test ./internal/waas/corpus -run TestWrite -args -out=events.jsonl
//	autodefend waas test --event events.jsonl -o json
//
// events.jsonl holds one event a line. Beside it, events.jsonl.labels holds the label, technique (or category),
// encoding, trigger and source of each, in the same order.
package corpus
