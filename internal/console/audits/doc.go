// Package audits takes what Defenders report, and answers questions about it: audits of the runtime and of the firewall,
// incidents, management audits, statistics, the Defenders themselves, and audits live as they come.
//
// An audit is acknowledged when the store has it on the disk, and not before. What follows from it happens later, by
// readers that remember how far they have come: a lease lets one replica read, the position is a document, and an audit
// that was read twice changes nothing. So incidents and alerts outlive a crash; see [Service.Run].
package audits
