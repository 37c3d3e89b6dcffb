package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
)

// refusal is an error of HTTP itself, with a status that no code has.
type refusal struct {
	status int
	text   string
	header map[string]string
	// cause is for the log.
	cause error
}

func refuse(status int, format string, args ...any) *refusal {
	return &refusal{status: status, text: fmt.Sprintf(format, args...)}
}

func (r *refusal) with(name, value string) *refusal {
	c := *r
	c.header = map[string]string{name: value}
	return &c
}

// Error returns the text that the caller sees.
func (r *refusal) Error() string { return r.text }

// Unwrap returns the cause.
func (r *refusal) Unwrap() error { return r.cause }

// failureBody is the body of every error.
type failureBody struct {
	Err string `json:"err"`
}

// patient errors say when to try again.
type patient interface {
	error
	RetryAfter() time.Duration
}

// fail answers with an error.
func (s *Server) fail(x *exchange, err error) {
	x.failure = err
	if x.w.wroteHeader() {
		panic(http.ErrAbortHandler) // what was sent must not look complete
	}
	status, text, header := render(err)
	if _, ours := errors.AsType[*refusal](err); !ours && x.r.Context().Err() != nil {
		status = statusClientGone // nobody reads this; it's for the log and the figures
	}
	for name, value := range header {
		x.w.Header().Set(name, value)
	}
	body, _ := json.Marshal(failureBody{Err: text}) // a string can always be marshalled
	s.write(x, status, mediaJSON, body)
}

// render is the table from errors to what the caller sees.
func render(err error) (int, string, map[string]string) {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r.status, r.text, r.header
	}
	code := autodefend.ErrorCode(err)
	status := statusOf(code)
	header := map[string]string{}
	if wait := retryAfter(err, code); wait > 0 {
		header["Retry-After"] = strconv.Itoa(int((wait + time.Second - 1) / time.Second))
	}
	if code == autodefend.CodeInternal {
		return status, "internal error", header
	}
	text := public(err)
	if text == "" {
		text = string(code)
	}
	return status, text, header
}

// statusClientGone is what proxies log for a caller who didn't wait.
const statusClientGone = 499

func statusOf(code autodefend.Code) int {
	switch code {
	case autodefend.CodeInvalid:
		return http.StatusBadRequest
	case autodefend.CodeNotFound:
		return http.StatusNotFound
	case autodefend.CodeDenied:
		return http.StatusForbidden
	case autodefend.CodeConflict:
		return http.StatusConflict
	case autodefend.CodeThrottled:
		return http.StatusTooManyRequests
	case autodefend.CodeUnavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// retryAfter is how long to wait before trying again, 0 when that doesn't help.
func retryAfter(err error, code autodefend.Code) time.Duration {
	if code != autodefend.CodeThrottled && code != autodefend.CodeUnavailable {
		return 0
	}
	if p, ok := errors.AsType[patient](err); ok && p.RetryAfter() > 0 {
		return p.RetryAfter()
	}
	if code == autodefend.CodeThrottled {
		return time.Second
	}
	return 2 * time.Second
}

// public is an error's text without its causes: the messages and hints of [autodefend.Error], with what wraps them.
func public(err error) string {
	switch e := err.(type) { //nolint:errorlint // it takes the chain apart, one link at a time
	case nil:
		return ""
	case *autodefend.Error:
		text := e.Message
		if text == "" {
			return public(e.Err)
		}
		if hint := autodefend.ErrorHint(e); hint != "" {
			text += "; " + hint
		}
		return text
	case interface{ Unwrap() []error }:
		var texts []string
		for _, one := range e.Unwrap() {
			if text := public(one); text != "" {
				texts = append(texts, text)
			}
		}
		return strings.Join(texts, "; ")
	}
	inner := errors.Unwrap(err)
	if inner == nil {
		return "" // an error of somebody else's, which may say anything
	}
	prefix, ok := strings.CutSuffix(err.Error(), inner.Error())
	if text := public(inner); ok && text != "" {
		return prefix + text
	}
	return public(inner)
}

// logFailure writes what the caller isn't told.
func (s *Server) logFailure(x *exchange, status int, aborted bool) {
	if x.failure == nil || status == statusClientGone || status < http.StatusInternalServerError && !aborted {
		return
	}
	level := slog.LevelError
	if status == http.StatusServiceUnavailable || x.r.Context().Err() != nil {
		level = slog.LevelWarn
	}
	s.log.LogAttrs(x.r.Context(), level, "request failed",
		slog.String("request", x.id), slog.String("route", x.template()), slog.String("error", causes(x.failure)))
}

// causes is an error with what it hides from callers.
func causes(err error) string {
	if r, ok := errors.AsType[*refusal](err); ok && r.cause != nil {
		return r.text + ": " + r.cause.Error()
	}
	return err.Error()
}
