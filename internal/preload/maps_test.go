package preload

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func TestCodeFiles(t *testing.T) {
	const maps = `00400000-00452000 r-xp 00000000 08:02 173521      /usr/bin/dbus-daemon
00651000-00652000 r--p 00051000 08:02 173521      /usr/bin/dbus-daemon
00652000-00655000 rw-p 00052000 08:02 173521      /tmp/data
7f0000000000-7f0000001000 r-xp 00000000 08:02 7       /tmp/a b\012c (deleted)
7f0000001000-7f0000002000 r-xp 00000000 08:02 7       /usr/bin/dbus-daemon
7f0000002000-7f0000003000 rwxp 00000000 00:00 0
7ffd0000000-7ffd0001000 r-xp 00000000 00:00 0       [vdso]
7f0000003000-7f0000004000 r-xs 00000000 00:01 9       /memfd:x (deleted)
`
	want := []string{"/usr/bin/dbus-daemon", "/tmp/a b\nc (deleted)", "/memfd:x (deleted)"}
	if got := codeFiles([]byte(maps)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestWholeMaps: a list of mappings that is longer than one piece is read to its end.
func TestWholeMaps(t *testing.T) {
	want, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	got, err := readProc("/proc/self/maps", mapsMax)
	if err != nil || !strings.Contains(string(got), "[vsyscall]") == strings.Contains(string(want), "[vsyscall]") || len(codeFiles(got)) != len(codeFiles(want)) {
		t.Errorf("%d bytes, want about %d; %v", len(got), len(want), err)
	}
	if got, err := readProc("/proc/self/maps", 100); err != nil || len(got) != 100 {
		t.Errorf("%d bytes, want the limit; %v", len(got), err)
	}
}

func FuzzCodeFiles(f *testing.F) {
	own, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(own)
	f.Add([]byte("a r-xp b c d /x\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, name := range codeFiles(raw) {
			if !strings.HasPrefix(name, "/") {
				t.Errorf("%q", name)
			}
		}
	})
}
