//go:build !linux

package main

import (
	"context"
	"io"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/lambdasim"
)

// sandboxMain does nothing: sandboxes are made of Linux's means.
func sandboxMain() {}

// functionRunner can't exist here.
type functionRunner struct{}

// newFunctionRunner refuses: functions run on Linux only.
func newFunctionRunner(string, io.Writer, io.Writer) (*functionRunner, error) {
	return nil, autodefend.Errorf(autodefend.CodeInvalid, "option --run: functions are run on Linux only")
}

// Invoke is never reached.
func (f *functionRunner) Invoke(context.Context, lambdasim.Invocation) (lambdasim.Outcome, error) {
	return lambdasim.Outcome{}, lambdasim.ErrNoRuntime
}

// close has nothing to end.
func (f *functionRunner) close() error { return nil }
