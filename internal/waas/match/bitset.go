package match

// Bitset is a set of small numbers.
type Bitset struct {
	words []uint64
	// outputs are those of the scanner whose sets are all in words already.
	outputs []uint64
}

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
func (b *Bitset) Reset() {
	clear(b.words)
	clear(b.outputs)
}

// expectOutputs makes room for the outputs below n.
func (b *Bitset) expectOutputs(n int) {
	if words := (n + 63) / 64; len(b.outputs) < words {
		b.outputs = make([]uint64, words)
	}
}

// firstOutput reports whether a scanner's output comes up for the first time
// since the last Reset.
func (b *Bitset) firstOutput(output uint16) bool {
	word, bit := &b.outputs[output>>6], uint64(1)<<(output&63)
	if *word&bit != 0 {
		return false
	}
	*word |= bit
	return true
}
