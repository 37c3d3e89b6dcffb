// Package store keeps what the Console must not forget, in SQLite on one machine or in PostgreSQL for several replicas.
// [Open] chooses by the address. Both implement the interfaces of internal/console and pass the same tests; where the two
// differ, a [dialect] says how, and everything else is shared.
//
// Writes of one process go through one writer, which puts all that waits into one transaction and answers only after its
// commit: what was acknowledged is on the disk, and many small writes cost one fsync. A write that fails fails alone.
//
// Audits are normalized: what an audit shares with others (its function, its rule) is a row of a small table that is also
// held in memory, so that a filter becomes a set of numbers before the large table is touched. Counts by hour and day are
// kept in the same transaction as the audits. Times have milliseconds.
package store
