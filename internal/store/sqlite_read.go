package store

import "database/sql"

func (sqlite) readOnly() *sql.TxOptions { return nil }

// crossJoin keeps SQLite from changing the order of the tables.
func (sqlite) crossJoin() string { return " CROSS JOIN" }

func (sqlite) unindexed(column string) string { return "+" + column }
