package same

import (
	"crypto/ed25519"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autodefend/autodefend/internal/policy"
	"golang.org/x/sys/unix"
)

// setup is a way of running programs.
type setup struct {
	name     string
	sandbox  bool   // the one that refuses what Lambda's refuses
	tiers    string // "" for no Defender
	defender string
	policy   string
}

func bare() setup { return setup{name: "bare"} }

// defended are the ways with a Defender: the tiers that each sandbox permits.
func defended(t *testing.T) []setup {
	t.Helper()
	layer := built.layer(t)
	value := alertAll(t)
	return []setup{
		{name: "open sandbox, kernel and watch", tiers: "kernel,watch", defender: layer, policy: value},
		{name: "open sandbox, preload and watch", tiers: "preload,watch", defender: layer, policy: value},
		{name: "Lambda's sandbox", sandbox: true, tiers: "kernel,preload,watch", defender: layer, policy: value},
	}
}

// prefix is what stands before a program's arguments.
func (s setup) prefix() []string {
	var argv []string
	if s.sandbox {
		argv = []string{self(), sandboxArgument}
	}
	if s.tiers != "" {
		argv = append(argv, s.defender)
	}
	return argv
}

func (s setup) environ() []string {
	environ := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/tmp", "LANG=C.UTF-8", "TZ=UTC", "PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1",
		"npm_config_update_notifier=false", "npm_config_cache=/tmp/npm-cache", "NO_COLOR=1",
	}
	if s.tiers != "" {
		environ = append(environ, "AUTODEFEND_TIERS="+s.tiers, policy.EnvironmentVariable+"="+s.policy, "AWS_LAMBDA_FUNCTION_NAME=same", "AWS_REGION=eu-west-1")
	}
	return environ
}

// holds is the tier that every section of the policy must be enforced by.
func (s setup) holds() string {
	if s.sandbox || strings.HasPrefix(s.tiers, "preload") {
		return "preload"
	}
	return "kernel"
}

//go:embed testdata/alert-all.json
var alertAllPolicy []byte

// alertAll is a policy under which every act is looked at and reported, and none is stopped.
func alertAll(t *testing.T) string {
	t.Helper()
	p, err := policy.Parse(alertAllPolicy)
	if err != nil {
		t.Fatal(err)
	}
	target := policy.Target{Function: "same", Region: "eu-west-1"}
	value, err := policy.Encode(policy.Envelope{Rule: p.Resolve(target).Rule, Target: target, Issued: time.Now()}, ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), 0)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// artefacts are the programs that tests build, once.
type artefacts struct {
	mu    sync.Mutex
	dir   string
	paths map[string]string
}

var built = artefacts{paths: map[string]string{}}

// path builds a C program.
func (a *artefacts) path(t *testing.T, name, source string) string {
	t.Helper()
	return a.once(t, name, func(target string) error {
		return command("gcc", "-O1", "-pthread", "-o", target, source)
	})
}

// layer builds the Defender as the layer has it, and returns the wrapper's path.
func (a *artefacts) layer(t *testing.T) string {
	t.Helper()
	a.once(t, "libautodefend.so", func(target string) error {
		return command("sh", "../preload/shim/build.sh", target)
	})
	return a.once(t, "wrapper", func(target string) error {
		return command("env", "CGO_ENABLED=0", "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -E autodefendEntry", "-o", target, "../../cmd/defender")
	})
}

func (a *artefacts) once(t *testing.T, name string, build func(target string) error) string {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if path, ok := a.paths[name]; ok {
		return path
	}
	target := filepath.Join(a.make(t), name)
	if err := build(target); err != nil {
		t.Fatal(err)
	}
	a.paths[name] = target
	return target
}

// directory is where everything is built and run.
func (a *artefacts) directory(t *testing.T) string {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.make(t)
}

// make makes the directory. Preconditions: mu is held.
func (a *artefacts) make(t *testing.T) string {
	t.Helper()
	if a.dir == "" {
		dir, err := os.MkdirTemp("", "same")
		if err != nil {
			t.Fatal(err)
		}
		a.dir = dir
	}
	return a.dir
}

func command(argv ...string) error {
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", argv, err, out)
	}
	return nil
}

// sandboxArgument makes the test binary enter Lambda's sandbox and become another program.
const sandboxArgument = "enter-sandbox"

func self() string {
	path, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return path
}

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == sandboxArgument {
		fmt.Fprintln(os.Stderr, enterSandbox(os.Args[2:]))
		os.Exit(125)
	}
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// enterSandbox refuses from now on what Lambda's sandbox refuses, and becomes the program.
func enterSandbox(argv []string) error {
	path, err := exec.LookPath(argv[0])
	if err != nil {
		path = argv[0]
	}
	return errors.Join(lambdaSandbox(), unix.Exec(path, argv, os.Environ()))
}
