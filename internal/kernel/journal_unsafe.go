package kernel

import (
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// journalSlots bounds the calls that are being answered at a time.
const journalSlots = 512

// Journal remembers, in memory that survives this process, which calls were received and not answered yet. When the
// supervisor dies, whoever has the listener then can answer them too: the kernel doesn't tell their numbers twice.
type Journal struct {
	slots *[journalSlots]uint64 // ids; 0 is free
	next  int
}

// NewJournal makes the memory, as a file to be handed to the guardian. It is close-on-exec.
func NewJournal() (*os.File, error) {
	fd, err := unix.MemfdCreate("journal", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make journal: %w", err)
	}
	if err := unix.Ftruncate(fd, journalSlots*8); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("make journal: %w", err)
	}
	return os.NewFile(uintptr(fd), "journal"), nil
}

// openJournal maps a journal; without a file it is private memory.
func openJournal(file *os.File) (*Journal, error) {
	if file == nil {
		return &Journal{slots: new([journalSlots]uint64)}, nil
	}
	memory, err := unix.Mmap(int(file.Fd()), 0, journalSlots*8, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map journal: %w", err)
	}
	return &Journal{slots: (*[journalSlots]uint64)(unsafe.Pointer(&memory[0]))}, nil
}

// received notes a call and returns its slot, or false when none is free. Only the reader calls it.
func (j *Journal) received(id uint64) (int, bool) {
	for range journalSlots {
		slot := j.next
		j.next = (j.next + 1) % journalSlots
		if atomic.LoadUint64(&j.slots[slot]) == 0 {
			atomic.StoreUint64(&j.slots[slot], id)
			return slot, true
		}
	}
	return -1, false
}

// answered frees a slot.
func (j *Journal) answered(slot int) {
	if slot >= 0 {
		atomic.StoreUint64(&j.slots[slot], 0)
	}
}

// open lists the calls without an answer.
func (j *Journal) open() []uint64 {
	var ids []uint64
	for i := range j.slots {
		if id := atomic.LoadUint64(&j.slots[i]); id != 0 {
			ids = append(ids, id)
		}
	}
	return ids
}
