//go:build linux

package runner

import (
	"archive/zip"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// entry is one entry of a zip that a test packs.
type entry struct {
	name, text string
	mode       fs.FileMode
}

// packed packs entries in their order.
func packed(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		if e.mode != 0 {
			h.SetMode(e.mode)
		}
		w, err := z.CreateHeader(h)
		if err == nil {
			_, err = w.Write([]byte(e.text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestUnpack(t *testing.T) {
	dir := t.TempDir()
	_, err := unpack(packed(
		t,
		entry{"a/b/c.py", "one", 0o644}, entry{"run", "two", 0o755 | fs.ModeSetuid}, entry{"secret", "x", 0o600}, entry{"plain", "y", 0},
		entry{"d/", "", fs.ModeDir | 0o700}, entry{"link", "a/b/c.py", fs.ModeSymlink | 0o777}, entry{"away", "/opt/elsewhere", fs.ModeSymlink | 0o777},
		entry{"run", "three", 0o755}, entry{"./dot/x", "z", 0o644}, entry{`win\dows.txt`, "w", 0o644},
	), dir, maxUnpacked)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a/b/c.py": "one", "run": "three", "link": "one", "dot/x": "z", "win/dows.txt": "w"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, want)
		}
	}
	for name, want := range map[string]fs.FileMode{"run": 0o755, "secret": 0o600, "plain": 0o644, "d": fs.ModeDir | 0o755, "a": fs.ModeDir | 0o755} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != want {
			t.Errorf("%s: got %v, %v, want %v", name, info.Mode(), err, want)
		}
	}
	if target, err := os.Readlink(filepath.Join(dir, "away")); err != nil || target != "/opt/elsewhere" {
		t.Errorf("away leads to %q, %v", target, err)
	}
}

func TestUnpackRefusesToLeave(t *testing.T) {
	outside := t.TempDir()
	tests := []struct {
		name    string
		entries []entry
	}{
		{"parent", []entry{{"../x", "evil", 0o644}}},
		{"parent within", []entry{{"a/../../x", "evil", 0o644}}},
		{"absolute", []entry{{outside + "/x", "evil", 0o644}}},
		{"backslashes", []entry{{`..\x`, "evil", 0o644}}},
		{"through an absolute link", []entry{{"l", outside, fs.ModeSymlink | 0o777}, {"l/x", "evil", 0o644}}},
		{"through a relative link", []entry{{"l", "..", fs.ModeSymlink | 0o777}, {"l/x", "evil", 0o644}}},
		{"through a link to a file", []entry{{"l", outside + "/x", fs.ModeSymlink | 0o777}, {"l/y", "evil", 0o644}}},
		{"a device", []entry{{"null", "", fs.ModeDevice | fs.ModeCharDevice | 0o666}}},
		{"a pipe", []entry{{"pipe", "", fs.ModeNamedPipe | 0o666}}},
		{"an empty link", []entry{{"l", "", fs.ModeSymlink | 0o777}}},
		{"a long link", []entry{{"l", strings.Repeat("x", maxLinkTarget+1), fs.ModeSymlink | 0o777}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			parent := t.TempDir()
			dir := filepath.Join(parent, "in")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if _, err := unpack(packed(t, tt.entries...), dir, maxUnpacked); err == nil {
				t.Error("it was unpacked")
			}
			for _, d := range []string{parent, outside} {
				if found, _ := filepath.Glob(filepath.Join(d, "*")); len(found) > 1 || d == outside && len(found) > 0 {
					t.Errorf("written outside: %v", found)
				}
			}
		})
	}
}

func TestUnpackReplacesLinksInsteadOfWritingThroughThem(t *testing.T) {
	parent := t.TempDir()
	dir, victim := filepath.Join(parent, "in"), filepath.Join(parent, "victim")
	if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(victim, []byte("mine"), 0o644)); err != nil {
		t.Fatal(err)
	}
	if _, err := unpack(packed(t, entry{"l", "../victim", fs.ModeSymlink | 0o777}, entry{"l", "evil", 0o644}), dir, maxUnpacked); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(victim); string(got) != "mine" {
		t.Errorf("the link's target holds %q", got)
	}
}

func TestUnpackBoundsSize(t *testing.T) {
	// Zeros pack well; what counts is what comes out.
	zeros := entry{"zeros", strings.Repeat("\x00", 1<<20), 0o644}
	more := entry{"more", "x", 0o644}
	if _, err := unpack(packed(t, zeros, more), t.TempDir(), 1<<20); !errors.Is(err, errTooLarge) {
		t.Errorf("a byte too much: got %v, want %v", err, errTooLarge)
	}
	if n, err := unpack(packed(t, zeros), t.TempDir(), 1<<20); err != nil || n != 1<<20 {
		t.Errorf("just enough: got %d, %v", n, err)
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(packed(f, entry{"a/b", "x", 0o644}, entry{"l", "a", fs.ModeSymlink | 0o777}, entry{"l/c", "y", 0o755}))
	f.Add(packed(f, entry{"../x", "evil", 0o644}))
	f.Add([]byte("PK"))
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) > 1<<20 {
			return
		}
		parent := t.TempDir()
		dir := filepath.Join(parent, "in")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		_, _ = unpack(content, dir, maxUnpacked)
		if found, _ := filepath.Glob(filepath.Join(parent, "*")); len(found) != 1 {
			t.Errorf("written outside: %v", found)
		}
	})
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte("\xa5\x5a\x00\x01\x00\x00\x00\x02hi"), 3)
	f.Add([]byte("\xa5\x5a\x00\x03\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00hi"), 9)
	f.Add([]byte("plain text\n"), 1)
	f.Add([]byte("\xa5\x5a\x00\x03\xff\xff\xff\xff"), 2)
	f.Fuzz(func(t *testing.T, content []byte, size int) {
		size = max(1, size%64)
		whole := (&frames{}).decode(append([]byte(nil), content...))
		if len(whole) > 2*len(content)+1 {
			t.Errorf("%d bytes became %d", len(content), len(whole))
		}
		pieces := &frames{}
		for rest := content; len(rest) > 0; {
			n := min(size, len(rest))
			pieces.decode(append([]byte(nil), rest[:n]...))
			rest = rest[n:]
		}
		if len(pieces.pending) > maxFrame+frameHeader+8 {
			t.Errorf("%d bytes are pending", len(pieces.pending))
		}
	})
}
