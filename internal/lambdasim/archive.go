package lambdasim

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
)

// archive is a deployment package. Real ones keep their bytes; synthetic ones
// are described by their sizes, so that ten thousand functions stay small, and
// their bytes are made when somebody downloads them.
type archive struct {
	sha256         string // base64, as CodeSha256
	size, unzipped int64
	content        []byte
}

// readArchive checks an uploaded zip and measures it by its central directory.
func readArchive(content []byte) (*archive, bool) {
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, false
	}
	a := &archive{size: int64(len(content)), content: content}
	for _, f := range z.File {
		a.unzipped += int64(min(f.UncompressedSize64, 1<<40))
	}
	sum := sha256.Sum256(content)
	a.sha256 = base64.StdEncoding.EncodeToString(sum[:])
	return a, true
}

// syntheticArchive describes a package of the given sizes. The name makes its
// checksum its own.
func syntheticArchive(name string, size, unzipped int64) *archive {
	if size == 0 {
		size = 1024
	}
	if unzipped == 0 {
		unzipped = size * 3
	}
	sum := sha256.Sum256([]byte(name + "/" + strconv.FormatInt(size, 10) + "/" + strconv.FormatInt(unzipped, 10)))
	return &archive{sha256: base64.StdEncoding.EncodeToString(sum[:]), size: size, unzipped: unzipped}
}

// imageArchive describes a container image.
func imageArchive(uri string) *archive {
	sum := sha256.Sum256([]byte(uri))
	return &archive{sha256: hex.EncodeToString(sum[:])}
}

// reader returns the archive as a download delivers it.
func (a *archive) reader() io.ReadSeeker {
	if a.content != nil {
		return bytes.NewReader(a.content)
	}
	return declaringZip(a.size, a.unzipped)
}

// declaringZip returns a zip of the given size with one entry, whose central
// directory declares the uncompressed size. The entry is all zeros that are
// never held in memory; it can be listed but not extracted.
func declaringZip(size, unzipped int64) io.ReadSeeker {
	const (
		name     = "bundle.js"
		overhead = int64(30 + 46 + 22 + 2*len(name)) // local header, directory entry, end record
	)
	entry := max(0, size-overhead)
	stored := uint32(min(entry, 1<<32-2))
	declared := uint32(min(unzipped, 1<<32-2))
	sum := crc32.ChecksumIEEE(nil)

	var head, tail bytes.Buffer
	put(&head, uint32(0x04034b50), uint16(20), uint16(0), uint16(0), uint16(0), uint16(0x21),
		sum, stored, declared, uint16(len(name)), uint16(0), []byte(name))
	put(&tail, uint32(0x02014b50), uint16(20), uint16(20), uint16(0), uint16(0), uint16(0), uint16(0x21),
		sum, stored, declared, uint16(len(name)), uint16(0), uint16(0), uint16(0), uint16(0),
		uint32(0o644<<16), uint32(0), []byte(name))
	directory := uint32(tail.Len())
	start := uint32(int64(head.Len()) + int64(stored))
	put(&tail, uint32(0x06054b50), uint16(0), uint16(0), uint16(1), uint16(1), directory, start, uint16(0))
	return &sparse{head: head.Bytes(), zeros: int64(stored), tail: tail.Bytes()}
}

// put writes values in little-endian order, as zip does.
func put(b *bytes.Buffer, values ...any) {
	for _, v := range values {
		_ = binary.Write(b, binary.LittleEndian, v)
	}
}

// sparse reads a head, a run of zeros and a tail.
type sparse struct {
	head, tail []byte
	zeros      int64
	at         int64
}

// Seek sets the place of the next read.
func (s *sparse) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += s.at
	case io.SeekEnd:
		offset += int64(len(s.head)) + s.zeros + int64(len(s.tail))
	}
	if offset < 0 {
		return 0, fmt.Errorf("seek to %d", offset)
	}
	s.at = offset
	return offset, nil
}

// Read fills p from wherever the reader stands.
func (s *sparse) Read(p []byte) (int, error) {
	afterHead := int64(len(s.head))
	afterZeros := afterHead + s.zeros
	n := 0
	switch {
	case s.at < afterHead:
		n = copy(p, s.head[s.at:])
	case s.at < afterZeros:
		n = int(min(int64(len(p)), afterZeros-s.at))
		clear(p[:n])
	case s.at < afterZeros+int64(len(s.tail)):
		n = copy(p, s.tail[s.at-afterZeros:])
	default:
		return 0, io.EOF
	}
	s.at += int64(n)
	return n, nil
}
