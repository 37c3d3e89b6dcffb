package layer

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"
)

const (
	// MaxZipped is the largest layer that Build makes, in bytes. It is this project's budget, not a limit of Lambda.
	MaxZipped = 6 << 20
	// WrapperPath is the path at which functions find the wrapper when they have the layer.
	WrapperPath = "/opt/" + wrapperEntry

	directoryEntry = "autodefend/"
	wrapperEntry   = "autodefend/wrapper"
	maxBinary      = 64 << 20
	// The levels above take several times as long and save 0.3 %.
	compressionLevel = 6
)

// Spec says what to put into a layer.
type Spec struct {
	Arch   Arch
	Binary string // path of the defender built for Arch
}

// Info describes a layer that was built.
type Info struct {
	Arch     Arch
	Zipped   int64  // bytes of the zip, Lambda's CodeSize
	Unzipped int64  // bytes of its content
	SHA256   string // of the zip, base64, Lambda's CodeSha256
}

// Build writes the layer's zip to w. The same binary gives the same bytes, on any machine and at any time. It fails for
// a binary that is not a statically linked executable of spec.Arch and for a layer over MaxZipped.
func Build(w io.Writer, spec Spec) (Info, error) {
	binary, err := readBinary(spec)
	if err != nil {
		return Info{}, err
	}
	counted := &countingWriter{w: w, hash: sha256.New()}
	if err := writeZip(counted, binary); err != nil {
		return Info{}, fmt.Errorf("write layer for %s: %w", spec.Arch, err)
	}
	return Info{
		Arch:     spec.Arch,
		Zipped:   counted.n,
		Unzipped: int64(len(binary)),
		SHA256:   base64.StdEncoding.EncodeToString(counted.hash.Sum(nil)),
	}, nil
}

// BuildFile is Build into a file, which appears complete or not at all.
func BuildFile(path string, spec Spec) (Info, error) {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".layer-*")
	if err != nil {
		return Info{}, fmt.Errorf("create layer: %w", err)
	}
	defer func() { _ = os.Remove(temporary.Name()) }()
	info, err := Build(temporary, spec)
	if err == nil {
		err = temporary.Chmod(0o644)
	}
	if closeErr := temporary.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return Info{}, fmt.Errorf("create layer %s: %w", path, err)
	}
	return info, nil
}

func readBinary(spec Spec) ([]byte, error) {
	file, err := os.Open(spec.Binary)
	if err != nil {
		return nil, fmt.Errorf("read defender: %w", err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("read defender: %w", err)
	}
	if info.Size() > maxBinary {
		return nil, fmt.Errorf("defender %s: larger than %d bytes", spec.Binary, maxBinary)
	}
	binary, err := io.ReadAll(io.LimitReader(file, maxBinary))
	if err != nil {
		return nil, fmt.Errorf("read defender: %w", err)
	}
	if err := checkBinary(bytes.NewReader(binary), spec.Arch); err != nil {
		return nil, fmt.Errorf("defender %s: %w", spec.Binary, err)
	}
	return binary, nil
}

// writeZip writes the directory and the wrapper, with modes of Unix and a fixed time.
func writeZip(w io.Writer, binary []byte) error {
	archive := zip.NewWriter(w)
	archive.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(out, compressionLevel)
	})
	modified := time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC)
	directory := &zip.FileHeader{Name: directoryEntry, Modified: modified}
	directory.SetMode(os.ModeDir | 0o755)
	if _, err := archive.CreateHeader(directory); err != nil {
		return err
	}
	program := &zip.FileHeader{Name: wrapperEntry, Method: zip.Deflate, Modified: modified}
	program.SetMode(0o755)
	entry, err := archive.CreateHeader(program)
	if err != nil {
		return err
	}
	if _, err := entry.Write(binary); err != nil {
		return err
	}
	return archive.Close()
}

// countingWriter counts and hashes what goes through it, and fails past MaxZipped.
type countingWriter struct {
	w    io.Writer
	hash hash.Hash
	n    int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	if c.n+int64(len(p)) > MaxZipped {
		return 0, fmt.Errorf("larger than the budget of %d bytes", MaxZipped)
	}
	n, err := c.w.Write(p)
	c.n += int64(n)
	_, _ = c.hash.Write(p[:n])
	return n, err
}
