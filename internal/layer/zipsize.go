package layer

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Limits of UnzippedSize. Lambda's own limit of 250 MB unpacked is far below what they admit.
const (
	maxDirectory = 64 << 20
	maxEntries   = 1_000_000
)

// Records of the zip format that say where its central directory is.
const (
	endLength        = 22
	endSignature     = 0x06054b50
	end64Length      = 56
	end64Signature   = 0x06064b50
	locatorLength    = 20
	locatorSignature = 0x07064b50
	maxComment       = 1<<16 - 1
	entryLength      = 46
	entrySignature   = 0x02014b50
	zip64Extra       = 1
)

var (
	// errNotZip is returned for bytes that do not end as a zip does.
	errNotZip = errors.New("not a zip: no end of central directory")
	// errDamaged is returned for a central directory that is not what the end of the zip says.
	errDamaged = errors.New("the central directory is damaged")
)

// UnzippedSize returns the sum of the uncompressed sizes that the central directory of a zip of size bytes states. It
// reads the directory and nothing else, and holds one entry at a time: archive/zip keeps them all and trusts the counts.
// Archives with a directory over 64 MiB, more than 1,000,000 entries or a sum over 2^63-1 bytes are errors, as are those
// whose directory is not where and what the end of the file says.
func UnzippedSize(r io.ReaderAt, size int64) (int64, error) {
	end, err := findEnd(r, size)
	if err != nil {
		return 0, fmt.Errorf("read zip: %w", err)
	}
	if end.directorySize > maxDirectory || end.entries > maxEntries {
		return 0, fmt.Errorf("read zip: central directory of %d bytes and %d entries is over the limits of %d and %d",
			end.directorySize, end.entries, maxDirectory, maxEntries)
	}
	directorySize := int64(end.directorySize)
	if directorySize > end.position {
		return 0, fmt.Errorf("read zip: %w", errDamaged)
	}
	directory := io.NewSectionReader(r, end.position-directorySize, directorySize)
	total, entries, err := sumDirectory(bufio.NewReaderSize(directory, 1<<16))
	if err != nil {
		return 0, fmt.Errorf("read zip: %w", err)
	}
	// Writers without zip64 keep the lower 16 bits of the number of entries, so only those can be compared.
	if uint16(entries) != uint16(end.entries) {
		return 0, fmt.Errorf("read zip: %w", errDamaged)
	}
	return total, nil
}

// sumDirectory reads a central directory to its end.
func sumDirectory(directory *bufio.Reader) (int64, int, error) {
	total, entries := int64(0), 0
	for {
		size, err := readEntry(directory)
		if errors.Is(err, io.EOF) {
			return total, entries, nil
		}
		if err != nil {
			return 0, 0, err
		}
		entries++
		if entries > maxEntries {
			return 0, 0, fmt.Errorf("more than %d entries", maxEntries)
		}
		if size > uint64(math.MaxInt64-total) {
			return 0, 0, errors.New("the sizes of its files add up to more than 2^63-1 bytes")
		}
		total += int64(size)
	}
}

// readEntry reads one entry and returns its uncompressed size, or io.EOF when there is none left.
func readEntry(directory *bufio.Reader) (uint64, error) {
	var header [entryLength]byte
	if _, err := io.ReadFull(directory, header[:]); err != nil {
		return 0, damaged(err)
	}
	if binary.LittleEndian.Uint32(header[:]) != entrySignature {
		return 0, errDamaged
	}
	size := uint64(binary.LittleEndian.Uint32(header[24:]))
	nameLength := int(binary.LittleEndian.Uint16(header[28:]))
	extra := make([]byte, binary.LittleEndian.Uint16(header[30:]))
	commentLength := int(binary.LittleEndian.Uint16(header[32:]))
	if _, err := directory.Discard(nameLength); err != nil {
		return 0, damaged(notEnd(err))
	}
	if _, err := io.ReadFull(directory, extra); err != nil {
		return 0, damaged(notEnd(err))
	}
	if _, err := directory.Discard(commentLength); err != nil {
		return 0, damaged(notEnd(err))
	}
	if size == math.MaxUint32 {
		size = zip64Size(extra)
	}
	return size, nil
}

