package lambdasim

import (
	"net/http"
	"time"
)

// quotaClass says which token bucket a call draws from.
type quotaClass int

const (
	quotaNone quotaClass = iota
	quotaShared
	quotaGetFunction
	quotaGetPolicy
)

// bucket is a token bucket.
type bucket struct {
	tokens float64
	last   time.Time
}

// rate returns the tokens per second and the burst of a class; zero is no limit.
func (q Quotas) rate(class quotaClass) (float64, float64) {
	var perSecond, burst float64
	switch class {
	case quotaShared:
		perSecond, burst = q.SharedPerSecond, q.SharedBurst
	case quotaGetFunction:
		perSecond, burst = q.GetFunctionPerSecond, q.GetFunctionBurst
	case quotaGetPolicy:
		perSecond = q.GetPolicyPerSecond
	case quotaNone:
	}
	if burst == 0 {
		burst = perSecond
	}
	return perSecond, burst
}

// take draws a token for a call; it reports whether there was one.
func (r *region) take(class quotaClass, now time.Time) bool {
	perSecond, burst := r.world.opts.Quotas.rate(class)
	if perSecond == 0 {
		return true
	}
	b := r.buckets[class]
	if b == nil {
		b = &bucket{tokens: burst, last: now}
		r.buckets[class] = b
	}
	b.tokens = min(burst, b.tokens+perSecond*now.Sub(b.last).Seconds())
	b.last = now
	// A client that paces itself exactly at the rate must not fail by rounding.
	if b.tokens < 1-1e-6 {
		return false
	}
	b.tokens--
	return true
}

// errThrottled returns the answer of an empty bucket.
func errThrottled() *apiError {
	return &apiError{
		status: http.StatusTooManyRequests, code: "TooManyRequestsException",
		message: "Rate exceeded", reason: "CallerRateLimitExceeded", bare: true,
	}
}
