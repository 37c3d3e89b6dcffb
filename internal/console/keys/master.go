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
	// EnvironmentVariable may carry the master key in base64, for replicas without a directory that they share. Several are
	// divided by commas or blanks, the newest first.
	EnvironmentVariable = "AUTODEFEND_MASTER_KEY"
	// FileName is that of the file of the master key in the Console's directory: a line for each, the newest first.
	FileName = "master.key"
	// MasterSize is the size of a master key in bytes.
	MasterSize = 32
)

// Open returns the keys of the master keys in a variable's value, or else in the directory's file, which it makes at the
// first start with mode 0600. A file that others may read, or that isn't one of keys, is refused with
// [autodefend.CodeInvalid] and left as it is.
func Open(dir, variable string) (*Keys, error) {
	if variable != "" {
		masters, err := parse(variable)
		if err != nil {
			return nil, autodefend.Errorf(autodefend.CodeInvalid, "%s: %v", EnvironmentVariable, err).
				WithHint("make one with: openssl rand -base64 %d", MasterSize)
		}
		return New(masters...)
	}
	path := filepath.Join(dir, FileName)
	masters, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = create(dir, path); err == nil || errors.Is(err, fs.ErrExist) {
			masters, err = read(path)
		}
	}
	if err != nil {
		return nil, err
	}
	return New(masters...)
}

// Present returns the keys of the directory's file, which must be there.
func Present(dir string) (*Keys, error) {
	masters, err := read(filepath.Join(dir, FileName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, autodefend.Errorf(autodefend.CodeNotFound, "there is no master key %q", filepath.Join(dir, FileName)).
			WithHint("name the Console's directory with --data")
	}
	if err != nil {
		return nil, err
	}
	return New(masters...)
}

// Rotate puts a new master key before the one in the directory's file and returns the keys of both. The old one stays there:
// what it sealed and signed goes on to open and hold. When there is an older one already, nothing changes. Nobody else may
// rotate at the same time.
func Rotate(dir string) (*Keys, error) {
	path := filepath.Join(dir, FileName)
	masters, err := read(path)
	if err != nil {
		return nil, err
	}
	if len(masters) == 1 {
		masters = append([][]byte{newMaster()}, masters...)
		if err := replace(dir, path, masters); err != nil {
			return nil, err
		}
	}
	return New(masters...)
}

// Retire removes all master keys but the newest from the directory's file, and returns how many went. What they sealed
// doesn't open any more. Nobody else may rotate at the same time.
func Retire(dir string) (int, error) {
	path := filepath.Join(dir, FileName)
	masters, err := read(path)
	if err != nil || len(masters) == 1 {
		return 0, err
	}
	return len(masters) - 1, replace(dir, path, masters[:1])
}

func newMaster() []byte {
	master := make([]byte, MasterSize)
	_, _ = rand.Read(master) // never fails
	return master
}

// parse reads one key or more, the newest first.
func parse(text string) ([][]byte, error) {
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' || r == '\r' })
	if len(words) == 0 {
		return nil, errors.New("isn't base64")
	}
	var masters [][]byte
	for _, word := range words {
		master, err := base64.StdEncoding.DecodeString(word)
		if err != nil {
			return nil, errors.New("isn't base64")
		}
		if len(master) != MasterSize {
			return nil, fmt.Errorf("has %d bytes, %d are needed", len(master), MasterSize)
		}
		masters = append(masters, master)
	}
	return masters, nil
}

func read(path string) ([][]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "%s: others than its owner may use it (mode %o)", path, info.Mode().Perm()).
			WithHint("chmod 600 it; if others may have read it, replace it with: autodefend console rekey")
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator's own directory
	if err != nil {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	masters, err := parse(string(text))
	if err != nil {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "%s: %v", path, err).
			WithHint("restore the file from a backup: what the database holds sealed can't be opened without it")
	}
	return masters, nil
}

// create writes a new key under another name and links it into place once it is on the disk, so that neither a crash nor
// another process that starts at the same time ever sees half a key.
func create(dir, path string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make directory of the master key: %w", err)
	}
	return write(dir, [][]byte{newMaster()}, func(temporary string) error { return os.Link(temporary, path) })
}

// replace writes keys in the place of those in the file: a crash leaves the ones or the others.
func replace(dir, path string, masters [][]byte) error {
	return write(dir, masters, func(temporary string) error { return os.Rename(temporary, path) })
}

// write has keys on the disk under another name before they are put in place.
func write(dir string, masters [][]byte, place func(temporary string) error) error {
	var text strings.Builder
	for _, master := range masters {
		text.WriteString(base64.StdEncoding.EncodeToString(master) + "\n")
	}
	f, err := os.CreateTemp(dir, FileName+".*")
	if err != nil {
		return fmt.Errorf("write master key: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.WriteString(text.String())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write master key: %w", err)
	}
	if err := place(f.Name()); err != nil {
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
