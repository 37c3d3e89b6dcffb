package layer

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// binaries is the directory with the defender built for both architectures, as make build leaves it.
var binaries string

func TestMain(m *testing.M) {
	os.Exit(buildAndTest(m))
}

func buildAndTest(m *testing.M) int {
	dir, err := os.MkdirTemp("", "layer")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for _, arch := range []string{"amd64", "arm64"} {
		cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -E autodefendEntry",
			"-o", filepath.Join(dir, "defender-linux-"+arch), "../../cmd/defender")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
		if out, err := cmd.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build defender: %v\n%s", err, out)
			return 1
		}
	}
	binaries = dir
	return m.Run()
}

func locate(t *testing.T, arch Arch) string {
	t.Helper()
	spec, err := Locate(binaries, arch)
	if err != nil {
		t.Fatal(err)
	}
	return spec.Binary
}

// TestBuild checks what is in the zip, entry by entry, and that the figures are those of the zip.
func TestBuild(t *testing.T) {
	for _, arch := range Arches() {
		t.Run(string(arch), func(t *testing.T) {
			path := locate(t, arch)
			var out bytes.Buffer
			shim := noShim(t, arch)
			hooks := fstest.MapFS{"ruby.rb": {Data: []byte("# ruby")}, "node.cjs": {Data: []byte("// node")}}
			info, err := Build(&out, Spec{Arch: arch, Binary: path, Shim: shim, Hooks: hooks})
			if err != nil {
				t.Fatal(err)
			}
			binary, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(out.Bytes())
			want := Info{Arch: arch, Zipped: int64(out.Len()), Unzipped: int64(len(binary)) + 120 + 13 + int64(len(extensionScript)), SHA256: base64.StdEncoding.EncodeToString(sum[:])}
			if diff := cmp.Diff(want, info); diff != "" {
				t.Errorf("info (-want +got):\n%s", diff)
			}
			if unzipped, err := UnzippedSize(bytes.NewReader(out.Bytes()), int64(out.Len())); err != nil || unzipped != info.Unzipped {
				t.Errorf("UnzippedSize: %d, %v; want %d", unzipped, err, info.Unzipped)
			}
			entries, content := describe(t, out.Bytes())
			if diff := cmp.Diff([]string{
				"autodefend/ drwxr-xr-x method 0 at 2020-01-01T00:00:00Z",
				"autodefend/wrapper -rwxr-xr-x method 8 at 2020-01-01T00:00:00Z",
				"autodefend/libautodefend.so -rwxr-xr-x method 8 at 2020-01-01T00:00:00Z",
				"autodefend/hooks/ drwxr-xr-x method 0 at 2020-01-01T00:00:00Z",
				"autodefend/hooks/node.cjs -rw-r--r-- method 8 at 2020-01-01T00:00:00Z",
				"autodefend/hooks/ruby.rb -rw-r--r-- method 8 at 2020-01-01T00:00:00Z",
				"extensions/ drwxr-xr-x method 0 at 2020-01-01T00:00:00Z",
				"extensions/autodefend -rwxr-xr-x method 8 at 2020-01-01T00:00:00Z",
			}, entries); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
			if !bytes.Equal(content, binary) {
				t.Error("the wrapper in the zip is not the binary")
			}
			t.Logf("%s: %d bytes zipped, %d unzipped, %s", arch, info.Zipped, info.Unzipped, info.SHA256)
		})
	}
}

// noShim returns a shared library for arch as far as its headers go, of 120 bytes.
func noShim(t *testing.T, arch Arch) string {
	t.Helper()
	machine, _, err := arch.machine()
	if err != nil {
		t.Fatal(err)
	}
	return writeBinary(t, with(tinyBinary(machine, 0), 16, byte(elf.ET_DYN)))
}

// describe lists a zip's entries and returns the content of the last one.
func describe(t *testing.T, data []byte) ([]string, []byte) {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var entries []string
	for _, f := range archive.File {
		entries = append(entries, fmt.Sprintf("%s %s method %d at %s", f.Name, f.Mode(), f.Method, f.Modified.UTC().Format("2006-01-02T15:04:05Z")))
	}
	content, err := fs.ReadFile(archive, "autodefend/wrapper")
	if err != nil {
		t.Fatal(err)
	}
	return entries, content
}

