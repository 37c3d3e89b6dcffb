// Package audits takes what Defenders report, and answers questions about it: audits of the runtime and of the firewall,
// incidents, management audits, statistics, the Defenders themselves, and audits live as they come.
//
// An audit is acknowledged when the store has it on the disk, and not before. Incidents are made of it later, by a reader
// that remembers how far it has come: a lease lets one replica read, the position is a document, and an audit that was
// read twice changes nothing. So no crash loses an incident or makes two of one; see [Service.Run]. Alerts are made the
// same way, elsewhere.
package audits
