package shimtest

import (
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// sameModes are the tables under which file calls must not change.
func sameModes() map[string]rules {
	allow := func(question) (byte, int32) { return verdictAllow, 0 }
	return map[string]rules{
		"ask about all":           {modes: map[int]byte{kindOpen: modeAsk}, answer: allow},
		"lists":                   {modes: map[int]byte{kindOpen: modeList}, denyRead: []string{"/nowhere"}, denyWrite: []string{"/nowhere"}, answer: allow},
		"only the Defender's own": {protected: []int{1}, answer: allow},
	}
}

// TestSame: a policy that allows everything changes no result, no error and no descriptor number of random file calls.
// The sanitizers watch.
func TestSame(t *testing.T) {
	driver := withShimSources(t, "same", libraryFree(), "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
	for name, r := range sameModes() {
		t.Run(name, func(t *testing.T) {
			s := newSupervisor(t, r)
			for seed := range 3 {
				cmd := exec.Command(driver, s.name, strconv.Itoa(seed), "2500", t.TempDir())
				if out, err := runBounded(t, cmd, time.Minute); err != nil {
					t.Fatalf("seed %d: %v\n%s", seed, err, out)
				}
			}
		})
	}
}
