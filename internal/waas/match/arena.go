package match

import "math/bits"

// Blocks come in sizes of a power of two, from smallest to one slab. They hold
// no pointers, and freed ones are given out again, so automata that grow and
// vanish leave no garbage.
const (
	slabLog     = 17 // numbers in a slab: 256 KiB
	smallestLog = 7  // 256 bytes
	blockSizes  = slabLog - smallestLog + 1
)

// arena hands out blocks of numbers below a limit.
type arena struct {
	limit int        // slabs
	slabs [][]uint16 // kept for good once they are needed
	used  int        // slabs in use
	free  [blockSizes][][]uint16
}

// alloc returns a block of at least n numbers with unspecified contents, or nil
// when the limit is reached. n is at most one slab.
func (a *arena) alloc(n int) []uint16 {
	class := sizeClass(n)
	from := class
	for from < blockSizes && len(a.free[from]) == 0 {
		from++
	}
	if from == blockSizes {
		if !a.addSlab() {
			return nil
		}
		from = blockSizes - 1
	}
	last := len(a.free[from]) - 1
	block := a.free[from][last]
	a.free[from] = a.free[from][:last]
	for from > class {
		from--
		half := len(block) / 2
		a.free[from] = append(a.free[from], block[half:])
		block = block[:half:half]
	}
	return block
}

func (a *arena) addSlab() bool {
	if a.used == a.limit {
		return false
	}
	if a.used == len(a.slabs) {
		a.slabs = append(a.slabs, make([]uint16, 1<<slabLog))
	}
	top := blockSizes - 1
	a.free[top] = append(a.free[top], a.slabs[a.used])
	a.used++
	return true
}

// release takes a block back; nil is fine.
func (a *arena) release(block []uint16) {
	if len(block) > 0 {
		class := sizeClass(len(block))
		a.free[class] = append(a.free[class], block)
	}
}

// releaseAll takes everything back. Blocks in use must be forgotten.
func (a *arena) releaseAll() {
	for i := range a.free {
		a.free[i] = a.free[i][:0]
	}
	a.used = 0
}

func sizeClass(n int) int {
	if n <= 1<<smallestLog {
		return 0
	}
	return bits.Len(uint(n-1)) - smallestLog
}
