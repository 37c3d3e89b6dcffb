package layer

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
)

// makeZip returns a zip with one file of each size, filled with zeros.
func makeZip(t testing.TB, comment string, sizes ...int) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w := zip.NewWriter(&buffer)
	for _, size := range sizes {
		f, err := w.Create("dir/file")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.SetComment(comment); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

// makeDirectory returns a zip that has a central directory only; its sizes can be any. It is how archives of petabytes
// are tested.
func makeDirectory(t testing.TB, sizes ...uint64) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w := zip.NewWriter(&buffer)
	for _, size := range sizes {
		if _, err := w.CreateRaw(&zip.FileHeader{Name: "f", UncompressedSize64: size}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

// patched returns a copy of data with value stored offset bytes after its last end record starts.
func patched(data []byte, offset int, value ...byte) []byte {
	data = bytes.Clone(data)
	copy(data[bytes.LastIndex(data, []byte("PK\x05\x06"))+offset:], value)
	return data
}

func TestUnzippedSize(t *testing.T) {
	plain := makeZip(t, "", 1000, 0, 234)
	tests := []struct {
		name string
		data []byte
		want int64
	}{
		{"empty", makeZip(t, ""), 0},
		{"files", plain, 1234},
		{"comment", makeZip(t, "hello", 7), 7},
		{"longest comment", makeZip(t, strings.Repeat("c", 65535), 7), 7},
		{"comment with the signature in it", makeZip(t, "PK\x05\x06", 7), 7},
		{"something in front", append([]byte("#!/bin/sh\n"), plain...), 1234},
		{"4 GiB less one", makeDirectory(t, 1<<32-1), 1<<32 - 1},
		{"zip64 size", makeDirectory(t, 1<<32, 1<<40, 5), 1<<32 + 1<<40 + 5},
		{"largest sum", makeDirectory(t, 1<<62, 1<<62-1), 1<<63 - 1},
		{"65,535 entries", makeDirectory(t, make([]uint64, 65535)...), 0},
		{"zip64 count", makeDirectory(t, append(make([]uint64, 70000), 3)...), 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := UnzippedSize(bytes.NewReader(tt.data), int64(len(tt.data)))
			if err != nil || got != tt.want {
				t.Errorf("got %d, %v; want %d", got, err, tt.want)
			}
		})
	}
}

func TestUnzippedSizeRefuses(t *testing.T) {
	plain := makeZip(t, "", 1000, 234)
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"nothing", nil, "not a zip"},
		{"too short", []byte("PK\x05\x06"), "not a zip"},
		{"garbage", bytes.Repeat([]byte("garbage"), 20000), "not a zip"},
		{"cut off", plain[:len(plain)-1], "not a zip"},
		{"sum overflows by one", makeDirectory(t, 1<<62, 1<<62), "more than 2^63-1"},
		{"one size overflows", makeDirectory(t, 1<<63), "more than 2^63-1"},
		{"more entries said than there are", patched(plain, 10, 3, 0), "damaged"},
		{"fewer entries said", patched(plain, 10, 1, 0), "damaged"},
		{"directory said to be shorter", patched(plain, 12, 60, 0, 0, 0), "damaged"},
		{"directory said to be longer than the file", patched(plain, 12, 0, 0, 1, 0), "damaged"},
		{"directory over the limit", patched(plain, 12, 1, 0, 0, 4), "over the limits"},
		{"comment longer than the rest", patched(plain, 20, 1, 0), "not a zip"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := UnzippedSize(bytes.NewReader(tt.data), int64(len(tt.data)))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %d, %v; want an error with %q", got, err, tt.want)
			}
		})
	}
}

// TestUnzippedSizeEntriesLimit lies about the count in the only place where it is not compared.
func TestUnzippedSizeEntriesLimit(t *testing.T) {
	entry := make([]byte, entryLength)
	binary.LittleEndian.PutUint32(entry, entrySignature)
	data := bytes.Repeat(entry, maxEntries+1)
	end := make([]byte, endLength)
	binary.LittleEndian.PutUint32(end, endSignature)
	binary.LittleEndian.PutUint16(end[10:], uint16((maxEntries+1)%65536))
	binary.LittleEndian.PutUint32(end[12:], uint32(len(data)))
	data = append(data, end...)
	if got, err := UnzippedSize(bytes.NewReader(data), int64(len(data))); err == nil || !strings.Contains(err.Error(), "entries") {
		t.Errorf("got %d, %v", got, err)
	}
}

// TestUnzippedSizePassesErrors checks that an error of the reader, as a broken connection, is not called a damaged zip.
func TestUnzippedSizePassesErrors(t *testing.T) {
	broken := errors.New("connection lost")
	data := makeZip(t, strings.Repeat("c", 65535), 1)
	for _, after := range []int{0, 1} {
		r := &failingReader{data: bytes.NewReader(data), after: after, err: broken}
		if _, err := UnzippedSize(r, int64(len(data))); !errors.Is(err, broken) {
			t.Errorf("after %d reads: got %v", after, err)
		}
	}
}

type failingReader struct {
	data  io.ReaderAt
	after int
	err   error
}

func (r *failingReader) ReadAt(p []byte, offset int64) (int, error) {
	if r.after == 0 {
		return 0, r.err
	}
	r.after--
	return r.data.ReadAt(p, offset)
}

// FuzzUnzippedSize checks that no bytes make it panic or return a negative size, and that archive/zip agrees wherever
// the directory is in its usual place.
func FuzzUnzippedSize(f *testing.F) {
	f.Add(makeZip(f, "comment", 10, 20))
	f.Add(makeZip(f, ""))
	f.Add(makeDirectory(f, 1<<32, 7))
	f.Add(makeDirectory(f, 1<<62, 1<<62))
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\xff", 18)))
	f.Fuzz(func(t *testing.T, data []byte) {
		size := int64(len(data))
		got, err := UnzippedSize(bytes.NewReader(data), size)
		if got < 0 || err != nil && got != 0 {
			t.Fatalf("got %d with %v", got, err)
		}
		archive, zipErr := zip.NewReader(bytes.NewReader(data), size)
		if err != nil || zipErr != nil && !errors.Is(zipErr, zip.ErrInsecurePath) {
			return
		}
		end, err := findEnd(bytes.NewReader(data), size)
		if err != nil || end.offset+end.directorySize != uint64(end.position) {
			return
		}
		var want uint64
		for _, file := range archive.File {
			want += file.UncompressedSize64
		}
		if uint64(got) != want {
			t.Errorf("got %d, archive/zip says %d", got, want)
		}
	})
}
