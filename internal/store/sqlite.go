package store

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"

	"github.com/autodefend/autodefend"
	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// sqlite is a file of this machine: one connection writes, several read.
type sqlite struct {
	path    string
	readers int
}

func (sqlite) name() string { return "sqlite" }

func (sqlite) sql(query string) string { return query }

// sqliteHeader begins every SQLite database.
const sqliteHeader = "SQLite format 3\x00"

// prepare refuses a file that isn't a database, before SQLite touches it.
func (d sqlite) prepare(context.Context) error {
	f, err := os.Open(d.path)
	if errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat(filepath.Dir(d.path)); err != nil {
			return &autodefend.Error{
				Code: autodefend.CodeInvalid, Message: "the database's directory can't be used", Err: err,
				Hint: "make the directory " + filepath.Dir(d.path) + " first",
			}
		}
		return d.create()
	}
	if err != nil {
		return &autodefend.Error{Code: autodefend.CodeUnavailable, Message: "the database can't be opened", Err: err, Hint: "check the file's owner and mode"}
	}
	defer f.Close() //nolint:errcheck // it was only read
	head := make([]byte, len(sqliteHeader))
	n, _ := f.Read(head)
	if n > 0 && string(head[:n]) != sqliteHeader {
		return damaged("the file isn't a SQLite database", nil)
	}
	return nil
}

// create makes an empty file that nobody else may read; SQLite gives its other files the same mode.
func (d sqlite) create() error {
	f, err := os.OpenFile(d.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return &autodefend.Error{Code: autodefend.CodeUnavailable, Message: "the database can't be made", Err: err, Hint: "check the directory's owner and mode"}
	}
	return nil
}

// open makes a pool. Whatever is committed is on the disk; NORMAL would lose the last transactions when the power goes.
func (d sqlite) open(u use) (*sql.DB, error) {
	q := url.Values{"_pragma": {
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
		"cache_size(-32768)", "wal_autocheckpoint(4000)", "journal_size_limit(67108864)", "temp_store(MEMORY)",
	}, "_txlock": {"immediate"}, "_dqs": {"0"}, "_error_rc": {"1"}}
	connections := 1
	if u == reading {
		q["_pragma"] = append(q["_pragma"], "query_only(1)", "cache_size(-8192)")
		q.Set("_txlock", "deferred")
		connections = d.readers
	}
	db, err := sql.Open("sqlite", d.address(q.Encode()))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// address names the file to the driver, whatever characters its path has.
func (d sqlite) address(query string) string {
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: d.path}).EscapedPath(), RawQuery: query}).String()
}

func (sqlite) code(err error) autodefend.Code {
	e, ok := errors.AsType[*driver.Error](err)
	if !ok {
		return ""
	}
	switch e.Code() & 0xff {
	case lib.SQLITE_FULL, lib.SQLITE_IOERR, lib.SQLITE_READONLY, lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_CANTOPEN,
		lib.SQLITE_NOMEM, lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB, lib.SQLITE_PROTOCOL, lib.SQLITE_INTERRUPT, lib.SQLITE_PERM:
		return autodefend.CodeUnavailable
	default:
		return autodefend.CodeInternal
	}
}

// broken: after an error of the disk a connection may hold pages that aren't what the disk has.
func (sqlite) broken(err error) bool {
	e, ok := errors.AsType[*driver.Error](err)
	if !ok {
		return false
	}
	switch e.Code() & 0xff {
	case lib.SQLITE_FULL, lib.SQLITE_IOERR, lib.SQLITE_READONLY, lib.SQLITE_CANTOPEN, lib.SQLITE_NOMEM, lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return true
	default:
		return false
	}
}

func (sqlite) damaged(err error) bool {
	e, ok := errors.AsType[*driver.Error](err)
	return ok && (e.Code()&0xff == lib.SQLITE_CORRUPT || e.Code()&0xff == lib.SQLITE_NOTADB)
}
