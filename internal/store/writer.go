package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
	"time"

	"github.com/autodefend/autodefend"
)

// Bounds of a group: so many writes or audits are committed at once, within so much time.
const (
	groupJobs    = 512
	groupAudits  = 4000
	groupTimeout = 30 * time.Second
)

// job is one write. Run may be called more than once, each time in a transaction that has nothing of the last.
type job struct {
	ctx  context.Context
	run  func(ctx context.Context, tx *tx) error
	size int
	done chan error
}

// tx is a transaction of the writer.
type tx struct {
	*sql.Tx
	writer *writer
	// after are run when the transaction is committed, before anybody is told.
	after []func()
}

// exec runs a statement and returns how many rows it changed. Statements are prepared once.
func (t *tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := t.Tx.ExecContext(ctx, t.writer.store.dialect.sql(query), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (t *tx) queryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return t.Tx.QueryRowContext(ctx, t.writer.store.dialect.sql(query), args...)
}

func (t *tx) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return t.Tx.QueryContext(ctx, t.writer.store.dialect.sql(query), args...)
}

// writer collects writes into transactions.
type writer struct {
	store *Store
	db    *sql.DB
	queue chan *job
	ended chan struct{}

	mu     sync.RWMutex
	closed bool // no more jobs are accepted
}

func startWriter(s *Store, db *sql.DB) *writer {
	w := &writer{store: s, db: db, queue: make(chan *job, s.config.Queue), ended: make(chan struct{})}
	go w.loop()
	return w
}

// stop refuses new writes and waits for those that were accepted.
func (w *writer) stop() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.queue)
	}
	w.mu.Unlock()
	<-w.ended
}

// do has a write carried out and waits until it's durable. When ctx ends before, the write may still happen.
func (w *writer) do(ctx context.Context, op string, size int, run func(ctx context.Context, tx *tx) error) error {
	j := &job{ctx: ctx, run: run, size: size, done: make(chan error, 1)}
	if err := w.submit(j); err != nil {
		return err
	}
	select {
	case err := <-j.done:
		return failure(op, w.store.dialect, err)
	case <-ctx.Done():
		return failure(op, w.store.dialect, ctx.Err())
	}
}

// write is [writer.do] for writes that have something to tell.
func write[T any](ctx context.Context, w *writer, op string, size int, run func(ctx context.Context, tx *tx) (T, error)) (T, error) {
	told := new(T)
	err := w.do(ctx, op, size, func(ctx context.Context, tx *tx) error {
		v, err := run(ctx, tx)
		*told = v
		return err
	})
	if err != nil { // the writer may still be at it
		return *new(T), err
	}
	return *told, nil
}

func (w *writer) submit(j *job) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return unavailable("the database is being closed")
	}
	select {
	case w.queue <- j:
		return nil
	default:
		return unavailable("more writes wait than the database can take").WithHint("try again in a second")
	}
}

func (w *writer) loop() {
	defer close(w.ended)
	for first := range w.queue {
		w.commitGroup(w.collect(first))
	}
}

// collect takes what waits, without waiting for more: while one group is committed, the next one gathers.
func (w *writer) collect(first *job) []*job {
	group, size := []*job{first}, first.size
	for len(group) < groupJobs && size < groupAudits {
		select {
		case j, ok := <-w.queue:
			if !ok {
				return group
			}
			group = append(group, j)
			size += j.size
		default:
			return group
		}
	}
	return group
}

// commitGroup commits a group at once. When that fails for a reason that may be one job's, each is tried alone.
func (w *writer) commitGroup(group []*job) {
	group = w.dropAbandoned(group)
	if len(group) == 0 {
		return
	}
	errs, err := w.transact(group)
	if err == nil {
		for i, j := range group {
			j.done <- errs[i]
		}
		return
	}
	if len(group) == 1 || w.hopeless(err) {
		for _, j := range group {
			j.done <- err
		}
		return
	}
	for _, j := range group {
		errs, err := w.transact([]*job{j})
		if err == nil {
			err = errs[0]
		}
		j.done <- err
	}
}

// hopeless tells that the database is at fault and not a job.
func (w *writer) hopeless(err error) bool {
	return codeOf(w.store.dialect, err) == autodefend.CodeUnavailable && !w.store.dialect.retryable(err)
}

func (w *writer) dropAbandoned(group []*job) []*job {
	kept := group[:0]
	for _, j := range group {
		if err := j.ctx.Err(); err != nil {
			j.done <- err
			continue
		}
		kept = append(kept, j)
	}
	return kept
}

// retries of a transaction that lost against one of another replica.
const transactRetries = 5

// transact runs jobs in one transaction. The first result are the errors of the jobs that failed alone, the second is
// that of all.
func (w *writer) transact(group []*job) ([]error, error) {
	for try := 0; ; try++ {
		errs, err := w.transactOnce(group)
		if err == nil || try == transactRetries || !w.store.dialect.retryable(err) {
			return errs, err
		}
	}
}

func (w *writer) transactOnce(group []*job) ([]error, error) {
	ctx, cancel := context.WithTimeout(context.Background(), groupTimeout)
	defer cancel()
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	errs, err := w.transactOn(ctx, conn, group)
	if err != nil && w.store.dialect.broken(err) {
		w.store.config.Logger.Warn("a connection to the database is given up", "error", err)
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	}
	return errs, err
}

func (w *writer) transactOn(ctx context.Context, conn *sql.Conn, group []*job) ([]error, error) {
	sqlTx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	t := &tx{Tx: sqlTx, writer: w}
	errs := make([]error, len(group))
	for i, j := range group {
		if errs[i], err = w.runJob(ctx, t, j, len(group) > 1); err != nil {
			return nil, errors.Join(err, ignoreDone(sqlTx.Rollback()))
		}
	}
	if len(group) == 1 && errs[0] != nil {
		return errs, ignoreDone(sqlTx.Rollback())
	}
	if err := sqlTx.Commit(); err != nil {
		return nil, errors.Join(err, ignoreDone(sqlTx.Rollback()))
	}
	for _, f := range t.after {
		f()
	}
	return errs, nil
}

// runJob runs a job within a savepoint where others share the transaction. The first error is the job's alone, the second
// ends the transaction.
func (w *writer) runJob(ctx context.Context, t *tx, j *job, shared bool) (error, error) {
	if !shared {
		err := j.run(ctx, t)
		if err != nil && codeOf(w.store.dialect, err) == autodefend.CodeUnavailable {
			return nil, err
		}
		return err, nil
	}
	if _, err := t.ExecContext(ctx, "SAVEPOINT job"); err != nil {
		return nil, err
	}
	after := len(t.after)
	if err := j.run(ctx, t); err != nil {
		if codeOf(w.store.dialect, err) == autodefend.CodeUnavailable {
			return nil, err
		}
		t.after = t.after[:after]
		_, rollback := t.ExecContext(ctx, "ROLLBACK TO SAVEPOINT job")
		return err, rollback
	}
	_, err := t.ExecContext(ctx, "RELEASE SAVEPOINT job")
	return nil, err
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}
