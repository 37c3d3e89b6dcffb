package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// Acquire takes or prolongs a lease; false when another owner has it. Time is the database's, so replicas' clocks don't
// matter; the token grows whenever the lease wasn't held by the same owner until now.
func (s *Store) Acquire(ctx context.Context, name, owner string, ttl time.Duration) (api.Lease, bool, error) {
	if owner == "" || ttl <= 0 {
		return api.Lease{}, false, autodefend.Errorf(autodefend.CodeInvalid, "the lease %q needs an owner and a positive time", name)
	}
	now := s.dialect.now()
	lease := api.Lease{Name: name, Owner: owner}
	held, err := write(ctx, s.writer, "acquire a lease", 1, func(ctx context.Context, tx *tx) (*api.Lease, error) {
		l := lease
		var expires int64
		err := tx.queryRow(ctx, `INSERT INTO leases (name, owner, token, expires) VALUES (?, ?, 1, `+now+` + ?)
			ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires = excluded.expires,
				token = CASE WHEN leases.owner = excluded.owner AND leases.expires > `+now+` THEN leases.token ELSE leases.token + 1 END
			WHERE leases.owner = excluded.owner OR leases.expires <= `+now+`
			RETURNING token, expires`, text(name), text(owner), ttl.Milliseconds()).Scan(&l.Token, &expires)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, nil
		}
		l.Expires = at(expires)
		return &l, err
	})
	if err != nil || held == nil {
		return api.Lease{}, false, err
	}
	return *held, true, nil
}

// Release gives a lease up early. One that is no longer its owner's stays as it is.
func (s *Store) Release(ctx context.Context, lease api.Lease) error {
	return s.writer.do(ctx, "release a lease", 1, func(ctx context.Context, tx *tx) error {
		_, err := tx.exec(ctx, "UPDATE leases SET owner = '', expires = 0 WHERE name = ? AND owner = ? AND token = ?", text(lease.Name), text(lease.Owner), lease.Token)
		return err
	})
}

// Holds is an error with [autodefend.CodeConflict] when the lease is no longer its owner's.
func (s *Store) Holds(ctx context.Context, lease api.Lease) error {
	var n int
	err := s.db.QueryRowContext(ctx, s.dialect.sql("SELECT count(*) FROM leases WHERE name = ? AND owner = ? AND token = ? AND expires > "+s.dialect.now()),
		text(lease.Name), text(lease.Owner), lease.Token).Scan(&n)
	if err != nil {
		return failure("check a lease", s.dialect, err)
	}
	if n == 0 {
		return autodefend.Errorf(autodefend.CodeConflict, "the lease %q isn't held by %q any more", lease.Name, lease.Owner)
	}
	return nil
}
