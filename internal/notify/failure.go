package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/autodefend/autodefend"
)

// Wait is the error of a receiver that asks to be left alone for a time.
type Wait struct {
	Err *autodefend.Error
	For time.Duration
}

// Error returns the receiver's answer.
func (w *Wait) Error() string { return w.Err.Error() }

// Unwrap returns the receiver's answer.
func (w *Wait) Unwrap() error { return w.Err }

// RetryAfter is how long the receiver wants to be left alone.
func (w *Wait) RetryAfter() time.Duration { return w.For }

// Partly is the error of an alert that was delivered, though not to all that it was for. Sending it again doesn't help.
type Partly struct{ Err *autodefend.Error }

// Error tells who was left out.
func (p *Partly) Error() string { return p.Err.Error() }

// Unwrap returns the same.
func (p *Partly) Unwrap() error { return p.Err }

// Delivered tells such errors from others.
func (*Partly) Delivered() {}

// connectError words why no connection came about. Errors of the system hold addresses and URLs with secrets in them,
// and aren't passed on.
func connectError(err error) error {
	if e, ok := errors.AsType[*autodefend.Error](err); ok {
		return e
	}
	what := "can't be connected to"
	hint := "check the address, the port and the way through firewalls"
	if missing, ok := errors.AsType[*net.DNSError](err); ok {
		what = "the name can't be resolved"
		if missing.IsNotFound {
			what = "the name doesn't exist"
		}
	}
	if text, ok := certificateError(err); ok {
		what, hint = text, "renew the certificate, or give the CA's as caCert"
	}
	if isTimeout(err) {
		what = "no answer in time"
	}
	return autodefend.Errorf(autodefend.CodeUnavailable, "%s", what).WithHint("%s", hint)
}

// certificateError words what is wrong with the other side's certificate.
func certificateError(err error) (string, bool) {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "the certificate is of an unknown authority", true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "the certificate is for another host", true
	}
	if _, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return "the certificate isn't valid, or not any more", true
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "the certificate can't be verified", true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "the other side doesn't speak TLS", true
	}
	return "", false
}

func isTimeout(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	timed, ok := errors.AsType[net.Error](err)
	return ok && timed.Timeout()
}

// statusError words an HTTP answer that isn't a success; nil for one that is.
func statusError(status int, header http.Header, now time.Time) error {
	switch {
	case status >= 200 && status < 300:
		return nil
	case status >= 300 && status < 400:
		return autodefend.Errorf(autodefend.CodeInvalid, "answered %d: redirects aren't followed", status).WithHint("give the final address")
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		e := autodefend.Errorf(autodefend.CodeThrottled, "answered %d", status)
		if wait := retryAfter(header.Get("Retry-After"), now); wait > 0 {
			return &Wait{Err: e, For: wait}
		}
		return e
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return autodefend.Errorf(autodefend.CodeDenied, "answered %d", status).WithHint("check the credential and the address")
	case status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge || status == http.StatusUnprocessableEntity:
		return autodefend.Errorf(autodefend.CodeInvalid, "answered %d: it doesn't take this alert", status).WithHint("check webhook.json and the format")
	default:
		return autodefend.Errorf(autodefend.CodeUnavailable, "answered %d", status)
	}
}

// maxWait bounds what a receiver may ask for.
const maxWait = time.Hour

// retryAfter reads the header of that name: seconds or a date.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(min(max(seconds, 0), int(maxWait/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), maxWait)
	}
	return 0
}
