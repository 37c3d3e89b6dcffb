package preload

import (
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// linkIndexMax bounds how many files are looked at below denied directories.
const linkIndexMax = 20_000

// linkIndex knows files below denied paths that have more than one name (hard links). A file that is opened by a name
// that is allowed may be one of them. It is filled when it is asked for the first time under a policy: links that are
// made later are judged when they are made.
type linkIndex struct {
	log *slog.Logger

	mu     sync.Mutex // guards what follows
	denied []string
	names  map[fileID][]string // nil before the first question
}

func newLinkIndex(log *slog.Logger) *linkIndex { return &linkIndex{log: log} }

// reset forgets everything, and looks below these paths next time.
func (l *linkIndex) reset(denied []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.denied, l.names = slices.Compact(slices.Sorted(slices.Values(denied))), nil
}

// namesOf returns the denied names of a file.
func (l *linkIndex) namesOf(id fileID) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.names == nil {
		l.fill()
	}
	return l.names[id]
}

var errEnough = errors.New("enough")

// fill walks the denied paths. What can't be read by us can't be read by the function either.
func (l *linkIndex) fill() {
	l.names = make(map[fileID][]string)
	left := linkIndexMax
	for _, denied := range l.denied {
		if denied == "" || denied == "/" {
			continue // every name is below the root, the one that was asked for too
		}
		err := filepath.WalkDir(denied+"/", func(path string, _ fs.DirEntry, _ error) error {
			if left--; left < 0 {
				return errEnough
			}
			l.note(filepath.Clean(path))
			return nil
		})
		if errors.Is(err, errEnough) {
			l.log.Warn("preload: other names of files below denied directories aren't all known", "limit", linkIndexMax)
			return
		}
	}
}

func (l *linkIndex) note(path string) {
	var st unix.Stat_t
	if unix.Lstat(path, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Nlink > 1 {
		id := fileID{st.Dev, st.Ino}
		l.names[id] = append(l.names[id], path)
	}
}
