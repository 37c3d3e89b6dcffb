package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes this test binary stand in for the program: started under the
// name autodefend, it is main.
func TestMain(m *testing.M) {
	testscript.Main(cleaning{m}, map[string]func(){"autodefend": main})
}

// cleaning removes what the tests built.
type cleaning struct{ m *testing.M }

func (c cleaning) Run() int {
	code := c.m.Run()
	if dir := programsDir; dir != "" {
		_ = os.RemoveAll(dir)
	}
	return code
}

// TestScripts runs the scripts in testdata/script against a simulated AWS.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setUpScript,
		Cmds:                scriptCommands(),
	})
}

// programsDir holds the layer's programs once they are built; it's set by
// programs and read when all tests are done.
var programsDir string

// programs builds the layer's programs, once, as make build does.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "autodefend-programs-")
	if err != nil {
		return "", err
	}
	programsDir = dir
	for _, arch := range []string{"amd64", "arm64"} {
		cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w",
			"-o", filepath.Join(dir, "defender-linux-"+arch), "github.com/autodefend/autodefend/cmd/defender")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			return "", err
		}
	}
	return dir, nil
})
