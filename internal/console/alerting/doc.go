// Package alerting tells people and machines of audits, by the channels of alert profiles.
//
// Nothing is lost on the way, and what an audit says reaches a receiver although it's down for hours. One replica at a
// time, the one that has the lease, goes through the stored audits in the order of their sequence numbers. For each
// channel of each profile that asks for an audit it puts a delivery into the outbox, with an id that follows from the
// profile, the channel and the audit, and then writes down how far it came: who dies between the two does it again, and
// the ids make that harmless. Deliveries are sent until they arrive, ever more rarely, and end in the list of dead
// letters when they don't.
//
// A receiver may get an alert twice, when a replica dies after sending it and before writing that down. Alerts carry
// the ids of their audits for that.
package alerting
