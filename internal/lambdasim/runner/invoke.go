//go:build linux

package runner

import (
	"context"
	"time"
)

// invoke runs one event to its end, and leaves the instance frozen. The error
// is of this side, not the function's.
func (i *instance) invoke(ctx context.Context, e Event, initTook time.Duration) (Result, error) {
	started := time.Now()
	call := &invocation{Event: e, deadline: started.Add(i.fn.Timeout)}
	ctx, cancel := context.WithDeadline(ctx, call.deadline)
	defer cancel()
	i.logs.printf("START RequestId: %s Version: %s", e.RequestID, i.fn.Version)
	failed, err := i.deliver(ctx, call)
	if err != nil {
		return Result{}, err
	}
	took := min(time.Since(started), i.fn.Timeout)
	peak, starved := i.memory.end()
	if failed != nil && failed.kind == "Runtime.ExitError" && starved {
		failed.kind = "Runtime.OutOfMemory"
	}
	answer := i.life.answerTo(call)
	i.logs.drain()
	i.describeFailure(e.RequestID, failed)
	r := Result{
		RequestID: e.RequestID, Payload: answer.payload, ContentType: answer.contentType, Streamed: answer.streamed,
		Duration: took, InitDuration: initTook, MaxMemoryMB: min(toMB(peak), i.fn.MemoryMB), Isolation: i.sandbox.isolation,
	}
	r.fail(e.RequestID, failed, answer)
	i.logs.printf("END RequestId: %s", e.RequestID)
	i.logs.printf("%s", r.report(i.fn, failed))
	return r, i.settle(failed)
}

// deliver offers the event and waits for its answer, after another
// initialisation where the first one failed.
func (i *instance) deliver(ctx context.Context, call *invocation) (*failure, error) {
	if err := i.memory.begin(); err != nil {
		return nil, err
	}
	if !i.initialised {
		if failed, err := i.initialise(ctx); failed != nil || err != nil {
			return i.timedOut(failed), err
		}
	}
	i.life.offer(call)
	failed, err := i.outcome(ctx, i.life.answeredAndReady(ctx, call))
	return i.timedOut(failed), err
}

// timedOut words a timeout.
func (i *instance) timedOut(failed *failure) *failure {
	if failed != nil && failed.kind == "Sandbox.Timedout" {
		failed.message = "Error: Task timed out after " + seconds(i.fn.Timeout) + " seconds"
	}
	return failed
}

// describeFailure logs what the platform says of a failure.
func (i *instance) describeFailure(id string, failed *failure) {
	switch {
	case failed == nil || failed.message == "":
	case failed.kind == "Sandbox.Timedout":
		i.logs.printf("%s %s Task timed out after %s seconds\n", time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), id, seconds(i.fn.Timeout))
	default:
		i.logs.printf("RequestId: %s %s\n%s", id, failed.message, failed.kind)
	}
}

// settle freezes the instance until the next event, or gets it ready for
// another start after a failure that took processes with it.
func (i *instance) settle(failed *failure) error {
	if failed != nil && failed.reason != "" {
		return i.reset(failed.reason)
	}
	return i.freezer.freeze()
}
