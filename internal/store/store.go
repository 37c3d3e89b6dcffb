package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/autodefend/autodefend"
)

// Config is what a store is opened with.
type Config struct {
	// Address is postgres://... or the path of a SQLite file, which is made when it doesn't exist.
	Address string
	// Logger is told of what nobody waits for. Nil discards.
	Logger *slog.Logger
	// Now is the clock of what the store dates itself; leases follow the database's. Nil is [time.Now].
	Now func() time.Time
	// Queue bounds the writes that wait; more are refused with [autodefend.CodeUnavailable]. 0 is 1,024.
	Queue int
	// Readers bounds the reads at the same time. 0 is 4.
	Readers int
	// uncounted is how many audits may not be counted yet. 0 is uncountedAudits.
	uncounted int64
	// ways of none are the usual ones.
	ways ways
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Queue == 0 {
		c.Queue = 1024
	}
	if c.Readers == 0 {
		c.Readers = 4
	}
	if c.ways == (ways{}) {
		c.ways = usualWays()
	}
	if c.uncounted == 0 {
		c.uncounted = uncountedAudits
	}
	return c
}

// Store keeps everything. It's safe for concurrent use; several processes may share a PostgreSQL database, but not a file.
type Store struct {
	config  Config
	dialect dialect
	db      *sql.DB // for reading
	writer  *writer
	// dimensions are the small tables of audits.
	dimensions *dimensions
	prepared   sync.Map // statements for reading, by their text
	watchers   watchers
	// counted is up to where audits are counted at least.
	counted atomic.Int64
	ended   context.Context
	end     context.CancelFunc
	closing sync.Once
}

// Open opens a database, brings it up to date, and makes it first where it doesn't exist. A database that is damaged or
// was written by a newer version is left as it is, and the error's hint says what to do.
func Open(ctx context.Context, c Config) (*Store, error) {
	c = c.withDefaults()
	d, err := dialectOf(c)
	if err != nil {
		return nil, err
	}
	if err := d.prepare(ctx); err != nil {
		return nil, err
	}
	write, err := d.open(writing)
	if err != nil {
		return nil, failure("open the database", d, err)
	}
	if err := migrate(ctx, write, d, c.Now); err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read, err := d.open(reading)
	if err != nil {
		return nil, errors.Join(failure("open the database", d, err), write.Close())
	}
	s := &Store{config: c, dialect: d, db: read, dimensions: newDimensions()}
	if err := s.dimensions.refresh(ctx, s, read); err != nil {
		return nil, errors.Join(failure("open the database", d, err), read.Close(), write.Close())
	}
	s.ended, s.end = context.WithCancel(context.WithoutCancel(ctx))
	s.writer = startWriter(s, write)
	if err := s.catchUp(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close waits for the writes that were accepted and closes the database.
func (s *Store) Close() error {
	var err error
	s.closing.Do(func() {
		s.writer.stop()
		s.end()
		err = errors.Join(s.db.Close(), s.writer.db.Close())
	})
	return err
}

// Ping tells whether the database can be read now.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	return failure("ping the database", s.dialect, s.db.QueryRowContext(ctx, "SELECT 1").Scan(&one))
}

// use says what connections are for.
type use int

const (
	reading use = iota
	writing
)

// dialect is where the databases differ.
//
//nolint:interfacebloat // two implementations, never faked: one value instead of as many parameters
type dialect interface {
	// name is that of the folder of migrations.
	name() string
	// prepare looks at the database before anything is written.
	prepare(ctx context.Context) error
	open(u use) (*sql.DB, error)
	// sql turns statements with ? into the database's own.
	sql(query string) string
	// code classifies an error of the driver; "" isn't the driver's.
	code(err error) autodefend.Code
	// damaged tells that what's stored can't be read.
	damaged(err error) bool
	// broken tells that a connection is of no use after the error.
	broken(err error) bool
	// retryable tells that a transaction lost against another and would do better now.
	retryable(err error) bool
	schema
	words
	// listen calls heard when another process has stored something, until ctx ends.
	listen(ctx context.Context, s *Store, heard func())
	bulk
	sets
}

// schema is what migrations need of a database.
type schema interface {
	lockMigrations(ctx context.Context, tx *sql.Tx) error
	// hasTable tells whether a table exists; with "" whether any does.
	hasTable(ctx context.Context, tx *sql.Tx, name string) (bool, error)
}

// sets is how a database is given many numbers, and told which index to use.
//
//nolint:interfacebloat // part of dialect
type sets interface {
	// in tests that a column's number is one of a set.
	in(column string) string
	// setTable is a set as a table with the column value.
	setTable(alias string) string
	// setOf makes the argument for either.
	setOf(numbers []int64) any
	// textTable is a set of texts as a table with the column value, and textsOf makes the argument for it.
	textTable(alias string) string
	textsOf(texts []string) any
	// by names a table to be read by an index, and its alias if it has one.
	by(table, index string, alias ...string) string
	// unindexed names a column so that no index of it is used.
	unindexed(column string) string
	// crossJoin joins in the order of the text, where the database can be told to.
	crossJoin() string
}

// bulk is how a database takes many audits at once.
//
//nolint:interfacebloat // part of dialect
type bulk interface {
	// readOnly is a transaction that sees one state.
	readOnly() *sql.TxOptions
	// shared tells that other processes may write.
	shared() bool
	// begin starts a transaction that writes.
	begin() string
	// commit ends a transaction that writes, and tells other processes when it's to.
	commit(ctx context.Context, tx *tx) error
	// insertAudits tells for each audit whether it was new.
	insertAudits(ctx context.Context, tx *tx, audits []newAudit) ([]bool, error)
	// readTallies reads those rows of counts that there are.
	readTallies(ctx context.Context, tx *tx, parts []tallyPart) (map[tallyPart][]byte, error)
	// writeTallies replaces rows of counts, and removes those that count nothing.
	writeTallies(ctx context.Context, tx *tx, rows []tallyRow) error
	// execMany runs a statement for each of the rows.
	execMany(ctx context.Context, tx *tx, query string, rows [][]any) error
}

// words are single expressions that differ.
type words interface {
	// now is the database's clock, in milliseconds since 1970.
	now() string
	// skipLocked makes a SELECT pass over what others have taken.
	skipLocked() string
	// noLimit is what OFFSET needs before it when there is no limit.
	noLimit() string
	// hasBytes tests that a column of bytes has those that are given.
	hasBytes(column string) string
	// sizeSQL asks how many bytes the audits take.
	sizeSQL() string
}

func dialectOf(c Config) (dialect, error) {
	switch {
	case c.Address == "":
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "the address of the database is empty").
			WithHint("give the path of a file, or postgres://user@host/name")
	case strings.HasPrefix(c.Address, "postgres://"), strings.HasPrefix(c.Address, "postgresql://"):
		return newPostgres(c)
	case strings.Contains(c.Address, "://"):
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "the database's address %q has an unknown scheme", scheme(c.Address)).
			WithHint("give the path of a file, or postgres://user@host/name")
	default:
		return sqlite{path: c.Address, readers: c.Readers}, nil
	}
}

func scheme(address string) string {
	s, _, _ := strings.Cut(address, "://")
	return s
}
