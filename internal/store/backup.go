package store

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"os"

	"github.com/autodefend/autodefend"
)

// Backup writes a copy of the database, as it is at one moment, to a file that doesn't exist yet; the store goes on
// meanwhile. PostgreSQL has programs of its own for that.
func (s *Store) Backup(ctx context.Context, file string) error {
	d, ok := s.dialect.(sqlite)
	if !ok {
		return ownTools("backed up", "pg_dump --format=custom")
	}
	if _, err := os.Lstat(file); err == nil {
		return autodefend.Errorf(autodefend.CodeConflict, "%s exists already", file).WithHint("name a file that doesn't exist")
	}
	part := file + ".part"
	if err := os.RemoveAll(part); err != nil {
		return unusable("write the backup", err)
	}
	db, err := d.open(writing)
	if err != nil {
		return failure("back up the database", d, err)
	}
	defer db.Close() //nolint:errcheck // it was only read
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", part); err != nil {
		return errors.Join(failure("back up the database", d, err), os.RemoveAll(part))
	}
	err = flush(part)
	if err == nil {
		err = systemFiles().put(part, file)
	}
	if err != nil {
		return errors.Join(unusable("write the backup", err), os.RemoveAll(part))
	}
	return nil
}

func ownTools(what, program string) error {
	return autodefend.Errorf(autodefend.CodeInvalid, "a PostgreSQL database isn't %s by the Console", what).WithHint("use %s", program)
}

func unusable(op string, err error) error {
	return &autodefend.Error{Code: autodefend.CodeUnavailable, Message: op, Err: err, Hint: "look at the disk and at the owner of the directory"}
}

// flush has a file on the disk, for nobody else to read.
func flush(file string) error {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), f.Sync(), f.Close())
}

// Restore puts a backup in the place of the database that c names, and keeps the one that was there beside it, its name
// followed by .replaced and the time. It's refused while a Console uses the database, and when the backup is damaged or
// newer than this program.
func Restore(ctx context.Context, c Config, backup string) error {
	c = c.withDefaults()
	d, err := dialectOf(c)
	if err != nil {
		return err
	}
	to, ok := d.(sqlite)
	if !ok {
		return ownTools("restored", "pg_restore")
	}
	if err := check(ctx, backup); err != nil {
		return err
	}
	part := to.path + ".part"
	if err := copyFile(backup, part); err != nil {
		return errors.Join(unusable("copy the backup", err), os.RemoveAll(part))
	}
	if err := quiesce(ctx, to); err != nil {
		return errors.Join(err, os.RemoveAll(part))
	}
	aside := to.path + ".replaced-" + c.Now().UTC().Format("20060102T150405Z")
	if err := systemFiles().replace(part, to.path, aside); err != nil {
		return errors.Join(unusable("put the backup in place", err), os.RemoveAll(part))
	}
	return nil
}

// check looks through the whole of a backup, without changing it.
func check(ctx context.Context, backup string) error {
	d := sqlite{path: backup, readers: 1}
	if _, err := os.Stat(backup); err != nil {
		return &autodefend.Error{Code: autodefend.CodeNotFound, Message: "the backup can't be read", Err: err}
	}
	if err := d.prepare(ctx); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", d.address("mode=ro&immutable=1"))
	if err != nil {
		return failure("open the backup", d, err)
	}
	defer db.Close() //nolint:errcheck // it was only read
	var result string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&result); err != nil {
		return damaged("the backup can't be read", err)
	}
	if result != "ok" {
		return damaged("the backup is damaged", errors.New(result))
	}
	steps, err := migrations(d)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return failure("read the backup", d, err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	if ours, err := d.hasTable(ctx, tx, "schema_versions"); err != nil || !ours {
		return errors.Join(damaged("the backup isn't one of a Console", nil), err)
	}
	_, err = checkVersions(ctx, tx, steps)
	return failure("read the backup", d, err)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // it was only read
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	return flush(to)
}

// quiesce makes a database that nobody uses one file. Leaving the journal mode is what SQLite allows to the only one who
// has the database open; it also moves everything from the journal into the file.
func quiesce(ctx context.Context, d sqlite) error {
	if _, err := os.Stat(d.path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	db, err := sql.Open("sqlite", d.address(""))
	if err != nil {
		return failure("open the database", d, err)
	}
	var mode string
	err = db.QueryRowContext(ctx, "PRAGMA journal_mode = DELETE").Scan(&mode)
	if closed := db.Close(); err == nil {
		err = closed
	}
	if err != nil && !d.broken(err) { // one that is damaged is what a backup is for
		return &autodefend.Error{
			Code: autodefend.CodeConflict, Message: "the database is in use", Err: err, Hint: "stop the Console first; nothing was changed",
		}
	}
	return nil
}
