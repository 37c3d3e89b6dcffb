package cloud

import (
	"errors"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

const (
	// firstBackoff is the longest wait before the second attempt.
	firstBackoff = 250 * time.Millisecond
	// maxBackoff is the longest wait between two attempts.
	maxBackoff = 20 * time.Second
)

// newRetryer returns the SDK's standard retryer without its token bucket: that
// one runs dry in a fleet run and fails calls that the next attempt would have
// carried out. How fast is asked again is the pacer's business.
func newRetryer(maxAttempts int, jitter func() float64) func() aws.Retryer {
	return func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = maxAttempts
			o.MaxBackoff = maxBackoff
			o.RateLimiter = ratelimit.None
			o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
				return backoff(attempt, jitter()), nil
			})
			o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(retryable)}, o.Retryables...)
		})
	}
}

// backoff returns the wait after an attempt: between a half and the whole of a
// time that doubles with each attempt.
func backoff(attempt int, jitter float64) time.Duration {
	longest := maxBackoff
	if attempt < 10 {
		longest = min(maxBackoff, firstBackoff<<max(attempt-1, 0))
	}
	return longest/2 + time.Duration(jitter*float64(longest/2))
}

// retryable corrects the SDK's judgement of errors: what Lambda answers of a
// function's key has status 502 and lasts, and an answer that was cut off
// doesn't.
func retryable(err error) aws.Ternary {
	switch {
	case strings.HasPrefix(answerOf(err).code, "KMS"):
		return aws.FalseTernary
	case errors.Is(err, io.ErrUnexpectedEOF):
		return aws.TrueTernary
	default:
		return aws.UnknownTernary
	}
}
