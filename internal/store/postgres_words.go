package store

import "database/sql"

func (postgres) now() string { return "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)" }

func (postgres) skipLocked() string { return " FOR UPDATE SKIP LOCKED" }

func (postgres) noLimit() string { return "" }

func (postgres) sizeSQL() string { return "SELECT pg_total_relation_size('audits')" }

func (postgres) readOnly() *sql.TxOptions {
	return &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
}

// in names the values themselves, so that the planner knows how many there are.
func (postgres) in(column string) string { return column + " = ANY(?::bigint[])" }

func (postgres) setTable(alias string) string { return "unnest(?::bigint[]) AS " + alias + "(value)" }

func (postgres) setOf(numbers []int64) any {
	if numbers == nil {
		return []int64{}
	}
	return numbers
}

func (postgres) textTable(alias string) string { return "unnest(?::text[]) AS " + alias + "(value)" }

func (postgres) textsOf(texts []string) any { return texts }

// by leaves the index to the planner.
func (postgres) by(table, _ string, alias ...string) string {
	for _, a := range alias {
		table += " AS " + a
	}
	return table
}

// crossJoin leaves the order to the planner; the condition needs a JOIN.
func (postgres) crossJoin() string { return " JOIN" }

func (postgres) unindexed(column string) string { return "(" + column + " + 0)" }

func (postgres) hasBytes(column string) string {
	return "position(CAST(? AS bytea) IN " + column + ") > 0"
}
