package preload

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// sharedTable is the memory that all processes of the function map. Only this process can write it, through the mapping
// made before the file was sealed.
type sharedTable struct {
	file *os.File // what processes get: it can't be written through
	// sealed: the kernel keeps others from changing or shrinking the file. Without it another process of the same user
	// could, and would fool or crash only the processes that it could also debug.
	sealed bool

	mu     sync.Mutex // guards memory against two writers
	memory []byte
}

// openTable makes the memory and writes t into it.
func openTable(t table) (*sharedTable, error) {
	shared, err := openSealed(tableCapacity)
	if err != nil {
		var fallback error
		if shared, fallback = openUnlinked(tableCapacity, os.TempDir()); fallback != nil {
			return nil, errors.Join(err, fallback)
		}
	}
	shared.write(t.encode(tableCapacity))
	return shared, nil
}

// openSealed makes a memfd, maps it and seals it, so that it can't be written, grown or shrunk any more but through that
// mapping (Linux 5.1).
func openSealed(size int) (*sharedTable, error) {
	fd, err := unix.MemfdCreate("autodefend", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	file := os.NewFile(uintptr(fd), "policy table")
	memory, err := mapFile(file, size)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	seals := unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_FUTURE_WRITE | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return nil, errors.Join(fmt.Errorf("seal the policy table: %w", err), unix.Munmap(memory), file.Close())
	}
	return &sharedTable{file: file, sealed: true, memory: memory}, nil
}

// openUnlinked makes a file in directory without a name, and what processes get is open for reading only.
func openUnlinked(size int, directory string) (*sharedTable, error) {
	writable, err := os.CreateTemp(directory, ".autodefend-*")
	if err != nil {
		return nil, fmt.Errorf("policy table: %w", err)
	}
	defer func() { _ = writable.Close() }()
	readable, err := os.Open(writable.Name())
	if err := errors.Join(err, os.Remove(writable.Name())); err != nil {
		return nil, fmt.Errorf("policy table: %w", err)
	}
	memory, err := mapFile(writable, size)
	if err != nil {
		return nil, errors.Join(err, readable.Close())
	}
	return &sharedTable{file: readable, memory: memory}, nil
}

func mapFile(file *os.File, size int) ([]byte, error) {
	if err := file.Truncate(int64(size)); err != nil {
		return nil, fmt.Errorf("policy table of %d bytes: %w", size, err)
	}
	memory, err := unix.Mmap(int(file.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map the policy table: %w", err)
	}
	return memory, nil
}

// seqAt is the offset of ad_table.seq.
const seqAt = 12

// write replaces the table while others read it: seq is odd from before the first to after the last changed word.
//
// Preconditions: content came from table.encode with this memory's size. After close nothing is written.
func (s *sharedTable) write(content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.memory == nil {
		return
	}
	seq := binary.LittleEndian.Uint32(s.memory[seqAt:])
	storeWord(s.memory, seqAt, seq+1)
	for at := 0; at < len(content); at += 4 {
		if at != seqAt {
			storeWord(s.memory, at, binary.LittleEndian.Uint32(content[at:]))
		}
	}
	storeWord(s.memory, seqAt, seq+2)
}

func (s *sharedTable) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.memory == nil {
		return nil
	}
	err := errors.Join(unix.Munmap(s.memory), s.file.Close())
	s.memory = nil
	return err
}
