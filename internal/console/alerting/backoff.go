package alerting

import (
	"errors"
	"time"

	"github.com/autodefend/autodefend"
)

const (
	// firstBackoff is the longest wait before the second attempt.
	firstBackoff = 10 * time.Second
	// maxBackoff is the longest wait between attempts.
	maxBackoff = time.Hour
)

// backoff is the wait after an attempt: between a half and the whole of a time that doubles with each attempt.
func backoff(attempts int, jitter float64) time.Duration {
	longest := maxBackoff
	if attempts < 10 {
		longest = min(maxBackoff, firstBackoff<<max(attempts-1, 0))
	}
	return longest/2 + time.Duration(jitter*float64(longest/2))
}

// waitAfter is the wait after a failure: what the receiver asks for, when that is longer.
func waitAfter(err error, attempts int, jitter float64) time.Duration {
	wait := backoff(attempts, jitter)
	var asks interface{ RetryAfter() time.Duration }
	if errors.As(err, &asks) {
		wait = max(wait, asks.RetryAfter())
	}
	return wait
}

// lasts reports whether trying again doesn't help.
func lasts(err error) bool { return autodefend.ErrorCode(err) == autodefend.CodeInvalid }

// partly reports whether the alert was delivered, though not to all that it was for.
func partly(err error) bool {
	var some interface{ Delivered() }
	return errors.As(err, &some)
}

// words is an error for the people who read a profile's last error.
func words(err error) string {
	if autodefend.ErrorCode(err) == autodefend.CodeInternal {
		return "internal error" // the cause is in the log
	}
	text := err.Error()
	if e, ok := errors.AsType[*autodefend.Error](err); ok {
		text = e.Message
	}
	if hint := autodefend.ErrorHint(err); hint != "" {
		text += "; " + hint
	}
	return text
}
