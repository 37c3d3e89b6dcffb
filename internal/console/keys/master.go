package keys

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/autodefend/autodefend"
)

const (
	// EnvironmentVariable may carry the master key in base64, for replicas without a directory that they share.
	EnvironmentVariable = "AUTODEFEND_MASTER_KEY"
	// FileName is that of the master key in the Console's directory.
	FileName = "master.key"
	// MasterSize is the size of a master key in bytes.
	MasterSize = 32
)

// Open returns the keys of the master key in a variable's value, or else in the directory's file, which it makes at the
// first start with mode 0600. A file that others may read, or that isn't a key, is refused with [autodefend.CodeInvalid]
// and left as it is.
func Open(dir, variable string) (*Keys, error) {
	if variable != "" {
		master, err := parse(variable)
		if err != nil {
			return nil, autodefend.Errorf(autodefend.CodeInvalid, "%s: %v", EnvironmentVariable, err).
				WithHint("make one with: openssl rand -base64 %d", MasterSize)
		}
		return New(master)
	}
	path := filepath.Join(dir, FileName)
	master, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = create(dir, path); err == nil || errors.Is(err, fs.ErrExist) {
			master, err = read(path)
		}
	}
	if err != nil {
		return nil, err
	}
	return New(master)
}

func parse(text string) ([]byte, error) {
	master, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return nil, errors.New("isn't base64")
	}
	if len(master) != MasterSize {
		return nil, fmt.Errorf("has %d bytes, %d are needed", len(master), MasterSize)
	}
	return master, nil
}

func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "%s: others than its owner may use it (mode %o)", path, info.Mode().Perm()).
			WithHint("chmod 600 it; if others may have read it, replace it and enter all credentials again")
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator's own directory
	if err != nil {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	master, err := parse(string(text))
	if err != nil {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "%s: %v", path, err).
			WithHint("restore the file from a backup: what the database holds sealed can't be opened without it")
	}
	return master, nil
}

// create writes a new key under another name and links it into place once it is on the disk, so that neither a crash nor
// another process that starts at the same time ever sees half a key.
func create(dir, path string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make directory of the master key: %w", err)
	}
	master := make([]byte, MasterSize)
	_, _ = rand.Read(master) // never fails
	f, err := os.CreateTemp(dir, FileName+".*")
	if err != nil {
		return fmt.Errorf("write master key: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(master) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write master key: %w", err)
	}
	if err := os.Link(f.Name(), path); err != nil {
		return fmt.Errorf("write master key: %w", err)
	}
	return syncDirectory(dir)
}

func syncDirectory(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the operator's own directory
	if err != nil {
		return fmt.Errorf("write master key: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("write master key: %w", err)
	}
	return nil
}
