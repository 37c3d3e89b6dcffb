package preload

import (
	"sync"
	"time"
)

const (
	// knownMax bounds how many programs are remembered.
	knownMax = 512
	// settledAfter is how old a file's last change must be: within a clock's tick another one wouldn't show.
	settledAfter = 2 * time.Second
)

// enterable remembers which programs the shim can enter: looking at a file and its loader takes longer than all else that
// is looked at when a program starts. A file that was changed is another one.
type enterable struct {
	mu    sync.Mutex // guards found
	found map[enterKey]bool
}

type enterKey struct {
	id      fileID
	size    int64
	changed time.Time
	user    user
	root    string // the loader is looked for below it
}

func newEnterable() *enterable { return &enterable{found: make(map[enterKey]bool)} }

// enters returns what look found for this file, or calls it.
func (e *enterable) enters(v view, u user, file *openedFile, look func() bool) bool {
	if e == nil || time.Since(file.changed) < settledAfter {
		return look()
	}
	key := enterKey{id: file.id, size: file.size, changed: file.changed, user: u, root: v.rootName}
	e.mu.Lock()
	enters, ok := e.found[key]
	e.mu.Unlock()
	if ok {
		return enters
	}
	enters = look()
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.found) >= knownMax {
		clear(e.found)
	}
	e.found[key] = enters
	return enters
}
