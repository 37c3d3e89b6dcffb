package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"runtime"
	"sync"
	"time"

	"github.com/autodefend/autodefend"
)

// Bounds of a group: so many writes or audits are committed at once, within so much time.
const (
	groupJobs    = 512
	groupAudits  = 4000
	groupTimeout = 30 * time.Second
	groupYields  = 3
)

// job is one write: audits, or something to run. Run may be called more than once, each time in a transaction that has
// nothing of the last.
type job struct {
	ctx    context.Context
	run    func(ctx context.Context, tx *tx) error
	audits []newAudit
	size   int
	done   chan error
	// added is how many of the audits were new, when done has told that they are stored.
	added int
}

// tx is a transaction of the writer.
type tx struct {
	writer *writer
	conn   *sql.Conn
	// wary tells that the transaction should look for conflicts before it runs into them.
	wary bool
	// signals tells that those who watch are to be told.
	signals bool
	// after are run when the transaction is committed, before anybody is told.
	after []func()
}

// exec runs a statement and returns how many rows it changed.
func (t *tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	stmt, err := t.writer.prepared(ctx, query)
	if err != nil {
		return 0, err
	}
	var result sql.Result
	if stmt != nil {
		result, err = stmt.ExecContext(ctx, args...)
	} else {
		result, err = t.conn.ExecContext(ctx, t.writer.store.dialect.sql(query), args...)
	}
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (t *tx) queryRow(ctx context.Context, query string, args ...any) *sql.Row {
	if stmt, err := t.writer.prepared(ctx, query); err == nil && stmt != nil {
		return stmt.QueryRowContext(ctx, args...)
	}
	return t.conn.QueryRowContext(ctx, t.writer.store.dialect.sql(query), args...)
}

// QueryContext makes it a [queryer]; the query is in the database's own SQL.
func (t *tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return t.conn.QueryContext(ctx, query, args...)
}

// writer collects writes into transactions. All but the queue is its goroutine's.
type writer struct {
	store *Store
	db    *sql.DB
	queue chan *job
	ended chan struct{}

	conn       *sql.Conn
	statements map[string]*sql.Stmt // prepared on conn, where the database prepares
	wary       int                  // so many more transactions are wary

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
	return w.await(&job{ctx: ctx, run: run, size: size, done: make(chan error, 1)}, op)
}

func (w *writer) await(j *job, op string) error {
	if err := w.submit(j); err != nil {
		return err
	}
	select {
	case err := <-j.done:
		return failure(op, w.store.dialect, err)
	case <-j.ctx.Done():
		return failure(op, w.store.dialect, j.ctx.Err())
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
	defer w.disconnect()
	for first := range w.queue {
		w.commitGroup(w.collect(first))
	}
}

// collect takes what waits, without waiting for more than those who are about to write: while one group is committed, the
// next one gathers.
func (w *writer) collect(first *job) []*job {
	group, size, yielded := []*job{first}, first.size, 0
	for len(group) < groupJobs && size < groupAudits {
		select {
		case j, ok := <-w.queue:
			if !ok {
				return group
			}
			group = append(group, j)
			size += j.size
		default:
			if yielded == groupYields {
				return group
			}
			yielded++ // those who were just answered may have more
			runtime.Gosched()
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

const (
	// transactRetries of a transaction that lost against one of another replica.
	transactRetries = 5
	// waryTransactions follow one that ran into a conflict: what sends an audit twice often goes on doing so.
	waryTransactions = 64
)

// transact runs jobs in one transaction. The first result are the errors of the jobs that failed alone, the second is
// that of all.
func (w *writer) transact(group []*job) ([]error, error) {
	for try := 0; ; try++ {
		errs, err := w.transactOnce(group)
		if err == nil || try == transactRetries || !w.store.dialect.retryable(err) {
			return errs, err
		}
		w.wary = waryTransactions
	}
}

func (w *writer) transactOnce(group []*job) ([]error, error) {
	ctx, cancel := context.WithTimeout(context.Background(), groupTimeout)
	defer cancel()
	if err := w.connect(ctx); err != nil {
		return nil, err
	}
	if _, err := w.conn.ExecContext(ctx, w.store.dialect.begin()); err != nil {
		w.giveUp(err)
		return nil, err
	}
	t := &tx{writer: w, conn: w.conn, wary: w.wary > 0}
	w.wary = max(0, w.wary-1)
	errs, err := w.runJobs(ctx, t, group)
	if err == nil {
		if err = w.store.dialect.commit(ctx, t); err != nil {
			w.store.dimensions.doubted.Store(true) // what failed may have been stored all the same
		}
	}
	if err != nil {
		// A connection that can't even roll back is of no use.
		_, rollback := w.conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		if w.store.dialect.broken(err) || rollback != nil {
			w.giveUp(err)
		}
		return nil, err
	}
	for _, f := range t.after {
		f()
	}
	if t.signals {
		w.store.signal()
	}
	return errs, nil
}

// connect has a connection, a new one when the last was given up.
func (w *writer) connect(ctx context.Context) error {
	if w.conn != nil {
		return nil
	}
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return err
	}
	w.conn, w.statements = conn, make(map[string]*sql.Stmt)
	return nil
}

func (w *writer) disconnect() {
	for _, stmt := range w.statements {
		_ = stmt.Close()
	}
	if w.conn != nil {
		_ = w.conn.Close()
	}
}

func (w *writer) giveUp(err error) {
	if w.conn == nil {
		return
	}
	w.store.config.Logger.Warn("the connection to the database is given up", "error", err)
	_ = w.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = w.conn.Close()
	w.conn, w.statements = nil, nil
}

// prepared is a statement on the writer's connection; nil where the database doesn't prepare.
func (w *writer) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if w.store.dialect.shared() {
		return nil, nil
	}
	if stmt, ok := w.statements[query]; ok {
		return stmt, nil
	}
	stmt, err := w.conn.PrepareContext(ctx, w.store.dialect.sql(query))
	if err != nil {
		return nil, err
	}
	w.statements[query] = stmt
	return stmt, nil
}

// runJobs runs what's to be run and then stores all audits at once. The first result are the errors of single jobs.
func (w *writer) runJobs(ctx context.Context, t *tx, group []*job) ([]error, error) {
	errs := make([]error, len(group))
	var audits []*job
	for i, j := range group {
		if j.run == nil {
			audits = append(audits, j)
			continue
		}
		var err error
		if errs[i], err = w.runJob(ctx, t, j); err != nil {
			return nil, err
		}
	}
	return errs, w.store.appendAll(ctx, t, audits)
}

// runJob runs a job within a savepoint. The first error is the job's alone, the second ends the transaction.
func (w *writer) runJob(ctx context.Context, t *tx, j *job) (error, error) {
	if _, err := t.exec(ctx, "SAVEPOINT job"); err != nil {
		return nil, err
	}
	after := len(t.after)
	if err := j.run(ctx, t); err != nil {
		if codeOf(w.store.dialect, err) == autodefend.CodeUnavailable {
			return nil, err
		}
		t.after = t.after[:after]
		_, rollback := t.exec(ctx, "ROLLBACK TO SAVEPOINT job")
		return err, rollback
	}
	_, err := t.exec(ctx, "RELEASE SAVEPOINT job")
	return nil, err
}
