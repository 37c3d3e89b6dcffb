package corpus

import (
	"bufio"
	"encoding/json"
	"flag"
	"os"
	"testing"
)

// out is where TestWrite writes the events.
var out = flag.String("out", "", "write all events as JSON Lines to this file, their labels beside it in FILE.labels")

// TestWrite writes both lists for use outside of this package; see the package's comment.
func TestWrite(t *testing.T) {
	if *out == "" {
		t.Skip("writes the lists only when asked: -args -out=FILE")
	}
	samples := append(expand(loadAttacks(t)), benignSamples(t)...)
	events, labels := create(t, *out), create(t, *out+".labels")
	for _, s := range samples {
		label, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		events.line(t, s.event)
		labels.line(t, label)
	}
	events.close(t)
	labels.close(t)
	t.Logf("wrote %d events", len(samples))
}

type linesFile struct {
	file *os.File
	*bufio.Writer
}

func create(t *testing.T, name string) linesFile {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	return linesFile{f, bufio.NewWriter(f)}
}

func (l linesFile) line(t *testing.T, data []byte) {
	t.Helper()
	if _, err := l.Write(append(data, '\n')); err != nil {
		t.Fatal(err)
	}
}

func (l linesFile) close(t *testing.T) {
	t.Helper()
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := l.file.Close(); err != nil {
		t.Fatal(err)
	}
}
