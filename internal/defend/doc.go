// Package defend is the life of the Defender in a function: it holds the policy, answers the tiers' questions, writes
// the audits and keeps the policy fresh.
//
// A tier asks [Defender.Judge]. The Defender adds to the event what it knows of the function (which program is the
// function's own runtime, which addresses were learnt from DNS answers, who may speak to the Runtime API), asks the
// policy engine and records the audit. An audit is written to the function's log before the answer is given: what the
// log has can't be lost. To a Console it goes later, in batches.
//
// Nothing here runs by a clock of its own, because the sandbox freezes between invocations. The Runtime API's proxy
// calls [Defender.Next], [Defender.Invoked] and [Defender.Responded], and the wrapper [Defender.Shutdown].
//
// The files: judge.go is the way of an event; mainprocess.go, learnt.go and invocations.go are the facts; audit.go,
// scrub.go, repeats.go and aggregate.go make audits of decisions; line.go and outbox.go are where they go, and link.go by
// which way, which changes when a policy has another token or address of the Console; refresh.go replaces the policy;
// coverage.go and startline.go say what is held, and by which tier.
package defend
