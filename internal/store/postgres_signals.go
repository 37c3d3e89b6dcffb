package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// channel is what replicas tell each other on.
const channel = "autodefend_stored"

// pollEvery is how often the database is asked whether something was stored: a pooler that hands out connections by
// transactions lets nobody listen.
const pollEvery = time.Second

// commit tells in the same round trip.
func (d postgres) commit(ctx context.Context, tx *tx) error {
	end := "COMMIT"
	if tx.signals {
		end = "NOTIFY " + channel + "; COMMIT"
	}
	return d.raw(tx, func(conn *pgx.Conn) error {
		_, err := conn.PgConn().Exec(ctx, end).ReadAll()
		return err
	})
}

// listen waits for what replicas tell, and asks now and then all the same.
func (d postgres) listen(ctx context.Context, s *Store, heard func()) {
	go d.poll(ctx, s, heard)
	for ctx.Err() == nil {
		if err := d.listenOnce(ctx, heard); err != nil && ctx.Err() == nil {
			s.config.Logger.Debug("listening to the database ended", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pollEvery):
		}
	}
}

func (d postgres) listenOnce(ctx context.Context, heard func()) error {
	conn, err := pgx.ConnectConfig(ctx, d.config.Copy())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing was written
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	heard() // what was stored before this isn't told
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return err
		}
		heard()
	}
}

func (postgres) poll(ctx context.Context, s *Store, heard func()) {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	last := int64(-1)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		var now int64
		err := s.db.QueryRowContext(ctx, "SELECT CAST((SELECT value FROM counters WHERE name = 'audit') + (SELECT coalesce(sum(generation), 0) FROM generations) AS bigint)").Scan(&now)
		if err != nil {
			continue
		}
		if now != last { // the first time too: something may have been stored since somebody began to watch
			heard()
		}
		last = now
	}
}
