package store

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// contents are those of a directory's files.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	all := make(map[string]string)
	for _, e := range entries {
		body, err := os.ReadFile(filepath.Join(dir, e.Name()))
		must(t, err)
		all[e.Name()] = string(body)
	}
	return all
}

// TestReplaceAtAnyMoment lets each step fail, once as an error and once as the last thing that happens: the old database or
// the new one is at the path, and after an error all is as it was.
func TestReplaceAtAnyMoment(t *testing.T) {
	before := map[string]string{"x.db": "old", "x.db-wal": "journal", "x.db.part": "new"}
	after := map[string]string{"x.db": "new", "x.db.aside": "old", "x.db.aside-wal": "journal"}
	for _, links := range []bool{true, false} {
		failed := 0
		for done := false; !done; failed++ {
			dir := t.TempDir()
			for name, body := range before {
				must(t, os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600))
			}
			path, step := filepath.Join(dir, "x.db"), 0
			do := func(run func() error) error {
				at := contents(t, dir)
				if at["x.db"] != "old" && at["x.db"] != "new" && links {
					t.Errorf("before step %d there are %q", step, at)
				}
				if at["x.db"] == "new" && at["x.db-wal"] != "" {
					t.Errorf("before step %d the new database has the old one's journal", step)
				}
				if step++; step == failed+1 {
					return errors.New("the disk fails")
				}
				return run()
			}
			f := files{
				rename: func(from, to string) error { return do(func() error { return os.Rename(from, to) }) },
				link: func(from, to string) error {
					if !links {
						return errors.ErrUnsupported
					}
					return do(func() error { return os.Link(from, to) })
				},
				sync: func(file string) error { return do(func() error { return syncDirectory(file) }) },
			}
			err := f.replace(path+".part", path, path+".aside")
			now := contents(t, dir)
			switch done = step <= failed; {
			case done:
				if diff := cmp.Diff(after, now); err != nil || diff != "" {
					t.Errorf("links %t: %v, files (-want +got):\n%s", links, err, diff)
				}
			case now["x.db"] == "new": // only that isn't certain to last
				if diff := cmp.Diff(after, now); err == nil || diff != "" {
					t.Errorf("links %t, step %d fails: %v, files (-want +got):\n%s", links, failed, err, diff)
				}
			case err == nil || !maps.Equal(before, now):
				t.Errorf("links %t, step %d fails: %v, and leaves %q", links, failed, err, slices.Sorted(maps.Keys(now)))
			}
		}
		if failed < 6 {
			t.Errorf("links %t: only %d steps were tried", links, failed)
		}
	}
}

// TestReplaceKeepsWhatWasKept: a database that was set aside earlier isn't overwritten, and one that isn't there needs no
// second name.
func TestReplaceKeepsWhatWasKept(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.db")
	must(t, os.WriteFile(path+".part", []byte("new"), 0o600))
	must(t, systemFiles().replace(path+".part", path, path+".aside"))
	if diff := cmp.Diff(map[string]string{"x.db": "new"}, contents(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	must(t, os.WriteFile(path+".part", []byte("newer"), 0o600))
	must(t, os.WriteFile(path+".aside", []byte("old"), 0o600))
	want := contents(t, dir)
	if err := systemFiles().replace(path+".part", path, path+".aside"); !errors.Is(err, os.ErrExist) {
		t.Errorf("error %v", err)
	}
	if diff := cmp.Diff(want, contents(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}
