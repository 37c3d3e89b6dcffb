//go:build linux

package runner

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Headers of the Runtime API.
const (
	headerRequestID     = "Lambda-Runtime-Aws-Request-Id"
	headerDeadline      = "Lambda-Runtime-Deadline-Ms"
	headerARN           = "Lambda-Runtime-Invoked-Function-Arn"
	headerTrace         = "Lambda-Runtime-Trace-Id"
	headerClientContext = "Lambda-Runtime-Client-Context"
	headerIdentity      = "Lambda-Runtime-Cognito-Identity"
	headerTenant        = "Lambda-Runtime-Aws-Tenant-Id"
	headerErrorType     = "Lambda-Runtime-Function-Error-Type"
	headerErrorBody     = "Lambda-Runtime-Function-Error-Body"
	headerResponseMode  = "Lambda-Runtime-Function-Response-Mode"
)

// serveNext hands the runtime its next event.
func (l *life) serveNext(w http.ResponseWriter, r *http.Request) {
	running := false
	l.change(func() {
		running = l.current != nil && !l.current.answered
		l.polling = l.polling || !running
	})
	if running {
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "State transition from Running to Ready failed for runtime. Error: State transition is not allowed")
		return
	}
	var taken *invocation
	err := l.wait(r.Context(), func() (bool, error) {
		if l.waiting == nil {
			return false, nil
		}
		taken, l.current, l.waiting, l.polling = l.waiting, l.waiting, nil, false
		return true, nil
	})
	if err != nil {
		l.change(func() { l.polling = false })
		hangUp()
	}
	taken.describe(w.Header())
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(taken.Payload)
}

// describe writes the headers of an event.
func (i *invocation) describe(h http.Header) {
	h.Set("Content-Type", "application/json")
	h.Set(headerRequestID, i.RequestID)
	h.Set(headerDeadline, strconv.FormatInt(i.deadline.UnixMilli(), 10))
	h.Set(headerARN, i.ARN)
	h.Set(headerTrace, i.TraceID)
	for name, value := range map[string]string{headerClientContext: i.ClientContext, headerIdentity: i.Identity, headerTenant: i.TenantID} {
		if value != "" {
			h.Set(name, value)
		}
	}
}

// running returns the event that a request's path names, or nil after
// answering that there is none.
func (l *life) running(w http.ResponseWriter, r *http.Request) *invocation {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch i := l.current; {
	case i == nil || i.RequestID != r.PathValue("id"):
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return nil
	case i.answered:
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "State transition from ResponseSent to InvocationResponse failed for runtime. Error: State transition is not allowed")
		return nil
	default:
		return i
	}
}

// serveResponse takes in an answer, whole or as a stream whose errors come in
// its trailers.
func (l *life) serveResponse(w http.ResponseWriter, r *http.Request) {
	i := l.running(w, r)
	if i == nil {
		return
	}
	streamed, limit := strings.EqualFold(r.Header.Get(headerResponseMode), "streaming"), int64(MaxResponse)
	if streamed {
		limit = MaxStream
	}
	body, tooLong, err := readLimited(r.Body, limit)
	if err != nil {
		hangUp()
	}
	var failed *failure
	if tooLong {
		failed = &failure{kind: "Function.ResponseSizeTooLarge", message: fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", limit)}
	}
	if kind := r.Trailer.Get(headerErrorType); kind != "" {
		text, _ := base64.StdEncoding.DecodeString(r.Trailer.Get(headerErrorBody))
		failed = &failure{kind: kind, payload: text}
	}
	l.change(func() {
		i.answered, i.payload, i.streamed, i.failure = true, body, streamed, failed
		i.contentType = r.Header.Get("Content-Type")
	})
	if tooLong {
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", limit))
		return
	}
	accepted(w)
}

// serveError takes in the description of an error.
func (l *life) serveError(w http.ResponseWriter, r *http.Request) {
	i := l.running(w, r)
	if i == nil {
		return
	}
	body, tooLong, err := readLimited(r.Body, MaxResponse)
	if err != nil {
		hangUp()
	}
	failed := &failure{kind: errorType(r), payload: body}
	if tooLong {
		failed = &failure{kind: "Function.ResponseSizeTooLarge", message: "Error payload is too large."}
	}
	l.change(func() { i.answered, i.failure, i.contentType = true, failed, "application/json" })
	accepted(w)
}

// serveInitError takes in why the runtime can't start.
func (l *life) serveInitError(w http.ResponseWriter, r *http.Request) {
	body, _, err := readLimited(r.Body, MaxResponse)
	if err != nil {
		hangUp()
	}
	l.change(func() {
		if l.initFailure == nil {
			l.initFailure = &failure{kind: errorType(r), payload: body, reason: "FAILURE"}
		}
	})
	accepted(w)
}

// serveRestoreNext waits for a restore, which never comes: no snapshots are
// taken.
func (l *life) serveRestoreNext(_ http.ResponseWriter, r *http.Request) {
	_ = l.wait(r.Context(), func() (bool, error) { return false, nil })
	hangUp()
}

// errorType returns the type that a runtime gives an error. Others than
// Function's and Runtime's are the language's own.
func errorType(r *http.Request) string {
	return orElse(r.Header.Get(headerErrorType), "Runtime.Unknown")
}
