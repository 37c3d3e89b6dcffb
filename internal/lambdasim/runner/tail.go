//go:build linux

package runner

import "sync"

// tail keeps the last bytes of what is written to it, and counts the rest.
// It is safe for concurrent use.
type tail struct {
	limit int

	mu      sync.Mutex // guards below
	kept    []byte
	dropped int64
}

func newTail(limit int) *tail { return &tail{limit: limit} }

// Write keeps as much of p as the limit allows; it never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	// Twice the limit is kept before it is cut, so that each byte moves once.
	if over := len(t.kept) - t.limit; over > t.limit {
		t.kept = append(t.kept[:0], t.kept[over:]...)
		t.dropped += int64(over)
	}
	return len(p), nil
}

// Bytes returns a copy of the last bytes, and how many came before them.
func (t *tail) Bytes() ([]byte, int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	over := max(0, len(t.kept)-t.limit)
	return append([]byte(nil), t.kept[over:]...), t.dropped + int64(over)
}

// String returns the last bytes.
func (t *tail) String() string {
	b, _ := t.Bytes()
	return string(b)
}
