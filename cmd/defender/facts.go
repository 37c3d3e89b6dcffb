package main

import (
	"crypto/rand"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/autodefend/autodefend/internal/defend"
	"github.com/autodefend/autodefend/internal/wrapper"
)

// defendConfig gathers what the Defender has to know.
func (s *supervisor) defendConfig() defend.Config {
	return defend.Config{
		Policy:   s.config.policy,
		Key:      s.config.key,
		FailMode: s.config.failMode,
		Function: defend.Function{
			Name:    s.config.lambda.name,
			Version: s.config.lambda.version,
			Region:  s.config.lambda.region,
			Runtime: strings.TrimPrefix(s.config.lambda.executionEnv, "AWS_Lambda_"),
			Environ: s.environ,
		},
		Runtime:  runtimeOf(s.argv, s.environ),
		Version:  version(),
		Log:      s.log,
		Lines:    wrapper.Stderr{},
		Now:      wallClock,
		NewID:    newID,
		API:      s.sockets.APIAddress(),
		Upstream: s.config.lambda.upstream(),
		Console:  s.console,
		Changed:  s.changed,
		End:      s.endInvocation,
	}
}

// runtimeOf describes the program that Lambda wants to be started.
func runtimeOf(argv, environ []string) defend.Runtime {
	path := argv[0]
	if found, err := exec.LookPath(path); err == nil {
		path = found
	}
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		path = resolved
	}
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	return defend.Runtime{
		Path:    path,
		Args:    argv,
		Script:  startsWith(path, "#!"),
		Chained: wrapper.Lookup(environ, wrapper.EnvNextWrapper) != "",
	}
}

// startsWith tells whether a file begins with some bytes.
func startsWith(path, head string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = file.Close() }()
	got := make([]byte, len(head))
	n, _ := file.Read(got)
	return string(got[:n]) == head
}

// wallClock returns the time without the monotonic part, which stands still while the sandbox is frozen.
func wallClock() time.Time { return time.Now().Round(0) }

// newID returns the id of an audit: 128 random bits.
func newID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}
