package store

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/autodefend/autodefend/internal/api"
)

// TestPlans pins how SQLite finds pages: by an index, in the order of the page, without sorting or looking at every row.
func TestPlans(t *testing.T) {
	s := openSQLite(t, Config{})
	filled(t, s, 300)
	newest := boundsOf(&api.AuditQuery{})
	oldest := boundsOf(&api.AuditQuery{Page: api.Page{Reverse: true}})
	tests := []struct {
		name, query string
		args        int
		want        string
	}{
		{"walk", s.walkSQL(newest), 4, "SEARCH audits USING COVERING INDEX audits_time (stream=? AND time>? AND time<?)"},
		{"walk back", s.walkSQL(oldest), 4, "SEARCH audits USING COVERING INDEX audits_time (stream=? AND time>? AND time<?)"},
		{
			"walk on", s.walkOnSQL(newest), 6,
			"SEARCH audits USING COVERING INDEX audits_time (stream=? AND time>? AND time<?)",
		},
		{"series", s.seriesSQL(newest), 4, "SEARCH audits USING COVERING INDEX audits_series (series=? AND time>? AND time<?)"},
		{
			"foremost", s.foremostSQL(newest), 4,
			"SEARCH a USING COVERING INDEX audits_series (series=? AND time<?)",
		},
		{"rows", "SELECT msg FROM audits WHERE " + s.dialect.in("seq"), 1, "SEARCH audits USING INTEGER PRIMARY KEY (rowid=?)"},
		{"request", requestSQL(s), 2, "SEARCH audits USING INDEX audits_request (request=?)"},
		{"id", "SELECT seq FROM audits WHERE stream = ? AND id IN (?)", 2, "SEARCH audits USING COVERING INDEX audits_id (id=? AND stream=?)"},
		{"uncounted", s.uncountedSQL(), 4, "SEARCH audits USING INTEGER PRIMARY KEY (rowid>?)"},
		{"order", s.orderSQL(newest), 4, "SEARCH audits USING COVERING INDEX audits_order (stream=? AND seq>? AND seq<?)"},
		{"documents", "SELECT body FROM documents WHERE kind = ? AND id = ?", 2, "SEARCH documents USING INDEX sqlite_autoindex_documents_1 (kind=? AND id=?)"},
		{"old incidents", "SELECT serial FROM incidents WHERE time < ? ORDER BY time LIMIT ?", 2, "SEARCH incidents USING COVERING INDEX incidents_time (time<?)"},
		{"management", "SELECT api FROM mgmt_audits ORDER BY time DESC, seq DESC LIMIT ?", 1, "SCAN mgmt_audits USING INDEX mgmt_audits_time"},
	}
	for _, analyze := range []bool{false, true} {
		if analyze { // statistics must not change plans
			d, ok := s.dialect.(sqlite)
			if !ok {
				t.Fatal("not SQLite")
			}
			db, err := d.open(writing)
			must(t, err)
			_, err = db.Exec("ANALYZE")
			must(t, err)
			must(t, db.Close())
		}
		for _, tt := range tests {
			plan := planOf(t, s, tt.query, tt.args)
			if !strings.Contains(plan, tt.want) || strings.Contains(plan, "TEMP B-TREE") && tt.name != "foremost" || strings.Count(plan, "CORRELATED") > 1 {
				t.Errorf("%s, analyzed %t: the plan is\n%s\nwant %s", tt.name, analyze, plan, tt.want)
			}
		}
	}
}

func planOf(t *testing.T, s *Store, query string, args int) string {
	t.Helper()
	values := make([]any, args)
	for i := range values {
		values[i] = 1
	}
	var plan []string
	_, err := s.each(t.Context(), s.db, "EXPLAIN QUERY PLAN "+query, values, func(rows *sql.Rows) error {
		var id, parent, unused int
		var detail string
		err := rows.Scan(&id, &parent, &unused, &detail)
		plan = append(plan, detail)
		return err
	})
	must(t, err)
	return strings.Join(plan, "\n")
}
