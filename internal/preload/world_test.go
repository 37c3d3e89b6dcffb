package preload

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/autodefend/autodefend/internal/policy"
)

// The rule of these tests; DIR is a directory of the test.
const worldRule = `{
	"name": "world",
	"collections": [{"name": "All"}],
	"processes": {"effect": "prevent", "blacklist": ["id"]},
	"network": {"effect": "prevent", "blacklistIPs": ["192.0.2.0/24"], "blacklistListeningPorts": [{"start": 4444, "end": 4444}]},
	"dns": {"effect": "prevent", "blacklist": ["denied.example"]},
	"filesystem": {"effect": "prevent", "blacklist": ["DIR/secret"]},
	"autodefend": {"tmpExecutables": "prevent"}
}`

// world is a function's surroundings: the shim, a rule and files, for a user.
type world struct {
	*court
	tier *Tier
	dir  string
	user uint32
}

// compileRule is the rule of these tests, ready to judge.
func compileRule(t testing.TB, dir string) *policy.Compiled {
	t.Helper()
	p, err := policy.Parse([]byte(strings.ReplaceAll(worldRule, "DIR", dir)))
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := policy.Compile(&p.Rules[0])
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// shimDir is where the C side is built, once for all tests.
var shimDir string

var builtShim = sync.OnceValues(func() (string, error) {
	shim := filepath.Join(shimDir, "libautodefend.so")
	cmd := exec.Command("sh", "shim/build.sh", shim)
	cmd.Env = append(os.Environ(), "CC=gcc")
	if out, err := cmd.CombinedOutput(); err != nil {
		return shim, fmt.Errorf("build the shim: %w\n%s", err, out)
	}
	return shim, os.Chmod(shimDir, 0o755)
})

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "autodefend-shim-")
	if err != nil {
		panic(err)
	}
	shimDir = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// buildShim returns the shim.
func buildShim(t testing.TB) string {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("no C compiler here")
	}
	shim, err := builtShim()
	if err != nil {
		t.Fatal(err)
	}
	return shim
}

// openUp lets every user enter a directory of the test.
func openUp(t testing.TB, dir string) {
	t.Helper()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// newWorld opens a tier with the rule.
func newWorld(t testing.TB, user uint32) *world {
	t.Helper()
	dir := t.TempDir()
	openUp(t, dir)
	for _, name := range []string{"secret", "open"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name+" content"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	compiled := compileRule(t, dir)
	c := &court{decide: compiled.Decide}
	w := &world{court: c, dir: dir, user: user}
	w.tier = serve(t, c, func(config *Config) { config.ShimPath = buildShim(t) })
	if err := w.tier.Apply(compiled.Sections()); err != nil {
		t.Fatal(err)
	}
	return w
}

// run runs a program of the function and returns what it printed.
func (w *world) run(t testing.TB, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = w.dir
	cmd.Env = w.tier.Environ([]string{"PATH=/usr/bin:/bin", "HOME=/tmp", "DIR=" + w.dir, "LANG=C.UTF-8"})
	if int(w.user) != os.Getuid() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: w.user, Gid: w.user}}
	}
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("%q hangs: %s", args, out)
	}
	text := strings.TrimSpace(string(out))
	if err != nil {
		text += fmt.Sprintf(" [%v]", err)
	}
	return text
}

// denials lists what was denied since the last time, one "kind object" each.
func (w *world) denials() []string {
	var all []string
	for _, e := range w.take() {
		if !w.decide(e).Deny {
			continue
		}
		object := map[policy.Kind]string{
			policy.Exec: strings.ReplaceAll(e.Program.Path, w.dir, "DIR"), policy.Connect: e.Address.String(), policy.Listen: e.Address.String(),
			policy.Resolve: e.Domain, policy.Open: strings.ReplaceAll(e.File, w.dir, "DIR"), policy.Tamper: e.Detail,
		}[e.Kind]
		all = append(all, string(e.Kind)+" "+object)
	}
	return all
}

// needs skips a test where a program isn't installed, and returns the program.
func needs(t testing.TB, program string) string {
	t.Helper()
	if _, err := os.Stat(program); err != nil {
		t.Skipf("%s isn't installed", program)
	}
	return program
}

// asUser runs a test as this user, or as somebody without rights when this is root: that is how functions run.
func asUser(t *testing.T, f func(t *testing.T, w *world)) {
	user := uint32(os.Getuid())
	if user == 0 {
		user = 65534
	}
	f(t, newWorld(t, user))
}
