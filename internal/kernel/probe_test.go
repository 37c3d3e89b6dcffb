package kernel

import (
	"os"
	"os/exec"
	"testing"

	"github.com/autodefend/autodefend/internal/bpf"
)

func TestProbe(t *testing.T) {
	c := Probe(t.Context())
	t.Logf("%+v", c)
	if !c.Works() || len(c.Findings) < 7 {
		t.Errorf("%+v", c)
	}
}

// TestProbeInLambda probes where the sandbox refuses everything.
func TestProbeInLambda(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(self, "lambda", self, ProbeWord).CombinedOutput()
	contains(t, string(out), "permitted", "operation not permitted")
	if err != nil {
		t.Error(err)
	}
}

// TestHandlers: what the filter hands over has a handler, and nothing else has.
func TestHandlers(t *testing.T) {
	f := bpf.Supervised(bpf.Options{Processes: true, Network: true, DNS: true, Files: true, Identities: true, Guarded: []int{1}})
	handed, known := make(map[string]bool), handlers()
	for _, rule := range f.Rules {
		if rule.Then == bpf.Notify {
			handed[rule.Call] = true
			if known[rule.Call] == nil {
				t.Errorf("nobody answers %s", rule.Call)
			}
		}
	}
	for call := range known {
		if !handed[call] {
			t.Errorf("%s is never handed over", call)
		}
	}
}
