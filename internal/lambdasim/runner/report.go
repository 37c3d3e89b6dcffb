//go:build linux

package runner

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// unhandled is what AWS calls every failure of a function.
const unhandled = "Unhandled"

// fail makes a result that of a failed invocation, if it is one. What the
// function answered stays its answer, whatever happened after.
func (r *Result) fail(id string, failed *failure, answer invocation) {
	if failed != nil {
		r.ErrorType = failed.kind
	}
	if answer.answered {
		failed = answer.failure
	}
	if failed == nil {
		return
	}
	r.ErrorType, r.FunctionError = orElse(r.ErrorType, failed.kind), unhandled
	if failed.payload != nil {
		r.Payload = failed.payload
		return
	}
	message := failed.message
	if failed.reason != "" {
		message = "RequestId: " + id + " " + message
	}
	r.Payload, _ = json.Marshal(apiFailure{failed.kind, message}) // strings always encode
	r.ContentType = "application/json"
}

// status is what REPORT lines say of a failure.
func (f *failure) status() string {
	if f.kind == "Sandbox.Timedout" {
		return "timeout"
	}
	return "error\tError Type: " + f.kind
}

// report is the REPORT line.
func (r *Result) report(fn Function, failed *failure) string {
	billed := (r.Duration + r.InitDuration + time.Millisecond - 1) / time.Millisecond
	line := fmt.Sprintf("REPORT RequestId: %s\tDuration: %s ms\tBilled Duration: %d ms\tMemory Size: %d MB\tMax Memory Used: %d MB\t",
		r.RequestID, millis(r.Duration), billed, fn.MemoryMB, r.MaxMemoryMB)
	if r.InitDuration > 0 {
		line += "Init Duration: " + millis(r.InitDuration) + " ms\t"
	}
	if failed != nil {
		line += "Status: " + failed.status()
	}
	return line
}

// millis renders a duration in milliseconds with two decimals.
func millis(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 2, 64)
}

// seconds renders a duration in seconds with two decimals.
func seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', 2, 64)
}

// toMB rounds bytes up to MiB.
func toMB(bytes int64) int { return int((bytes + 1<<20 - 1) >> 20) }
