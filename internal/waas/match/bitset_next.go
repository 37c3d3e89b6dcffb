package match

import "math/bits"

// Next returns the smallest member that is at least i, or -1 if there is none. With it a set is walked:
//
//	for i := b.Next(0); i >= 0; i = b.Next(i + 1)
func (b *Bitset) Next(i int) int {
	for at := i >> 6; at < len(b.words); at++ {
		word := b.words[at]
		if at == i>>6 {
			word &= ^uint64(0) << (i & 63)
		}
		if word != 0 {
			return at<<6 + bits.TrailingZeros64(word)
		}
	}
	return -1
}