// zip64Size returns the uncompressed size in an entry's extra fields. It is the first value of the zip64 field. Without
// that field the size is what the entry said, 2^32-1.
func zip64Size(extra []byte) uint64 {
	for len(extra) >= 4 {
		id, length := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		extra = extra[4:]
		if length > len(extra) {
			break
		}
		if id == zip64Extra && length >= 8 {
			return binary.LittleEndian.Uint64(extra)
		}
		extra = extra[length:]
	}
	return math.MaxUint32
}

// damaged turns the end of the directory inside an entry into errDamaged and leaves other errors alone.
func damaged(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errDamaged
	}
	return err
}

// notEnd says that data was to follow.
func notEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// directoryEnd is what the end of a zip states about its central directory.
type directoryEnd struct {
	entries, directorySize uint64
	offset                 uint64 // of the directory, as stated; wrong when something precedes the zip
	position               int64  // of the first end record, where the directory ends
}

// findEnd finds the end record, searching from behind, for a comment may follow it, and the zip64 record before it when
// one of its fields is full.
func findEnd(r io.ReaderAt, size int64) (directoryEnd, error) {
	tail, err := readTail(r, size, endLength+maxComment)
	if err != nil {
		return directoryEnd{}, err
	}
	at := findEndRecord(tail)
	if at < 0 {
		return directoryEnd{}, errNotZip
	}
	record := tail[at:]
	end := directoryEnd{
		entries:       uint64(binary.LittleEndian.Uint16(record[10:])),
		directorySize: uint64(binary.LittleEndian.Uint32(record[12:])),
		offset:        uint64(binary.LittleEndian.Uint32(record[16:])),
		position:      size - int64(len(tail)) + int64(at),
	}
	if end.entries != math.MaxUint16 && end.directorySize != math.MaxUint32 && end.offset != math.MaxUint32 {
		return end, nil
	}
	return findEnd64(r, end)
}

// findEndRecord returns the index of the last end record whose comment fits into tail, or -1.
func findEndRecord(tail []byte) int {
	for at := len(tail) - endLength; at >= 0; at-- {
		if binary.LittleEndian.Uint32(tail[at:]) != endSignature {
			continue
		}
		comment := int(binary.LittleEndian.Uint16(tail[at+20:]))
		if at+endLength+comment <= len(tail) {
			return at
		}
		return -1
	}
	return -1
}

// findEnd64 reads the zip64 end record that a locator just before end points to. Without one, end stands.
func findEnd64(r io.ReaderAt, end directoryEnd) (directoryEnd, error) {
	locator := make([]byte, locatorLength)
	if end.position < locatorLength {
		return end, nil
	}
	if err := readFull(r, locator, end.position-locatorLength); err != nil {
		return directoryEnd{}, err
	}
	position := binary.LittleEndian.Uint64(locator[8:])
	if binary.LittleEndian.Uint32(locator) != locatorSignature || position > uint64(end.position-locatorLength) {
		return end, nil
	}
	record := make([]byte, end64Length)
	if err := readFull(r, record, int64(position)); err != nil {
		return directoryEnd{}, err
	}
	if binary.LittleEndian.Uint32(record) != end64Signature {
		return directoryEnd{}, errDamaged
	}
	return directoryEnd{
		entries:       binary.LittleEndian.Uint64(record[32:]),
		directorySize: binary.LittleEndian.Uint64(record[40:]),
		offset:        binary.LittleEndian.Uint64(record[48:]),
		position:      int64(position),
	}, nil
}

// readTail returns the last bytes of r, at most limit.
func readTail(r io.ReaderAt, size, limit int64) ([]byte, error) {
	if size < endLength {
		return nil, errNotZip
	}
	tail := make([]byte, min(size, limit))
	if err := readFull(r, tail, size-int64(len(tail))); err != nil {
		return nil, err
	}
	return tail, nil
}

func readFull(r io.ReaderAt, p []byte, offset int64) error {
	n, err := r.ReadAt(p, offset)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
