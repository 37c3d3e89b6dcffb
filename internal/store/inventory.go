package store

import (
	"context"
	"database/sql"

	"github.com/autodefend/autodefend/internal/api"
)

// ReplaceFunctions makes the functions of one account and region these. The caller leaves them as they are.
func (s *Store) ReplaceFunctions(ctx context.Context, account, region string, functions []api.FunctionRecord) error {
	return s.writer.do(ctx, "store the functions of a region", len(functions), func(ctx context.Context, tx *tx) error {
		if _, err := tx.exec(ctx, "DELETE FROM functions WHERE account = ? AND region = ?", text(account), text(region)); err != nil {
			return err
		}
		rows := make([][]any, len(functions))
		for i := range functions {
			f := &functions[i]
			rows[i] = []any{
				text(f.ARN), text(account), text(region), text(f.Name), text(f.Runtime), text(f.Architecture), number(f.Defended),
				text(f.Decision), text(f.Rule), f.Modified.UnixMilli(), f.Seen.UnixMilli(), blob(f.Body),
			}
		}
		return s.dialect.execMany(ctx, tx, `INSERT INTO functions (arn, account, region, name, runtime, architecture, defended, decision, rule, modified, seen, body)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (arn) DO UPDATE SET account = excluded.account, region = excluded.region, name = excluded.name, runtime = excluded.runtime,
				architecture = excluded.architecture, defended = excluded.defended, decision = excluded.decision, rule = excluded.rule,
				modified = excluded.modified, seen = excluded.seen, body = excluded.body`, rows)
	})
}

// blob is what a column that is never NULL can keep.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Functions returns a page of functions, by ARN unless the page says otherwise, and how many there are.
func (s *Store) Functions(ctx context.Context, q api.FunctionQuery) ([]api.FunctionRecord, int, error) {
	l := list{
		table: "functions", columns: "arn, account, region, name, runtime, architecture, defended, decision, rule, modified, seen, body",
		page: q.Page, order: "arn", reversed: "arn DESC",
		sorts: map[string]string{
			"arn": "arn", "_id": "arn", "account": "account", "accountID": "account", "region": "region", "name": "name", "runtime": "runtime",
			"architecture": "architecture", "defended": "defended", "decision": "decision", "rule": "rule",
			"modified": "modified", "lastModified": "modified", "seen": "seen", "scanTime": "seen",
		},
	}
	l.in("arn", q.IDs)
	l.in("account", q.Accounts)
	l.in("region", q.Regions)
	l.in("name", q.Names)
	l.in("runtime", q.Runtimes)
	l.in("architecture", q.Architectures)
	l.in("decision", q.Decisions)
	l.in("rule", q.Rules)
	l.bool("defended", q.Defended)
	l.search(q.Search, "name", "arn", "runtime", "decision", "rule")
	l.scopes(s.dialect, q.Scopes, "account", "name", "region")
	var all []api.FunctionRecord
	total, err := l.read(ctx, s, "read functions", func(rows *sql.Rows) error {
		var f api.FunctionRecord
		var defended, modified, seen int64
		err := rows.Scan(&f.ARN, &f.Account, &f.Region, &f.Name, &f.Runtime, &f.Architecture, &defended, &f.Decision, &f.Rule, &modified, &seen, &f.Body)
		f.Defended, f.Modified, f.Seen = defended != 0, at(modified), at(seen)
		all = append(all, f)
		return err
	})
	return all, total, err
}

// Coverage counts the functions by account, region, decision and whether they are defended, in that order.
func (s *Store) Coverage(ctx context.Context) ([]api.Coverage, error) {
	var all []api.Coverage
	_, err := s.each(ctx, s.db, "SELECT account, region, decision, defended, count(*) FROM functions GROUP BY account, region, decision, defended ORDER BY 1, 2, 3, 4", nil,
		func(rows *sql.Rows) error {
			var c api.Coverage
			var defended int64
			err := rows.Scan(&c.Account, &c.Region, &c.Decision, &defended, &c.Count)
			c.Defended = defended != 0
			all = append(all, c)
			return err
		})
	return all, failure("count functions", s.dialect, err)
}
