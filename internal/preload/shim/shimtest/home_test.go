package shimtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// ownShim is a copy of the shim in a directory that this user may change; what the copy is, and a directory above it.
func ownShim(t *testing.T) (string, string) {
	t.Helper()
	dir := publicDir(t)
	home := filepath.Join(dir, "layer", "autodefend")
	if err := os.MkdirAll(home, 0o755); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(shimFile(t, runtime.GOARCH))
	if err != nil {
		t.Fatal(err)
	}
	shim := filepath.Join(home, "libautodefend.so")
	if err := os.WriteFile(shim, raw, 0o755); err != nil {
		t.Fatal(err)
	}
	return shim, filepath.Join(dir, "layer")
}

// TestHome: the shim's own file stays where and what it is, though it is the program's to change.
func TestHome(t *testing.T) {
	python := needs(t, "python3")
	shim, above := ownShim(t)
	for name, test := range map[string]struct {
		call  string
		asked bool
	}{
		"unlink":           {"os.unlink(S)", true},
		"unlink relative":  {"os.chdir(D + '/..'); os.unlink('autodefend/libautodefend.so')", true},
		"rename":           {"os.rename(S, S + '.old')", true},
		"rename over":      {"open(A + '/../x', 'w'); os.rename(A + '/../x', S)", true},
		"rename directory": {"os.rename(D, D + '.old')", true},
		"rename above":     {"os.rename(A, A + '.old')", true},
		"truncate":         {"os.truncate(S, 0)", true},
		"write":            {"open(S, 'r+')", true},
		"write relative":   {"os.chdir(D); open('libautodefend.so', 'wb')", true},
		"write by link":    {"os.symlink(S, A + '/../l'); open(A + '/../l', 'wb')", true},
		"beside":           {"open(D + '/x', 'w')", true},
		"chmod":            {"os.chmod(S, 0)", true},
		"fchmod":           {"os.fchmod(os.open(S, 0), 0)", true},
		"fchown":           {"os.fchown(os.open(S, 0), 1, 1)", true},
		"chmod directory":  {"os.chmod(D, 0)", true},
		"read":             {"open(S, 'rb').read()", false},
		"elsewhere":        {"f = A + '/../f'; open(f, 'w').write('x'); os.rename(f, f + '2'); os.chmod(f + '2', 0o600); os.truncate(f + '2', 0); os.unlink(f + '2')", false},
		"like it":          {"os.mkdir(D + '2'); os.rename(D + '2', D + '3'); os.rmdir(D + '3')", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSupervisor(t, rules{})
			code := "import os\nS,D,A='" + shim + "','" + filepath.Dir(shim) + "','" + above + "'\ntry: " + test.call + "; print('done')\nexcept PermissionError: print('denied')"
			want := map[bool]string{true: "denied\n", false: "done\n"}[test.asked]
			out, err := runBounded(t, s.command(shim, python, "-c", code), time.Minute)
			if asked := s.asked(); err != nil || out != want || (len(asked) == 1 && asked[0].kind == kindTamper) != test.asked {
				t.Errorf("%v, printed %q, want %q; asked %+v", err, out, want, asked)
			}
		})
	}
	if out, err := exec.Command("cmp", shim, shimFile(t, runtime.GOARCH)).CombinedOutput(); err != nil {
		t.Errorf("it changed: %v, %s", err, out)
	}
}
