package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// Document reads one.
func (s *Store) Document(ctx context.Context, kind api.Kind, id string) (api.Document, error) {
	d := api.Document{Kind: kind, ID: id}
	found := false
	err := s.eachPrepared(ctx, "SELECT version, modified, body FROM documents WHERE kind = ? AND id = ?", []any{string(kind), text(id)}, func(rows *sql.Rows) error {
		var modified int64
		err := rows.Scan(&d.Version, &modified, &d.Body)
		d.Modified, found = at(modified), true
		return err
	})
	if err != nil {
		return api.Document{}, failure("read a document", s.dialect, err)
	}
	if !found {
		return api.Document{}, autodefend.Errorf(autodefend.CodeNotFound, "there is no %s %q", kind, id)
	}
	return d, nil
}

// Documents reads all of a kind, by id.
func (s *Store) Documents(ctx context.Context, kind api.Kind) ([]api.Document, error) {
	var all []api.Document
	_, err := s.each(ctx, s.db, "SELECT id, version, modified, body FROM documents WHERE kind = ?", []any{string(kind)}, func(rows *sql.Rows) error {
		d := api.Document{Kind: kind}
		var modified int64
		err := rows.Scan(&d.ID, &d.Version, &modified, &d.Body)
		d.Modified = at(modified)
		all = append(all, d)
		return err
	})
	if err != nil {
		return nil, failure("read documents", s.dialect, err)
	}
	sortByID(all)
	return all, nil
}

// Generation grows with every write of any of the kinds; without kinds, of all.
func (s *Store) Generation(ctx context.Context, kinds ...api.Kind) (int64, error) {
	var c conditions
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	c.in("kind", names)
	var sum int64
	err := s.eachPrepared(ctx, "SELECT CAST(coalesce(sum(generation), 0) AS BIGINT) FROM generations"+c.where(), c.args, func(rows *sql.Rows) error { return rows.Scan(&sum) })
	return sum, failure("read the generation of documents", s.dialect, err)
}

// Write carries out all changes or none, and adds the management audit in the same transaction; audit may be nil. Deleting
// what isn't there has [autodefend.CodeNotFound].
func (s *Store) Write(ctx context.Context, changes []api.DocumentChange, audit *api.MgmtAudit) error {
	return s.writer.do(ctx, "write documents", 1, func(ctx context.Context, tx *tx) error {
		kinds := make(map[api.Kind]bool)
		for _, c := range changes {
			if err := s.change(ctx, tx, c); err != nil {
				return err
			}
			kinds[c.Kind] = true
		}
		for _, kind := range sorted(kinds) {
			_, err := tx.exec(ctx, `INSERT INTO generations (kind, generation) VALUES (?, 1)
				ON CONFLICT (kind) DO UPDATE SET generation = generations.generation + 1`, string(kind))
			if err != nil {
				return err
			}
		}
		tx.signals = true
		if audit == nil {
			return nil
		}
		return addMgmt(ctx, tx, *audit)
	})
}

func (s *Store) change(ctx context.Context, tx *tx, c api.DocumentChange) error {
	var stored int64
	err := tx.queryRow(ctx, "SELECT version FROM documents WHERE kind = ? AND id = ?", string(c.Kind), text(c.ID)).Scan(&stored)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	switch {
	case c.Body == nil && stored == 0 && c.Version <= 0:
		return autodefend.Errorf(autodefend.CodeNotFound, "there is no %s %q", c.Kind, c.ID)
	case c.Version == 0 && stored != 0:
		return autodefend.Errorf(autodefend.CodeConflict, "%s %q exists already", c.Kind, c.ID).WithHint("change it, or choose another name")
	case c.Version != api.Any && c.Version != stored:
		return changed(c)
	}
	n, err := s.put(ctx, tx, c, stored)
	if err == nil && n == 0 {
		return changed(c)
	}
	return err
}

// put writes over the version that was read: another replica may have written since.
func (s *Store) put(ctx context.Context, tx *tx, c api.DocumentChange, stored int64) (int64, error) {
	kind, id, now := string(c.Kind), text(c.ID), s.config.Now().UnixMilli()
	switch {
	case c.Body == nil:
		return tx.exec(ctx, "DELETE FROM documents WHERE kind = ? AND id = ? AND version = ?", kind, id, stored)
	case stored == 0:
		return tx.exec(ctx, "INSERT INTO documents (kind, id, version, modified, body) VALUES (?, ?, 1, ?, ?) ON CONFLICT (kind, id) DO NOTHING", kind, id, now, c.Body)
	default:
		return tx.exec(ctx, "UPDATE documents SET version = version + 1, modified = ?, body = ? WHERE kind = ? AND id = ? AND version = ?", now, c.Body, kind, id, stored)
	}
}

func changed(c api.DocumentChange) error {
	return autodefend.Errorf(autodefend.CodeConflict, "%s %q was changed since it was read", c.Kind, c.ID).
		WithHint("read it again and make the change from what it is now")
}
