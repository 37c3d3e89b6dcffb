package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/lambdasim"
	"github.com/autodefend/autodefend/internal/lambdasim/runner"
)

// sandboxMain does the work of a sandbox's process when this program was
// started as one, and returns at once otherwise.
func sandboxMain() { runner.SandboxMain() }

// functionRunner runs the functions of a simulated AWS on this machine.
type functionRunner struct {
	runner *runner.Runner
}

// newFunctionRunner returns a runner whose sandboxes have a profile, open or
// lambda. What functions log is copied to output; warnings is told what this
// machine can't isolate.
func newFunctionRunner(profile string, output, warnings io.Writer) (*functionRunner, error) {
	known := runner.Profiles()
	for _, p := range known {
		if string(p) != profile {
			continue
		}
		log := slog.New(slog.NewTextHandler(warnings, &slog.HandlerOptions{Level: slog.LevelWarn}))
		r, err := runner.New(runner.Options{Profile: p, Output: output, Log: log})
		if err != nil {
			return nil, fmt.Errorf("open runner: %w", err)
		}
		return &functionRunner{runner: r}, nil
	}
	return nil, autodefend.Errorf(autodefend.CodeInvalid, "option --run: there is no sandbox profile %q", profile).
		WithHint("name open, which permits what a container does, or lambda, which refuses what AWS Lambda refuses")
}

// Invoke runs one event.
func (f *functionRunner) Invoke(ctx context.Context, in lambdasim.Invocation) (lambdasim.Outcome, error) {
	spec := in.Function
	fn := runner.Function{
		Name: spec.Name, Version: in.Version, ARN: in.ARN, AccountID: in.Account, Region: in.Region,
		Runtime: spec.Runtime, Handler: spec.Handler, Env: spec.Env, MemoryMB: spec.Memory, TmpMB: spec.EphemeralStorage,
		Timeout: time.Duration(spec.Timeout) * time.Second, LogGroup: spec.Logging.LogGroup,
		Code: runner.Package{Zip: in.Code},
	}
	for _, layer := range in.Layers {
		fn.Layers = append(fn.Layers, runner.Package{Zip: layer})
	}
	got, err := f.runner.InvokeEvent(ctx, fn, runner.Event{
		Payload: in.Payload, RequestID: in.RequestID, ARN: in.ARN, TraceID: in.TraceID,
		ClientContext: in.ClientContext, TenantID: in.TenantID,
	})
	out := lambdasim.Outcome{Payload: got.Payload, FunctionError: got.FunctionError, Log: got.Log, Duration: got.Duration}
	switch {
	case errors.Is(err, runner.ErrBusy):
		err = fmt.Errorf("%w: %w", lambdasim.ErrInvokerBusy, err)
	case errors.Is(err, runner.ErrNoRuntime):
		err = fmt.Errorf("%w: %w", lambdasim.ErrNoRuntime, err)
	case errors.Is(err, runner.ErrPackage):
		err = fmt.Errorf("%w: %w", lambdasim.ErrBadPackage, err)
	}
	return out, err
}

// close ends every sandbox.
func (f *functionRunner) close() error { return f.runner.Close() }
