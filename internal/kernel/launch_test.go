package kernel

import (
	"slices"
	"testing"

	"github.com/autodefend/autodefend/internal/bpf"
)

// TestProgramRoundTrip: the launcher reads the filter that the supervisor sent, and it fits.
func TestProgramRoundTrip(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		a, err := bpf.ArchOf(arch)
		if err != nil {
			t.Fatal(err)
		}
		all := bpf.Options{Processes: true, Network: true, DNS: true, Files: true, Identities: true, Guarded: []int{1, 2, 3, 4}}
		program, err := bpf.Supervised(all).Assemble(a)
		if err != nil {
			t.Fatal(err)
		}
		code := encodeProgram(program)
		if len(code) > maxFilter {
			t.Errorf("%s: the largest filter has %d bytes, the launcher reads %d", arch, len(code), maxFilter)
		}
		if !slices.Equal(decodeProgram(code), program) {
			t.Errorf("%s: the filter isn't what it was", arch)
		}
	}
	if got := decodeProgram([]byte{1, 2, 3}); len(got) != 0 {
		t.Errorf("a part of an instruction became %v", got)
	}
}
