package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// Heard stores when functions were last heard of. What a record leaves empty stays as it was, and so does everything when
// the function was heard of later.
func (s *Store) Heard(ctx context.Context, defenders []api.DefenderRecord) error {
	if len(defenders) == 0 {
		return nil
	}
	return s.writer.do(ctx, "store defenders", len(defenders), func(ctx context.Context, tx *tx) error {
		rows := make([][]any, len(defenders))
		for i := range defenders {
			d := &defenders[i]
			first := d.FirstSeen
			if first.IsZero() {
				first = d.LastSeen
			}
			rows[i] = []any{
				text(d.FunctionID), text(d.Account), text(d.Region), text(d.Function), text(d.Runtime), text(d.Version), text(d.PolicyETag),
				first.UnixMilli(), d.LastSeen.UnixMilli(),
			}
		}
		return s.dialect.execMany(ctx, tx, heardSQL(), rows)
	})
}

// heardSQL replaces what is newer and not empty.
func heardSQL() string {
	set := ""
	for _, column := range []string{"account", "region", "function", "runtime", "version", "policy_etag"} {
		set += column + " = CASE WHEN excluded." + column + " <> '' AND excluded.last_seen >= defenders.last_seen THEN excluded." + column +
			" ELSE defenders." + column + " END, "
	}
	return `INSERT INTO defenders (function_id, account, region, function, runtime, version, policy_etag, first_seen, last_seen)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (function_id) DO UPDATE SET ` + set + `
			first_seen = CASE WHEN excluded.first_seen < defenders.first_seen THEN excluded.first_seen ELSE defenders.first_seen END,
			last_seen = CASE WHEN excluded.last_seen > defenders.last_seen THEN excluded.last_seen ELSE defenders.last_seen END`
}

// Defenders returns a page, by function id unless the page says otherwise, and how many there are.
func (s *Store) Defenders(ctx context.Context, q api.DefenderQuery) ([]api.DefenderRecord, int, error) {
	l := list{
		table: "defenders", columns: "function_id, account, region, function, runtime, version, policy_etag, first_seen, last_seen",
		page: q.Page, order: "function_id", reversed: "function_id DESC",
		sorts: map[string]string{
			"functionID": "function_id", "hostname": "function_id", "account": "account", "accountID": "account", "region": "region",
			"function": "function", "runtime": "runtime", "version": "version", "firstSeen": "first_seen", "lastSeen": "last_seen",
			"lastModified": "last_seen", "connected": "last_seen",
		},
	}
	l.in("function_id", q.IDs)
	l.in("function", q.Functions)
	l.in("region", q.Regions)
	l.in("account", q.Accounts)
	l.in("runtime", q.Runtimes)
	l.in("version", q.Versions)
	if !q.SeenSince.IsZero() {
		l.add("last_seen >= ?", q.SeenSince.UnixMilli())
	}
	if !q.NotSeenSince.IsZero() {
		l.add("last_seen < ?", q.NotSeenSince.UnixMilli())
	}
	l.search(q.Search, "function_id", "function", "version", "runtime")
	l.scopes(s.dialect, q.Scopes, "account", "function", "region")
	var all []api.DefenderRecord
	total, err := l.read(ctx, s, "read defenders", func(rows *sql.Rows) error {
		var d api.DefenderRecord
		var first, last int64
		err := rows.Scan(&d.FunctionID, &d.Account, &d.Region, &d.Function, &d.Runtime, &d.Version, &d.PolicyETag, &first, &last)
		d.FirstSeen, d.LastSeen = at(first), at(last)
		all = append(all, d)
		return err
	})
	return all, total, err
}

// ForgetDefender removes what is known of a function's Defenders.
func (s *Store) ForgetDefender(ctx context.Context, functionID string) error {
	return s.writer.do(ctx, "forget a defender", 1, func(ctx context.Context, tx *tx) error {
		n, err := tx.exec(ctx, "DELETE FROM defenders WHERE function_id = ?", text(functionID))
		if err == nil && n == 0 {
			return autodefend.Errorf(autodefend.CodeNotFound, "no Defender of %q was ever heard of", functionID)
		}
		return err
	})
}

// CountDefenders returns how many were heard of since a time, and all.
func (s *Store) CountDefenders(ctx context.Context, seenSince time.Time) (int, int, error) {
	var seen, all int
	err := s.db.QueryRowContext(ctx, s.dialect.sql("SELECT count(CASE WHEN last_seen >= ? THEN 1 END), count(*) FROM defenders"), seenSince.UnixMilli()).Scan(&seen, &all)
	return seen, all, failure("count defenders", s.dialect, err)
}
