package preload

import (
	"testing"
	"time"
)

func TestEnterable(t *testing.T) {
	old := time.Now().Add(-time.Hour)
	looks := 0
	look := func() bool { looks++; return true }
	e := newEnterable()
	file := &openedFile{id: fileID{1, 2}, size: 3, changed: old}
	tests := []struct {
		name string
		user user
		root string
		file *openedFile
		want int
	}{
		{"first", user{}, "", file, 1},
		{"again", user{}, "", file, 0},
		{"another user", user{id: 1}, "", file, 1},
		{"another root", user{}, "/jail", file, 1},
		{"changed", user{}, "", &openedFile{id: file.id, size: 3, changed: old.Add(1)}, 1},
		{"another size", user{}, "", &openedFile{id: file.id, size: 4, changed: old}, 1},
		{"just changed", user{}, "", &openedFile{id: file.id, size: 3, changed: time.Now()}, 1},
	}
	for _, tt := range tests {
		looks = 0
		if got := e.enters(view{rootName: tt.root}, tt.user, tt.file, look); !got || looks != tt.want {
			t.Errorf("%s: %v after %d looks, want %d", tt.name, got, looks, tt.want)
		}
	}
	for i := range 2 * knownMax {
		e.enters(view{}, user{}, &openedFile{id: fileID{9, uint64(i)}, changed: old}, look)
	}
	if len(e.found) > knownMax {
		t.Errorf("%d are remembered", len(e.found))
	}
	if looks = 0; !(*enterable)(nil).enters(view{}, user{}, file, look) || looks != 1 {
		t.Error("without a memory nobody looked")
	}
}
