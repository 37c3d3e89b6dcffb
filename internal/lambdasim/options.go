package lambdasim

import "time"

// Options configures a World. The zero value is a world without quotas, faults
// or delays, where every change has settled by the next read.
type Options struct {
	// Seed makes ids and settle times repeatable.
	Seed uint64
	// Quotas are the rate limits of the control plane.
	Quotas Quotas
	// Settle is how long creations and updates stay in progress.
	Settle SettleTimes
	// Latency is the time each call takes before it has its effect; nil is none.
	Latency LatencyFunc
	// Faults decides what goes wrong with each call; nil is nothing.
	Faults Injector
	// BaseURL is where presigned locations point; when empty they point at the
	// host the request was sent to.
	BaseURL string
	// Invoker runs functions; without one they are never run, and Invoke
	// answers an error except for its dry run.
	Invoker Invoker
}

// LatencyFunc returns how long a call takes.
type LatencyFunc func(Call) time.Duration

// SettleTimes bounds how long a function stays Pending after its creation and
// how long an update stays InProgress. The time of each is drawn between Min
// and Max from the seed, the function and its revision. Zero settles it at the
// next read.
type SettleTimes struct {
	Min, Max time.Duration
}

// Quotas are token buckets for every account and region. A zero rate is no
// limit; a zero burst is a bucket of one second's tokens.
type Quotas struct {
	// SharedPerSecond and SharedBurst are for every call but the ones below.
	SharedPerSecond, SharedBurst float64
	// GetFunctionPerSecond and GetFunctionBurst are for GetFunction alone.
	GetFunctionPerSecond, GetFunctionBurst float64
	// GetPolicyPerSecond is for GetPolicy alone.
	GetPolicyPerSecond float64
}

// AWSQuotas returns the limits that AWS applies and does not raise: 15 calls
// per second shared by the whole control plane, except 100 for GetFunction and
// 15 for GetPolicy.
func AWSQuotas() Quotas {
	return Quotas{
		SharedPerSecond: 15, SharedBurst: 15,
		GetFunctionPerSecond: 100, GetFunctionBurst: 100,
		GetPolicyPerSecond: 15,
	}
}
