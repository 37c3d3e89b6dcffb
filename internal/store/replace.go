package store

import (
	"errors"
	"os"
	"path/filepath"
)

// files are what a restore does to names in a directory.
type files struct {
	rename, link func(from, to string) error
	// sync has the name of a file on the disk.
	sync func(file string) error
}

func systemFiles() files { return files{rename: os.Rename, link: os.Link, sync: syncDirectory} }

func syncDirectory(file string) error {
	directory, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}

// put gives a file that is on the disk its name.
func (f files) put(part, file string) error {
	if err := f.rename(part, file); err != nil {
		return err
	}
	return f.sync(file)
}

// replace puts a file that is on the disk in the place of a database, which is kept under the name aside. At any moment
// one of the two is at the path, whole, where the file system has links: the old one gets its second name before the new
// one takes the first. When the new one can't be put there, the old one stays.
func (f files) replace(part, path, aside string) error {
	undo, err := f.keep(path, aside)
	if err == nil {
		err = f.rename(part, path)
	}
	if err != nil {
		return errors.Join(err, undo())
	}
	return f.sync(path)
}

// keep gives a database its second name, and returns what takes that back. What a damaged one has beside it goes first:
// SQLite would take it for the new one's.
func (f files) keep(path, aside string) (func() error, error) {
	var undone []func() error
	undo := func() error {
		var errs []error
		for _, u := range undone {
			errs = append(errs, u())
		}
		return errors.Join(errs...)
	}
	if _, err := os.Lstat(aside); err == nil {
		return undo, &os.PathError{Op: "keep the database", Path: aside, Err: os.ErrExist}
	}
	for _, suffix := range []string{"-wal", "-shm", "-journal"} {
		err := f.rename(path+suffix, aside+suffix)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return undo, err
		}
		undone = append(undone, func() error { return f.rename(aside+suffix, path+suffix) })
	}
	err := f.link(path, aside)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return undo, nil
	case err == nil:
		undone = append(undone, func() error { return os.Remove(aside) })
	case errors.Is(err, errors.ErrUnsupported), errors.Is(err, os.ErrPermission): // no links here
		if err := f.rename(path, aside); err != nil {
			return undo, err
		}
		undone = append(undone, func() error { return f.rename(aside, path) })
	default:
		return undo, err
	}
	return undo, f.sync(path)
}
