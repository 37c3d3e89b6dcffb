package fleet

import (
	"fmt"
	"time"
)

// RunID names a run by its start in UTC, to the second, and four random
// characters. Its length is always plan.RunIDLength, so that a plan knows the
// size of what an apply will write.
func RunID(now time.Time, random uint64) string {
	const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
	var tail [4]byte
	for i := range tail {
		tail[i] = alphabet[random%uint64(len(alphabet))]
		random /= uint64(len(alphabet))
	}
	return fmt.Sprintf("%s-%s", now.UTC().Format("20060102T150405"), tail[:])
}
