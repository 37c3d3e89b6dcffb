package autodefend

import (
	"errors"
	"fmt"
)

// Code classifies an [Error] for machines. What to do about an error is
// decided by its code, never by its text.
type Code string

// The codes of errors.
const (
	// CodeInvalid is bad input, or a request AWS refuses as malformed. Trying
	// again doesn't help.
	CodeInvalid Code = "invalid"
	// CodeNotFound is a thing that doesn't exist.
	CodeNotFound Code = "not-found"
	// CodeDenied is missing permission or unusable credentials.
	CodeDenied Code = "denied"
	// CodeConflict is a thing that changed since it was read (HTTP 412) or is
	// being changed now (409). Read again, then decide.
	CodeConflict Code = "conflict"
	// CodeThrottled is a rate limit.
	CodeThrottled Code = "throttled"
	// CodeUnavailable is an endpoint that can't be reached or failed. A write
	// that ends so may have been carried out: read before trying again.
	CodeUnavailable Code = "unavailable"
	// CodeInternal is everything else: a bug of ours.
	CodeInternal Code = "internal"
)

// Error is the one error type of the platform: a code for machines, a message
// and a hint for people, and the cause for the log.
type Error struct {
	Code    Code
	Message string
	// Hint says what to do about it. May be empty.
	Hint string
	// Err is the cause. It's written to logs only.
	Err error
}

// Error returns the message and its cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message
	}
	if e.Message == "" {
		return e.Err.Error()
	}
	return e.Message + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an [Error] without a hint.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// WithHint returns a copy of e with the hint.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(format, args...)
	return &c
}

// ErrorCode returns the code of the first [Error] in err's chain,
// [CodeInternal] when there is none, and "" for nil.
func ErrorCode(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}

// ErrorHint returns the first hint in err's chain, or "".
func ErrorHint(err error) string {
	for err != nil {
		e, ok := errors.AsType[*Error](err)
		if !ok {
			return ""
		}
		if e.Hint != "" {
			return e.Hint
		}
		err = e.Err
	}
	return ""
}
