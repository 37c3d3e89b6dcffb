package store

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/autodefend/autodefend"
)

// postgres is a server that several replicas share. Nothing is kept in a session, except the lock of migrations within
// its transaction, so that PgBouncer may hand out connections by transactions.
type postgres struct {
	config  *pgx.ConnConfig
	readers int
}

func newPostgres(c Config) (dialect, error) {
	config, err := pgx.ParseConfig(verified(c.Address))
	if err != nil {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "the database's address can't be read"). // it may hold a password
														WithHint("give it as postgres://user:password@host:port/name?sslmode=verify-full")
	}
	if u, err := url.Parse(c.Address); err == nil && !u.Query().Has("default_query_exec_mode") {
		// Statements with names are a session's.
		config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "autodefend"
	}
	return postgres{config: config, readers: c.Readers}, nil
}

// verified asks for TLS with a certificate that is checked where the address says nothing about it: the driver by itself
// would take any certificate, and go on without TLS. Sockets and this machine need none.
func verified(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	q := u.Query()
	host := u.Hostname()
	ip := net.ParseIP(host)
	if q.Has("sslmode") || q.Has("host") || os.Getenv("PGSSLMODE") != "" || host == "" || host == "localhost" || ip != nil && ip.IsLoopback() {
		return address
	}
	q.Set("sslmode", "verify-full")
	u.RawQuery = q.Encode()
	return u.String()
}

func (postgres) name() string { return "postgres" }

func (postgres) prepare(context.Context) error { return nil }

func (d postgres) open(u use) (*sql.DB, error) {
	db := stdlib.OpenDB(*d.config)
	connections := d.readers
	if u == writing {
		connections = 1
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// sql numbers the placeholders. Statements have no ? elsewhere.
func (postgres) sql(query string) string {
	var b strings.Builder
	n := 0
	for part := range strings.SplitSeq(query, "?") {
		if n > 0 {
			b.WriteString("$" + strconv.Itoa(n))
		}
		b.WriteString(part)
		n++
	}
	return b.String()
}

// code tells by the class of the error whether the server is at fault.
func (postgres) code(err error) autodefend.Code {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		if e.Code == "25006" || e.Code == "42501" { // read-only, no permission
			return autodefend.CodeUnavailable
		}
		switch e.Code[:2] {
		case "08", "40", "53", "55", "57", "58", "XX":
			return autodefend.CodeUnavailable
		default:
			return autodefend.CodeInternal
		}
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		pgconn.Timeout(err) || err.Error() == "conn closed" {
		return autodefend.CodeUnavailable
	}
	return ""
}

func (d postgres) broken(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Severity == "FATAL" || e.Severity == "PANIC"
	}
	return codeOf(d, err) == autodefend.CodeUnavailable
}

// retryable are deadlocks, what depends on another's transaction, and audits that turned out to be there already.
func (postgres) retryable(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (strings.HasPrefix(e.Code, "40") || e.Code == "23505" && e.ConstraintName == "audits_id")
}

func (postgres) damaged(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "XX001" || e.Code == "XX002")
}
