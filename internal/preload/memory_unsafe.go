package preload

import (
	"sync/atomic"
	"unsafe"
)

// storeWord writes four bytes of memory that other processes read. Stores made by it are seen in the order they were
// made, on arm64 too, which plain stores between two atomic ones would not be.
//
// Preconditions: memory begins at a page; at is a multiple of 4 and at+4 <= len(memory).
func storeWord(memory []byte, at int, word uint32) {
	_ = memory[at+3]
	atomic.StoreUint32((*uint32)(unsafe.Pointer(&memory[at])), word)
}
