package store

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// conditions collects what must hold, as SQL with the values apart: nothing that a caller gives becomes SQL.
type conditions struct {
	sql  []string
	args []any
}

func (c *conditions) add(condition string, args ...any) {
	c.sql = append(c.sql, condition)
	c.args = append(c.args, args...)
}

// in requires a column to have one of the values, if there are any.
func (c *conditions) in(column string, values []string) {
	if len(values) == 0 {
		return
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = text(v)
	}
	c.add(column+" IN ("+placeholders(len(values))+")", args...)
}

// either requires one of the conditions that the values make, if there are any values.
func (c *conditions) either(values []string, condition func(v string) (string, any)) {
	if len(values) == 0 {
		return
	}
	sql, args := make([]string, len(values)), make([]any, len(values))
	for i, v := range values {
		sql[i], args[i] = condition(v)
	}
	c.add(anyHolds(sql), args...)
}

// bool requires a column of 0 and 1 to be what is asked for, if it is.
func (c *conditions) bool(column string, want *bool) {
	if want != nil {
		c.add(column+" = ?", number(*want))
	}
}

// between requires a time to be in a closed interval; zero is open.
func (c *conditions) between(column string, from, to time.Time) {
	if !from.IsZero() {
		c.add(column+" >= ?", from.UnixMilli())
	}
	if !to.IsZero() {
		c.add(column+" <= ?", to.UnixMilli())
	}
}

// search requires a text in one of the columns, whatever the case of ASCII letters.
func (c *conditions) search(words string, columns ...string) {
	if words == "" {
		return
	}
	pattern := "%" + likeLiteral(words) + "%"
	either := make([]string, len(columns))
	args := make([]any, len(columns))
	for i, column := range columns {
		either[i], args[i] = like(column), pattern
	}
	c.add("("+strings.Join(either, " OR ")+")", args...)
}

// where is the clause, or "".
func (c *conditions) where() string {
	if len(c.sql) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.sql, " AND ")
}

func placeholders(n int) string {
	return strings.TrimSuffix(strings.Repeat("?, ", n), ", ")
}

// like compares without regard to case in both databases.
func like(column string) string {
	return "lower(" + column + ") LIKE ? ESCAPE '\\'"
}

// likeLiteral makes a pattern that means the text itself.
func likeLiteral(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(lower(text(s)))
}

// lower folds ASCII letters, as the databases do without a locale.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// text is what both databases can keep: UTF-8 without NUL.
func text(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// at is a time as it's stored.
func at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// list is a query for a page of a table.
type list struct {
	table   string
	columns string
	conditions
	page api.Page
	// sorts are the columns by the names that a page may sort by.
	sorts map[string]string
	// order is the list's own, and reversed its opposite.
	order, reversed string
}

// orderBy is the page's order. Each ends with the list's own, so that pages never overlap.
func (l *list) orderBy() (string, error) {
	own, direction := l.order, ""
	if l.page.Reverse {
		own, direction = l.reversed, " DESC"
	}
	if l.page.Sort == "" {
		return own, nil
	}
	column, ok := l.sorts[l.page.Sort]
	if !ok {
		return "", autodefend.Errorf(autodefend.CodeInvalid, "sort: %q can't be sorted by", l.page.Sort).
			WithHint("sort by one of: %s", strings.Join(slices.Sorted(maps.Keys(l.sorts)), ", "))
	}
	return column + direction + ", " + own, nil
}

// read reads a page with scan and returns how many there are in all.
func (l *list) read(ctx context.Context, s *Store, op string, scan func(rows *sql.Rows) error) (int, error) {
	order, err := l.orderBy()
	if err != nil {
		return 0, err
	}
	query := "SELECT " + l.columns + " FROM " + l.table + l.where() + " ORDER BY " + order
	args := slices.Clone(l.args)
	if l.page.Limit > 0 {
		query += " LIMIT ?"
		args = append(args, l.page.Limit)
	}
	if offset := max(0, l.page.Offset); offset > 0 {
		if l.page.Limit <= 0 {
			query += s.dialect.noLimit()
		}
		query += " OFFSET ?"
		args = append(args, offset)
	}
	n, err := s.each(ctx, s.db, query, args, scan)
	if err != nil {
		return 0, failure(op, s.dialect, err)
	}
	if l.page.Offset <= 0 && (l.page.Limit <= 0 || n < l.page.Limit) {
		return n, nil
	}
	total := 0
	err = s.db.QueryRowContext(ctx, s.dialect.sql("SELECT count(*) FROM "+l.table+l.where()), l.args...).Scan(&total)
	return total, failure(op, s.dialect, err)
}

// queryer is a database or a transaction of one.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// each calls scan for each row and returns how many there were.
func (s *Store) each(ctx context.Context, from queryer, query string, args []any, scan func(rows *sql.Rows) error) (int, error) {
	rows, err := from.QueryContext(ctx, s.dialect.sql(query), args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close() //nolint:errcheck // it was only read
	n := 0
	for rows.Next() {
		if err := scan(rows); err != nil {
			return n, err
		}
		n++
	}
	return n, rows.Err()
}

// eachPrepared is [Store.each] for queries whose text is always the same.
func (s *Store) eachPrepared(ctx context.Context, query string, args []any, scan func(rows *sql.Rows) error) error {
	if s.dialect.shared() {
		_, err := s.each(ctx, s.db, query, args, scan)
		return err
	}
	stmt, ok := s.prepared.Load(query)
	if !ok {
		made, err := s.db.PrepareContext(ctx, s.dialect.sql(query))
		if err != nil {
			return err
		}
		var lost bool
		if stmt, lost = s.prepared.LoadOrStore(query, made); lost {
			_ = made.Close()
		}
	}
	_, err := s.each(ctx, preparedQuery{stmt.(*sql.Stmt)}, "", args, scan)
	return err
}

// preparedQuery is a [queryer] that has its query.
type preparedQuery struct{ stmt *sql.Stmt }

// QueryContext ignores the query that it's given.
func (p preparedQuery) QueryContext(ctx context.Context, _ string, args ...any) (*sql.Rows, error) {
	return p.stmt.QueryContext(ctx, args...)
}
