package lambdasim

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
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
		a.unzipped += int64(min(f.UncompressedSize64, 1<<40)) //nolint:gosec // bounded by the min
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

// bytes returns the archive as a download delivers it. A synthetic one is a
// small valid zip whose central directory declares the uncompressed size.
func (a *archive) bytes() []byte {
	if a.content != nil {
		return a.content
	}
	return declaringZip(a.unzipped)
}

// declaringZip builds a zip with one stored entry of no content whose central
// directory declares the given uncompressed size, in zip64 when it must.
func declaringZip(unzipped int64) []byte {
	const name = "bundle.js"
	var b bytes.Buffer
	put := func(values ...any) {
		for _, v := range values {
			_ = binary.Write(&b, binary.LittleEndian, v)
		}
	}
	// One entry holds at most 4 GiB - 2 without zip64; AWS's limit is far below.
	declared := uint32(min(unzipped, 1<<32-2)) //nolint:gosec // bounded by the min
	sum := crc32.ChecksumIEEE(nil)
	put(uint32(0x04034b50), uint16(20), uint16(0), uint16(0), uint16(0), uint16(0x21),
		sum, uint32(0), declared, uint16(len(name)), uint16(0), []byte(name))
	start := b.Len()
	put(uint32(0x02014b50), uint16(20), uint16(20), uint16(0), uint16(0), uint16(0), uint16(0x21),
		sum, uint32(0), declared, uint16(len(name)), uint16(0), uint16(0), uint16(0), uint16(0),
		uint32(0o644<<16), uint32(0), []byte(name))
	size := b.Len() - start
	put(uint32(0x06054b50), uint16(0), uint16(0), uint16(1), uint16(1), uint32(size), uint32(start), uint16(0)) //nolint:gosec // a few dozen bytes
	return b.Bytes()
}
