package client

import (
	"net/http"
	"strconv"
	"time"

	"github.com/autodefend/autodefend"
)

// maxRetryAfter bounds what a Console may ask for.
const maxRetryAfter = 15 * time.Minute

// Temporary is an error that passes: the request is worth making again.
type Temporary struct {
	// After is how long to wait at least, at most 15 minutes; 0 when the Console didn't say.
	After time.Duration
	Err   *autodefend.Error
}

// Error returns the error's message.
func (t *Temporary) Error() string { return t.Err.Error() }

// RetryAfter is After, for those who don't know this type.
func (t *Temporary) RetryAfter() time.Duration { return t.After }

// Unwrap returns the [autodefend.Error], whose code is throttled or unavailable.
func (t *Temporary) Unwrap() error { return t.Err }

// refusal is the error that a status means; nil for 2xx and 304. Only those with [autodefend.CodeInvalid] are about what was
// sent: a Console answers with no other 4xx, so that the rest comes from whatever stands at its address, perhaps for a
// while. What was written there is not part of the error: nobody knows what it repeats.
func refusal(response *http.Response) error {
	status := response.StatusCode
	switch {
	case status/100 == 2 || status == http.StatusNotModified:
		return nil
	case status == http.StatusTooManyRequests:
		return &Temporary{retryAfter(response), autodefend.Errorf(autodefend.CodeThrottled, "the Console has too much to do (status 429)")}
	case status >= 500 || status == http.StatusRequestTimeout:
		return &Temporary{retryAfter(response), autodefend.Errorf(autodefend.CodeUnavailable, "the Console failed (status %d)", status)}
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return autodefend.Errorf(autodefend.CodeDenied, "the Console doesn't accept the token (status %d)", status)
	case status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge || status == http.StatusUnprocessableEntity:
		return autodefend.Errorf(autodefend.CodeInvalid, "the Console refused what it was sent (status %d)", status)
	default:
		return autodefend.Errorf(autodefend.CodeNotFound, "the Console's address is that of something else (status %d)", status)
	}
}

func retryAfter(response *http.Response) time.Duration {
	text := response.Header.Get("Retry-After")
	wait := time.Duration(0)
	if seconds, err := strconv.Atoi(text); err == nil {
		wait = time.Duration(min(seconds, int(maxRetryAfter/time.Second))) * time.Second
	} else if date, err := http.ParseTime(text); err == nil {
		wait = time.Until(date)
	}
	return max(0, min(wait, maxRetryAfter))
}
