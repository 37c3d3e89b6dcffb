//go:build linux

package runner

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// Limits of what is unpacked.
const (
	// maxUnpacked is AWS's limit on a function's code and layers, in bytes.
	maxUnpacked = 262_144_000
	// maxEntries bounds the files of one package.
	maxEntries = 200_000
	// maxLinkTarget bounds the length of a symbolic link.
	maxLinkTarget = 4096
)

// Systems that a zip was made on whose permissions mean something.
const (
	zipUnix  = 3
	zipMacOS = 19
)

// errTooLarge is the cause when a package doesn't fit.
var errTooLarge = fmt.Errorf("unzipped size must be smaller than %d bytes", maxUnpacked)

// unpack extracts a zip into a directory and returns how many bytes that took,
// at most limit.
// Nothing is written outside of the directory, whatever names and links the zip
// has.
func unpack(content []byte, dir string, limit int64) (int64, error) {
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return 0, fmt.Errorf("open package: %w", err)
	}
	if len(z.File) > maxEntries {
		return 0, fmt.Errorf("open package: more than %d files", maxEntries)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, fmt.Errorf("open package: %w", err)
	}
	defer shut(root)
	u := unpacking{root: root, limit: limit}
	for _, f := range z.File {
		if err := u.entry(f); err != nil {
			return 0, fmt.Errorf("unpack %q: %w", f.Name, err)
		}
	}
	return u.written, nil
}

// unpacking is the state of one extraction.
type unpacking struct {
	root    *os.Root
	written int64
	limit   int64
}

// entry extracts one entry.
func (u *unpacking) entry(f *zip.File) error {
	name := path.Clean(strings.ReplaceAll(f.Name, `\`, "/"))
	if !fs.ValidPath(name) {
		return errors.New("the name leads out of the package")
	}
	mode := f.Mode()
	switch {
	case name == ".":
		return nil
	case mode.IsDir() || strings.HasSuffix(f.Name, "/"):
		return u.dir(name)
	case mode&fs.ModeSymlink != 0:
		return u.link(f, name)
	case mode.IsRegular():
		return u.file(f, name, mode.Perm())
	}
	return fmt.Errorf("a package can't hold a file of mode %v", mode)
}

// dir makes a directory and those above it.
func (u *unpacking) dir(name string) error {
	for i := range len(name) + 1 {
		if i < len(name) && name[i] != '/' {
			continue
		}
		err := u.root.Mkdir(name[:i], 0o755)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if err == nil {
			if err := u.root.Chmod(name[:i], 0o755); err != nil { // whatever the umask
				return err
			}
		}
	}
	return nil
}

// parent makes the directory of a file and removes what is in the file's place:
// of layers, and of entries with one name, the last one wins.
func (u *unpacking) parent(name string) error {
	if dir := path.Dir(name); dir != "." {
		if err := u.dir(dir); err != nil {
			return err
		}
	}
	if err := u.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// link makes a symbolic link. Where it leads is a matter of the sandbox: here
// nothing is ever reached through it but what is inside of the directory.
func (u *unpacking) link(f *zip.File, name string) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer shut(r)
	target, err := io.ReadAll(io.LimitReader(r, maxLinkTarget+1))
	if err != nil {
		return err
	}
	if len(target) == 0 || len(target) > maxLinkTarget || bytes.IndexByte(target, 0) >= 0 {
		return errors.New("not a symbolic link")
	}
	if err := u.parent(name); err != nil {
		return err
	}
	return u.root.Symlink(string(target), name)
}

// file extracts a file with its permissions, without set-id bits.
func (u *unpacking) file(f *zip.File, name string, perm fs.FileMode) error {
	if err := u.parent(name); err != nil {
		return err
	}
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer shut(r)
	if system := f.CreatorVersion >> 8; perm == 0 || system != zipUnix && system != zipMacOS {
		perm = 0o644 // packed on a system without permissions
	}
	w, err := u.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(w, io.LimitReader(r, u.limit-u.written+1))
	u.written += n
	if err == nil && u.written > u.limit {
		err = errTooLarge
	}
	if err == nil {
		err = w.Chmod(perm)
	}
	return errors.Join(err, w.Close())
}
