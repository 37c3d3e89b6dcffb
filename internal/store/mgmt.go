package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/autodefend/autodefend/internal/api"
)

// AddMgmt stores a management audit that belongs to no document.
func (s *Store) AddMgmt(ctx context.Context, audit api.MgmtAudit) error {
	return s.writer.do(ctx, "store a management audit", 1, func(ctx context.Context, tx *tx) error {
		return addMgmt(ctx, tx, audit)
	})
}

func addMgmt(ctx context.Context, tx *tx, a api.MgmtAudit) error {
	_, err := tx.exec(ctx, `INSERT INTO mgmt_audits (time, type, username, api, diff, failure, source_ip, status) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		a.Time.UnixMilli(), text(string(a.Type)), text(a.Username), text(a.API), text(a.Diff), number(a.Failure), text(a.SourceIP), text(a.Status))
	return err
}

// MgmtAudits returns a page, the newest first unless the page says otherwise, and how many there are. Search looks at
// everything that is text.
func (s *Store) MgmtAudits(ctx context.Context, q api.MgmtQuery) ([]api.MgmtAudit, int, error) {
	l := list{
		table: "mgmt_audits", columns: "time, type, username, api, diff, failure, source_ip, status",
		page: q.Page, order: "time DESC, seq DESC", reversed: "time, seq",
		sorts: map[string]string{
			"time": "time", "type": "type", "username": "username", "api": "api", "sourceIP": "source_ip",
			"status": "status", "diff": "diff", "failure": "failure",
		},
	}
	l.between("time", q.From, q.To)
	l.in("type", q.Types)
	l.in("username", q.Usernames)
	l.search(q.Search, "username", "api", "diff", "source_ip", "status", "type")
	var all []api.MgmtAudit
	total, err := l.read(ctx, s, "read management audits", func(rows *sql.Rows) error {
		var a api.MgmtAudit
		var when, failed int64
		err := rows.Scan(&when, &a.Type, &a.Username, &a.API, &a.Diff, &failed, &a.SourceIP, &a.Status)
		a.Time, a.Failure = at(when), failed != 0
		all = append(all, a)
		return err
	})
	return all, total, err
}

// ExpireMgmt removes management audits before a time and returns how many it removed.
func (s *Store) ExpireMgmt(ctx context.Context, before time.Time) (int, error) {
	return write(ctx, s.writer, "remove old management audits", 1, func(ctx context.Context, tx *tx) (int, error) {
		n, err := tx.exec(ctx, "DELETE FROM mgmt_audits WHERE time < ?", before.UnixMilli())
		return int(n), err
	})
}
