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
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"
)

const (
	// MaxZipped is the largest layer that Build makes, in bytes. It is this project's budget, not a limit of Lambda.
	MaxZipped = 6 << 20
	// WrapperPath is the path at which functions find the wrapper when they have the layer.
	WrapperPath = "/opt/" + wrapperEntry

	wrapperEntry   = "autodefend/wrapper"
	shimEntry      = "autodefend/libautodefend.so"
	hooksEntry     = "autodefend/hooks/"
	extensionEntry = "extensions/autodefend"
	maxBinary      = 64 << 20
	// The levels above take several times as long and save 0.3 %.
	compressionLevel = 6
)

// extensionScript is the external extension. A second copy of the program would double the layer.
const extensionScript = "#!/bin/sh\nexec " + WrapperPath + " extension\n"

// Spec says what to put into a layer.
type Spec struct {
	Arch   Arch
	Binary string // path of the defender built for Arch
	Shim   string // path of the shim built for Arch; "" makes a layer whose Defender has no tier preload
	Hooks  fs.FS  // the language hooks; nil for none
}

// Info describes a layer that was built.
type Info struct {
	Arch     Arch
	Zipped   int64  // bytes of the zip, Lambda's CodeSize
	Unzipped int64  // bytes of its content
	SHA256   string // of the zip, base64, Lambda's CodeSha256
}

// entry is one file of a layer.
type entry struct {
	name    string
	mode    fs.FileMode
	content []byte
}

// Build writes the layer's zip to w. The same files give the same bytes, on any machine and at any time. It fails for
// a binary that is not a statically linked executable of spec.Arch, for a shim that is no shared library of it, and for
// a layer over MaxZipped.
func Build(w io.Writer, spec Spec) (Info, error) {
	entries, err := content(spec)
	if err != nil {
		return Info{}, err
	}
	counted := &countingWriter{w: w, hash: sha256.New()}
	if err := writeZip(counted, entries); err != nil {
		return Info{}, fmt.Errorf("write layer for %s: %w", spec.Arch, err)
	}
	info := Info{Arch: spec.Arch, Zipped: counted.n, SHA256: base64.StdEncoding.EncodeToString(counted.hash.Sum(nil))}
	for _, e := range entries {
		info.Unzipped += int64(len(e.content))
	}
	return info, nil
}

// content reads and checks what goes into the layer, in the order of the zip.
func content(spec Spec) ([]entry, error) {
	binary, err := readFile("defender", spec.Binary)
	if err == nil {
		err = checkBinary(bytes.NewReader(binary), spec.Arch)
	}
	if err != nil {
		return nil, fmt.Errorf("defender %s: %w", spec.Binary, err)
	}
	entries := []entry{{wrapperEntry, 0o755, binary}}
	if spec.Shim != "" {
		shim, err := readFile("shim", spec.Shim)
		if err == nil {
			err = checkShim(bytes.NewReader(shim), spec.Arch)
		}
		if err != nil {
			return nil, fmt.Errorf("shim %s: %w", spec.Shim, err)
		}
		entries = append(entries, entry{shimEntry, 0o755, shim})
	}
	hooks, err := readHooks(spec.Hooks)
	if err != nil {
		return nil, err
	}
	entries = append(entries, hooks...)
	return append(entries, entry{extensionEntry, 0o755, []byte(extensionScript)}), nil
}

// readHooks reads the language hooks in the order of their names.
func readHooks(hooks fs.FS) ([]entry, error) {
	if hooks == nil {
		return nil, nil
	}
	var entries []entry
	err := fs.WalkDir(hooks, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(hooks, path)
		entries = append(entries, entry{hooksEntry + path, 0o644, text})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read hooks: %w", err)
	}
	return entries, nil
}

// BuildFile is Build into a file, which appears complete or not at all.
func BuildFile(name string, spec Spec) (Info, error) {
	temporary, err := os.CreateTemp(filepath.Dir(name), ".layer-*")
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
		err = os.Rename(temporary.Name(), name)
	}
	if err != nil {
		return Info{}, fmt.Errorf("create layer %s: %w", name, err)
	}
	return info, nil
}

func readFile(what, name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	if info.Size() > maxBinary {
		return nil, fmt.Errorf("larger than %d bytes", maxBinary)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxBinary))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	return data, nil
}

// writeZip writes the entries and their directories, with modes of Unix and a fixed time.
func writeZip(w io.Writer, entries []entry) error {
	archive := zip.NewWriter(w)
	archive.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(out, compressionLevel)
	})
	modified := time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC)
	made := map[string]bool{}
	for _, e := range entries {
		if directory := path.Dir(e.name) + "/"; !made[directory] {
			made[directory] = true
			header := &zip.FileHeader{Name: directory, Modified: modified}
			header.SetMode(os.ModeDir | 0o755)
			if _, err := archive.CreateHeader(header); err != nil {
				return err
			}
		}
		header := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: modified}
		header.SetMode(e.mode)
		file, err := archive.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := file.Write(e.content); err != nil {
			return err
		}
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
