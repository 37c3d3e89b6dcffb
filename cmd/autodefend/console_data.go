package main

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/autodefend/autodefend"
)

// consoleData is where a Console keeps its data.
type consoleData struct {
	dir      string
	database string
}

// databaseFile is the SQLite database's name in the directory.
const databaseFile = "console.db"

// flags adds --data and --database.
func (d *consoleData) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&d.dir, "data", "autodefend-data", "`DIRECTORY` of the master key, the certificate and the database")
	cmd.Flags().StringVar(&d.database, "database", "", "`FILE` of SQLite or postgres:// address (default: "+databaseVariable+", else "+databaseFile+" in --data)")
}

// resolve finds the database.
func (d *consoleData) resolve() error {
	if d.database == "" {
		d.database = os.Getenv(databaseVariable)
	}
	if d.database == "" {
		d.database = filepath.Join(d.dir, databaseFile)
	}
	if scheme, _, ok := strings.Cut(d.database, "://"); ok && scheme != "postgres" && scheme != "postgresql" {
		return autodefend.Errorf(autodefend.CodeInvalid, "option --database: %q isn't a database that is known", scheme+"://").
			WithHint("name a file for SQLite, or postgres://USER@HOST/NAME")
	}
	return nil
}

// make makes the directory where it isn't, for nobody else to read.
func (d *consoleData) make() error {
	if err := d.resolve(); err != nil {
		return err
	}
	if err := d.makeDirectory(); err != nil {
		return err
	}
	return d.makeFile()
}

// makeDirectory makes the directory, or looks whether the one that is there will do.
func (d *consoleData) makeDirectory() error {
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return autodefend.Errorf(autodefend.CodeInvalid, "option --data: the directory %q can't be made: %s", d.dir, whyNot(err)).
			WithHint("name a directory that may be written to")
	}
	info, err := os.Stat(d.dir)
	if err != nil {
		return autodefend.Errorf(autodefend.CodeInvalid, "option --data: the directory %q can't be read: %s", d.dir, whyNot(err))
	}
	if others := info.Mode().Perm() & 0o022; others != 0 {
		return autodefend.Errorf(autodefend.CodeInvalid, "option --data: others may write to the directory %q", d.dir).
			WithHint("take that from them with: chmod 700 %s", d.dir)
	}
	return nil
}

// makeFile makes the database's file where it isn't, for nobody else to read; SQLite gives its other files the same mode.
func (d *consoleData) makeFile() error {
	if !d.isFile() {
		return nil
	}
	file, err := os.OpenFile(d.database, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil:
		return autodefend.Errorf(autodefend.CodeInvalid, "option --database: the file %q can't be made: %s", d.database, whyNot(err))
	}
	return file.Close()
}

// isFile reports whether the database is a file of SQLite.
func (d *consoleData) isFile() bool { return !strings.Contains(d.database, "://") }

// elsewhere reports whether the database isn't the directory's own.
func (d *consoleData) elsewhere() bool { return d.database != filepath.Join(d.dir, databaseFile) }

// shown is the database as it's printed: an address without its password.
func (d *consoleData) shown() string {
	if u, err := url.Parse(d.database); err == nil && u.Scheme != "" {
		return u.Redacted()
	}
	return d.database
}

// exists reports whether a file is there.
func exists(name string) bool {
	_, err := os.Stat(name)
	return !errors.Is(err, fs.ErrNotExist)
}
