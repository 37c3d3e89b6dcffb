//go:build linux

package runner

import (
	"errors"
	"testing"
)

// BenchmarkRun makes a sandbox, runs a program that does nothing, and ends it.
func BenchmarkRun(b *testing.B) {
	for b.Loop() {
		if _, err := Run(b.Context(), Command{Argv: []string{"true"}}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkInvoke thaws a sandbox, runs an event through Python, and freezes
// the sandbox again.
func BenchmarkInvoke(b *testing.B) {
	r, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	f := Function{Name: "bench", Runtime: "python3.11", Handler: "app.handler", Code: Package{Zip: packed(b, entry{"app.py", "def handler(e, c):\n    return e", 0o644})}}
	if _, err := r.Invoke(b.Context(), f, []byte("{}")); errors.Is(err, ErrNoRuntime) {
		b.Skip(err)
	}
	for b.Loop() {
		if _, err := r.Invoke(b.Context(), f, []byte("{}")); err != nil {
			b.Fatal(err)
		}
	}
}
