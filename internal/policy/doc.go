// Package policy is the engine that decides what a function may do: which rule of a policy holds for it, and whether
// one act of one of its processes is allowed.
//
// A policy is read from Prisma Cloud Compute's JSON ([Parse]), the rule for a function is found ([Policy.Resolve]),
// compiled once ([Compile]) and then asked for every act ([Compiled.Decide]). An [Envelope] carries the rule to the
// function in a variable, signed.
//
// Everything here is pure: no clock, no files, no network, nothing remembered between calls.
//
// The files: rule.go, collection.go and extension.go are the JSON, written once for both directions with fields.go;
// check.go finds mistakes; resolve.go and scope.go match functions; compile.go prepares a rule; decide.go and one file
// for each kind of act decide; message.go has the audits' words; sections.go tells the tiers what they can settle by
// themselves; envelope.go, seal.go and summary.go make TW_POLICY.
package policy
