package kernel

import (
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

func TestRuns(t *testing.T) {
	for _, effect := range []autodefend.Effect{"", autodefend.Alert, autodefend.Prevent} {
		out, r := output(t, Config{Sections: sections(effect), Refresh: true}, nil, "/bin/sh", "-c", "echo hello; /bin/true && echo $(id -u | tr -d x)")
		if r.status.ExitStatus() != 0 {
			t.Errorf("%q: status %v", effect, r.status)
		}
		contains(t, out, "hello\n")
	}
}

func TestDeniedProgram(t *testing.T) {
	id := real(t, "/usr/bin/id")
	out, r := output(t, Config{Sections: sections(autodefend.Prevent)}, denyPath(id), "/bin/sh", "-c", "/usr/bin/id; echo status $?")
	contains(t, out, "status 126", "denied")
	if !r.judge.saw(func(e policy.Event) bool { return e.Kind == policy.Exec && e.Program.Main }) {
		t.Error("the runtime's start wasn't called main")
	}
}
