package archtest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// dictionaryLines bounds the root package: a dictionary that nobody can read in
// one sitting has stopped to be one.
const dictionaryLines = 2000

func TestDictionaryIsShort(t *testing.T) {
	lines := 0
	for _, p := range packages(t) {
		if p.rel() != root {
			continue
		}
		for _, name := range p.GoFiles {
			content, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			lines += bytes.Count(content, []byte("\n"))
		}
	}
	if lines == 0 {
		t.Error("the root package has no files")
	}
	if lines >= dictionaryLines {
		t.Errorf("the root package has %d lines, want fewer than %d: move what is not a word of the dictionary", lines, dictionaryLines)
	}
}
