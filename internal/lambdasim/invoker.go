package lambdasim

import (
	"context"
	"errors"
	"time"
)

// Invoker runs functions for a World. It is called from many goroutines and
// without any lock.
type Invoker interface {
	// Invoke runs one event. A function that fails is no error; an error means
	// that it could not be run, and ErrInvokerBusy, ErrNoRuntime and
	// ErrBadPackage are answered as AWS would.
	Invoke(ctx context.Context, in Invocation) (Outcome, error)
}

// Errors of an Invoker.
var (
	// ErrInvokerBusy: no more can run at a time.
	ErrInvokerBusy = errors.New("too many invocations at a time")
	// ErrNoRuntime: the runtime isn't there.
	ErrNoRuntime = errors.New("the runtime is not available")
	// ErrBadPackage: the code or a layer can't be unpacked.
	ErrBadPackage = errors.New("the package can't be unpacked")
)

// Invocation is one event for a function.
type Invocation struct {
	// Function is the version's configuration; its Code is empty.
	Function FunctionSpec
	// Account and Region are the function's, Version is $LATEST or a number.
	Account, Region, Version string
	// ARN is the one that was invoked, with its qualifier.
	ARN string
	// Code is a zip, Layers are zips in their order. A layer that was described
	// by its sizes alone is left out.
	Code   []byte
	Layers [][]byte
	// Payload is JSON.
	Payload                           []byte
	RequestID, ClientContext, TraceID string
	TenantID                          string
}

// Outcome is how an invocation went.
type Outcome struct {
	// Payload is the answer, or the description of the function's error.
	Payload []byte
	// FunctionError is "Unhandled" when the function failed.
	FunctionError string
	// Log is what the invocation logged, to the REPORT line.
	Log      []byte
	Duration time.Duration
}
