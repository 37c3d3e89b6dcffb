package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

const deliveryColumns = "id, profile, body, attempts, created, next, outcome, last_error"

// Enqueue stores alerts to deliver; one whose id is there already stays as it is. The caller leaves them as they are.
func (s *Store) Enqueue(ctx context.Context, alerts []api.Delivery) error {
	if len(alerts) == 0 {
		return nil
	}
	return s.writer.do(ctx, "store alerts", len(alerts), func(ctx context.Context, tx *tx) error {
		rows := make([][]any, len(alerts))
		for i, d := range alerts {
			rows[i] = []any{
				text(d.ID), text(d.Profile), blob(d.Body), int64(d.Attempts), d.Created.UnixMilli(), d.Next.UnixMilli(), text(d.Outcome), text(d.LastError),
			}
		}
		return s.dialect.execMany(ctx, tx, "INSERT INTO deliveries ("+deliveryColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING", rows)
	})
}

// Due takes up to limit deliveries whose time has come, the longest waiting first, and keeps others from taking them until
// hold has passed.
func (s *Store) Due(ctx context.Context, now time.Time, hold time.Duration, limit int) ([]api.Delivery, error) {
	return write(ctx, s.writer, "take alerts to deliver", 1, func(ctx context.Context, tx *tx) ([]api.Delivery, error) {
		var due []api.Delivery
		_, err := s.each(ctx, tx, `UPDATE deliveries SET next = ? WHERE id IN (
				SELECT id FROM deliveries WHERE outcome = '' AND next <= ? ORDER BY next, id LIMIT ?`+s.dialect.skipLocked()+`)
			RETURNING `+deliveryColumns, []any{now.Add(hold).UnixMilli(), now.UnixMilli(), limit}, scanDeliveries(&due))
		slices.SortFunc(due, func(a, b api.Delivery) int { return a.Created.Compare(b.Created) })
		return due, err
	})
}

func scanDeliveries(into *[]api.Delivery) func(rows *sql.Rows) error {
	return func(rows *sql.Rows) error {
		var d api.Delivery
		var created, next int64
		err := rows.Scan(&d.ID, &d.Profile, &d.Body, &d.Attempts, &created, &next, &d.Outcome, &d.LastError)
		d.Created, d.Next = at(created), at(next)
		*into = append(*into, d)
		return err
	}
}

// Settle stores the outcome: delivered ones go, failed ones wait until Next, dead ones stay in the list.
func (s *Store) Settle(ctx context.Context, d api.Delivery) error {
	return s.writer.do(ctx, "store an alert's outcome", 1, func(ctx context.Context, tx *tx) error {
		switch d.Outcome {
		case "delivered":
			_, err := tx.exec(ctx, "DELETE FROM deliveries WHERE id = ?", text(d.ID))
			return err
		case "", "dead":
		default:
			return autodefend.Errorf(autodefend.CodeInvalid, "there is no outcome %q of a delivery", d.Outcome)
		}
		n, err := tx.exec(ctx, "UPDATE deliveries SET attempts = ?, next = ?, outcome = ?, last_error = ? WHERE id = ?",
			int64(d.Attempts), d.Next.UnixMilli(), d.Outcome, text(d.LastError), text(d.ID))
		if err == nil && n == 0 {
			return autodefend.Errorf(autodefend.CodeNotFound, "there is no delivery %q", d.ID)
		}
		return err
	})
}

// Dead returns a page of those given up, the newest first unless the page says otherwise, and how many there are.
func (s *Store) Dead(ctx context.Context, page api.Page) ([]api.Delivery, int, error) {
	l := list{
		table: "deliveries", columns: deliveryColumns, page: page, order: "created DESC, id DESC", reversed: "created, id",
		sorts: map[string]string{"id": "id", "profile": "profile", "created": "created", "next": "next", "attempts": "attempts"},
	}
	l.add("outcome = ?", "dead")
	var dead []api.Delivery
	total, err := l.read(ctx, s, "read alerts that were given up", scanDeliveries(&dead))
	return dead, total, err
}
