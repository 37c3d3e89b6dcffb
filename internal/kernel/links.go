package kernel

import (
	"errors"
	"io/fs"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// maxLinked bounds the files that are looked at below denied directories of one file system.
const maxLinked = 20_000

// links knows, by file system and file, the denied names of files that have several. A file that is opened by a name that
// is allowed may be one of them. It is filled for a file system when it is asked for the first time: links that are made
// later are judged when they are made.
type links struct {
	denied []string
	limit  int

	mu    sync.Mutex // guards what follows
	names map[uint64]map[uint64][]string
}

func newLinks(denied []string, limit int) *links {
	return &links{denied: denied, limit: limit, names: make(map[uint64]map[uint64][]string)}
}

// of returns the denied names of a file, and false when it has just been found that not all names can be known.
func (l *links) of(st *unix.Stat_t) ([]string, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	complete := true
	known, filled := l.names[st.Dev]
	if !filled {
		known, complete = l.find(st.Dev)
		l.names[st.Dev] = known
	}
	return known[st.Ino], complete
}

var errEnough = errors.New("enough")

// find looks at the denied files of one file system, since links don't lead to others. Whatever hangs on another one, such
// as a network's, isn't waited for.
func (l *links) find(device uint64) (map[uint64][]string, bool) {
	found := make(map[uint64][]string)
	left := l.limit
	for _, entry := range l.denied {
		if entry == "" || entry == "/" {
			continue // every name is below the root, the one that was asked for too
		}
		err := filepath.WalkDir(entry+"/", func(name string, _ fs.DirEntry, _ error) error {
			if left--; left < 0 {
				return errEnough
			}
			return note(found, filepath.Clean(name), device)
		})
		if errors.Is(err, errEnough) {
			return found, false
		}
	}
	return found, true
}

// note keeps a file that has several names, and leaves out directories of other file systems.
func note(found map[uint64][]string, name string, device uint64) error {
	var st unix.Stat_t
	if unix.Lstat(name, &st) != nil {
		return nil // it has gone
	}
	kind := st.Mode & unix.S_IFMT
	switch {
	case kind == unix.S_IFDIR && st.Dev != device:
		return fs.SkipDir
	case kind == unix.S_IFREG && st.Dev == device && st.Nlink > 1:
		found[st.Ino] = append(found[st.Ino], name)
	}
	return nil
}
