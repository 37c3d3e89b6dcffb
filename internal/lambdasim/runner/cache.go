//go:build linux

package runner

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// cache keeps unpacked packages, by their content. It is safe for concurrent
// use; each package is unpacked once.
type cache struct {
	dir string
	mu  sync.Mutex // held while something is unpacked
	// copies counts the copies of directories.
	copies int
}

// code returns the directory of a function's code and the bytes in it.
func (c *cache) code(p Package) (string, int64, error) {
	if p.Zip == nil && p.Dir != "" {
		return p.Dir, 0, needDir(p.Dir)
	}
	return c.unpacked([]Package{p})
}

// layers returns the directory that a function's layers make together; later
// ones win.
func (c *cache) layers(layers []Package) (string, int64, error) {
	if len(layers) == 1 && layers[0].Zip == nil && layers[0].Dir != "" {
		return layers[0].Dir, 0, needDir(layers[0].Dir)
	}
	return c.unpacked(layers)
}

// needDir checks that a directory is there.
func needDir(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPackage, err)
	}
	if !info.IsDir() {
		return fmt.Errorf("%w: %s is not a directory", ErrPackage, dir)
	}
	return nil
}

// unpacked unpacks packages over one another, unless that was done before.
func (c *cache) unpacked(packages []Package) (string, int64, error) {
	name := sha256.New()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range packages {
		fmt.Fprintln(name, p.sum())
		if p.Dir != "" {
			c.copies++ // a directory may change, so its copy is used once
			fmt.Fprintln(name, "copy", c.copies)
		}
	}
	dir := filepath.Join(c.dir, "package-"+hex.EncodeToString(name.Sum(nil))[:32])
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		size, err := dirSize(dir)
		return dir, size, err
	}
	building, err := os.MkdirTemp(c.dir, "unpacking-")
	if err != nil {
		return "", 0, fmt.Errorf("unpack: %w", err)
	}
	size, err := fill(building, packages)
	if err == nil {
		err = errors.Join(os.Chmod(building, 0o755), os.Rename(building, dir))
	}
	if err != nil {
		return "", 0, errors.Join(err, os.RemoveAll(building))
	}
	return dir, size, nil
}

// fill unpacks packages into a directory.
func fill(dir string, packages []Package) (int64, error) {
	total := int64(0)
	for _, p := range packages {
		if p.Zip == nil && p.Dir == "" {
			continue
		}
		if p.Zip == nil {
			if err := copyDir(dir, p.Dir); err != nil {
				return 0, err
			}
			continue
		}
		n, err := unpack(p.Zip, dir, maxUnpacked-total)
		if err != nil {
			return 0, fmt.Errorf("%w: %w", ErrPackage, err)
		}
		total += n
	}
	return total, nil
}

// copyDir copies a directory over another.
func copyDir(to, from string) error {
	root, err := os.OpenRoot(to)
	if err != nil {
		return fmt.Errorf("copy %s: %w", from, err)
	}
	defer shut(root)
	u := unpacking{root: root}
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil || name == "." {
			return err
		}
		return u.copy(path, name, d)
	})
}

// copy copies one entry of a directory.
func (u *unpacking) copy(from, name string, d fs.DirEntry) error {
	if d.IsDir() {
		return u.dir(name)
	}
	if err := u.parent(name); err != nil {
		return err
	}
	if d.Type()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return u.root.Symlink(target, name)
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	if err := u.root.WriteFile(name, content, 0o600); err != nil {
		return err
	}
	return u.root.Chmod(name, info.Mode().Perm())
}

// dirSize adds up the files of a directory, in bytes.
func dirSize(dir string) (int64, error) {
	total := int64(0)
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}
