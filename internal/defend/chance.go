package defend

import (
	"crypto/rand"
	"encoding/binary"
	"time"
)

// chance returns a random time below limit. It isn't math/rand's: the copies of a sandbox that was restored from one
// snapshot would all have the same.
func chance(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return time.Duration(binary.LittleEndian.Uint64(b[:])>>1) % limit
}