// TestBuildIsDeterministic builds into memory and into a file from two copies of one binary.
func TestBuildIsDeterministic(t *testing.T) {
	binary := tinyBinary(elf.EM_AARCH64, 100_000)
	var first bytes.Buffer
	want, err := Build(&first, Spec{Arch: ARM64, Binary: writeBinary(t, binary)})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "layer.zip")
	got, err := BuildFile(path, Spec{Arch: ARM64, Binary: writeBinary(t, binary)})
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != want || !bytes.Equal(first.Bytes(), second) {
		t.Errorf("two builds differ: %+v and %+v", want, got)
	}
	// The bytes themselves are pinned: a Go release whose compressor differs shows here.
	const pinned = "z1bWycCJVvK7g5ZF05qXUearnbJvWYAEq4dGeBOhUDY="
	if got.SHA256 != pinned {
		t.Errorf("the zip of a known binary is now %s, was %s", got.SHA256, pinned)
	}
}

// TestBuildRefuses damages a good binary in one place at a time.
func TestBuildRefuses(t *testing.T) {
	good := tinyBinary(elf.EM_X86_64, 1000)
	tests := []struct {
		name   string
		binary []byte
		arch   Arch
		want   string
	}{
		{"other architecture", good, ARM64, "built for EM_X86_64, want EM_AARCH64"},
		{"unknown architecture", good, "riscv64", "unknown"},
		{"a script", []byte("#!/bin/sh\nexec \"$@\"\n"), X8664, "not an ELF file"},
		{"empty", nil, X8664, "not an ELF file"},
		{"cut off", good[:70], X8664, "not an ELF file"},
		{"object file", with(good, 16, byte(elf.ET_REL)), X8664, "ET_REL"},
		{"shared library", with(with(good, 16, byte(elf.ET_DYN)), 24, make([]byte, 8)...), X8664, "shared library"},
		{"dynamically linked", with(good, 64, byte(elf.PT_INTERP)), X8664, "CGO_ENABLED=0"},
		{"over the budget", tinyBinary(elf.EM_X86_64, MaxZipped), X8664, "larger than the budget"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec := Spec{Arch: tt.arch, Binary: writeBinary(t, tt.binary)}
			path := filepath.Join(t.TempDir(), "layer.zip")
			if _, err := BuildFile(path, spec); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
			if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
	for want, shim := range map[string]string{
		"built for EM_AARCH64": noShim(t, ARM64), "want a shared library": writeBinary(t, good), "not an ELF": writeBinary(t, nil),
	} {
		if _, err := Build(&bytes.Buffer{}, Spec{Arch: X8664, Binary: writeBinary(t, good), Shim: shim}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("shim: %v, want %q", err, want)
		}
	}
	huge := writeBinary(t, good)
	if err := os.Truncate(huge, maxBinary+1); err != nil {
		t.Fatal(err)
	}
	if _, err := Build(&bytes.Buffer{}, Spec{Arch: X8664, Binary: huge}); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("huge binary: %v", err)
	}
	if _, err := Build(&bytes.Buffer{}, Spec{Arch: X8664, Binary: "/does/not/exist"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing binary: %v", err)
	}
}

// tinyBinary returns a static executable as far as its headers go, with one segment of n incompressible bytes.
func tinyBinary(machine elf.Machine, n int) []byte {
	var out bytes.Buffer
	header := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT),
		Entry: 0x400000, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1,
	}
	copy(header.Ident[:], elf.ELFMAG+"\x02\x01\x01")
	segment := elf.Prog64{Type: uint32(elf.PT_LOAD), Vaddr: 0x400000, Off: 120, Filesz: uint64(n), Memsz: uint64(n)}
	for _, part := range []any{header, segment, noise(n)} {
		if err := binary.Write(&out, binary.LittleEndian, part); err != nil {
			panic(err)
		}
	}
	return out.Bytes()
}

func TestLocate(t *testing.T) {
	dir := t.TempDir()
	if _, err := Locate(dir, ARM64); err == nil || !strings.Contains(err.Error(), "make build") {
		t.Errorf("nothing there: %v, want the hint", err)
	}
	if _, err := Locate("", ARM64); err == nil || !strings.Contains(err.Error(), "defender-linux-arm64") {
		t.Errorf("beside the test's executable: %v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "defender-linux-amd64"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Locate(dir, X8664); err == nil || !strings.Contains(err.Error(), "not a file") {
		t.Errorf("a directory: %v", err)
	}
	for _, name := range []string{"defender-linux-arm64", "shim-linux-arm64.so"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		spec, err := Locate(dir, ARM64)
		if err != nil || spec.Binary == "" || (spec.Shim != "") != (name == "shim-linux-arm64.so") {
			t.Errorf("with %s: %+v, %v", name, spec, err)
		}
	}
	if _, err := Locate(dir, "mips"); err == nil {
		t.Error("an unknown architecture was located")
	}
}

func with(data []byte, offset int, value ...byte) []byte {
	data = bytes.Clone(data)
	copy(data[offset:], value)
	return data
}

// noise returns n bytes that do not compress, always the same.
func noise(n int) []byte {
	data := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(data)
	return data
}

func writeBinary(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "defender")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
