package match

// Bitset is a set of small numbers.
type Bitset struct{ words []uint64 }

// NewBitset returns an empty set for numbers below n.
func NewBitset(n int) *Bitset {
	return &Bitset{words: make([]uint64, (n+63)/64)}
}

// Set adds i.
func (b *Bitset) Set(i int) { b.words[i>>6] |= 1 << (i & 63) }

// Has reports whether i is in the set.
func (b *Bitset) Has(i int) bool { return b.words[i>>6]>>(i&63)&1 != 0 }

// HasAll reports whether all of ids are in the set; of none, it is true.
func (b *Bitset) HasAll(ids []uint16) bool {
	for _, id := range ids {
		if !b.Has(int(id)) {
			return false
		}
	}
	return true
}

// Reset empties the set.
func (b *Bitset) Reset() { clear(b.words) }
