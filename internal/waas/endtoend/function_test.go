//go:build linux

package endtoend

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/lambdasim/runner"
)

// language is a runtime with the same handler in its own words.
type language struct{ runtime, handler, file string }

func languages() []language {
	return []language{
		{"python3.11", "app.handler", "app.py"},
		{"nodejs22.x", "index.handler", "index.js"},
		{"ruby3.4", "app.handler", "app.rb"},
	}
}

// ownSecret is the value of one of the function's variables.
const ownSecret = "hunter2-Kq83nZx"

// function is a function in the runner.
type function struct {
	t      *testing.T
	runner *runner.Runner
	spec   runner.Function
	count  int
}

// start makes a function; tw is its policy, and without one it has no Defender.
func start(t *testing.T, l language, profile runner.Profile, tw string, environment ...string) *function {
	t.Helper()
	r, err := runner.New(runner.Options{Profile: profile, InitTimeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	f := &function{t: t, runner: r}
	t.Cleanup(f.close)
	f.spec = runner.Function{
		Name: functionName, Runtime: l.runtime, Handler: l.handler, Code: packed(t, l.file), MemoryMB: 512, Timeout: patience,
		Env: map[string]string{"DB_PASSWORD": ownSecret},
	}
	if tw != "" {
		f.spec.Layers = []runner.Package{{Dir: built.opt(t)}}
		maps.Copy(f.spec.Env, map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/opt/autodefend/wrapper", "TW_POLICY": tw})
	}
	for _, variable := range environment {
		name, value, _ := strings.Cut(variable, "=")
		f.spec.Env[name] = value
	}
	return f
}

func (f *function) close() {
	if err := f.runner.Close(); err != nil {
		f.t.Error(err)
	}
}

// packed is a deployment package of one file of testdata.
func packed(t *testing.T, name string) runner.Package {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(name)
	if err == nil {
		_, err = w.Write(source)
	}
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return runner.Package{Zip: b.Bytes()}
}

// invoke runs the function on an event. The requests of functions that are started alike have the same ids.
func (f *function) invoke(event []byte) runner.Result {
	f.t.Helper()
	f.count++
	id := fmt.Sprintf("8476a536-e9f4-11e8-9739-%012d", f.count)
	ctx, cancel := context.WithTimeout(f.t.Context(), 2*time.Minute)
	defer cancel()
	got, err := f.runner.InvokeEvent(ctx, f.spec, runner.Event{Payload: event, RequestID: id, TraceID: "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700"})
	if errors.Is(err, runner.ErrNoRuntime) {
		f.t.Skipf("SKIPPED: %v", err)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return got
}

// saw reports whether the handler saw the event of a result.
func saw(r runner.Result) bool { return strings.Contains(string(r.Log), "seen "+r.RequestID) }

// audits are those of the firewall in a log.
func audits(log []byte) []autodefend.FirewallAudit {
	var all []autodefend.FirewallAudit
	for line := range bytes.Lines(log) {
		var a autodefend.FirewallAudit
		if json.Unmarshal(line, &a) == nil && a.Protection != "" {
			all = append(all, a)
		}
	}
	return all
}

// eachLanguage runs a test for every runtime in both profiles of the sandbox.
func eachLanguage(t *testing.T, test func(t *testing.T, l language, profile runner.Profile)) {
	t.Helper()
	for _, profile := range runner.Profiles() {
		for _, l := range languages() {
			t.Run(string(profile)+"/"+l.runtime, func(t *testing.T) { test(t, l, profile) })
		}
	}
}
