package lambdasim

import (
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"
)

// Call describes one call to an injector.
type Call struct {
	Account, Region, Service, Operation string
	// Resource is the name of the function or layer addressed, or an ARN.
	Resource string
	Mutating bool
	// Index counts the calls of the world from 0.
	Index int
}

// FaultKind says what goes wrong.
type FaultKind int

// The kinds of faults.
const (
	// None is no fault.
	None FaultKind = iota
	// Throttle answers 429 without effect.
	Throttle
	// ServerError answers 500 without effect.
	ServerError
	// ServerErrorAfter applies the call and answers 500.
	ServerErrorAfter
	// DropBefore loses the connection; the call is not applied.
	DropBefore
	// DropAfter applies the call and loses the reply.
	DropAfter
	// Slow delays the call by Fault.Delay before it is processed.
	Slow
	// OwnerEdit applies Fault.Edit to the addressed function just before the
	// call is processed, as another deployer's change.
	OwnerEdit
	// UpdateFails lets an update be accepted and end with LastUpdateStatus
	// Failed, the old configuration staying in place.
	UpdateFails
)

// String returns the kind's name.
func (k FaultKind) String() string {
	names := [...]string{
		"None", "Throttle", "ServerError", "ServerErrorAfter", "DropBefore",
		"DropAfter", "Slow", "OwnerEdit", "UpdateFails",
	}
	if k < 0 || int(k) >= len(names) {
		return "FaultKind(" + strconv.Itoa(int(k)) + ")"
	}
	return names[k]
}

// Fault is what an injector lets go wrong with one call.
type Fault struct {
	Kind FaultKind
	// Delay is for Slow; with other kinds it comes before them.
	Delay time.Duration
	// Edit is for OwnerEdit; nil sets a variable that no one else uses.
	Edit func(*FunctionSpec)
}

// Injector decides what goes wrong with each call. Inject may be called
// concurrently and may use the world's other methods.
type Injector interface {
	Inject(Call) Fault
}

// FaultRates are probabilities from 0 to 1; their sum should not exceed 1.
type FaultRates struct {
	Throttle, ServerError, ServerErrorAfter, DropBefore, DropAfter float64
	Slow, OwnerEdit, UpdateFails                                   float64
	// SlowBy is the longest delay of Slow; zero means 2 s.
	SlowBy time.Duration
}

// SeededFaults returns an injector whose decisions depend only on the seed and,
// for each account, region, operation and resource, on how often it was called:
// not on the order in which goroutines run. ServerErrorAfter, DropAfter and
// UpdateFails strike mutating calls only, OwnerEdit only calls of functions.
func SeededFaults(seed uint64, rates FaultRates) Injector {
	return &seededFaults{seed: seed, rates: rates, seen: map[Call]uint64{}}
}

type seededFaults struct {
	seed  uint64
	rates FaultRates

	mu   sync.Mutex // guards seen
	seen map[Call]uint64
}

// Inject decides about one call.
func (s *seededFaults) Inject(c Call) Fault {
	c.Index = 0
	s.mu.Lock()
	n := s.seen[c]
	s.seen[c]++
	s.mu.Unlock()

	rng := seededRand(s.seed, c.Account, c.Region, c.Service, c.Operation, c.Resource, strconv.FormatUint(n, 10))
	kind := s.pick(rng.Float64(), c)
	fault := Fault{Kind: kind}
	switch kind {
	case Slow:
		longest := s.rates.SlowBy
		if longest == 0 {
			longest = 2 * time.Second
		}
		fault.Delay = time.Duration(rng.Int64N(int64(longest) + 1))
	case OwnerEdit:
		fault.Edit = ownerEdit(rng.Uint64())
	}
	return fault
}

// pick maps a number between 0 and 1 to the kind it falls on.
func (s *seededFaults) pick(x float64, c Call) FaultKind {
	isFunction := c.Service == "lambda" && c.Resource != ""
	rates := []struct {
		kind    FaultKind
		rate    float64
		applies bool
	}{
		{Throttle, s.rates.Throttle, true},
		{ServerError, s.rates.ServerError, true},
		{ServerErrorAfter, s.rates.ServerErrorAfter, c.Mutating},
		{DropBefore, s.rates.DropBefore, true},
		{DropAfter, s.rates.DropAfter, c.Mutating},
		{Slow, s.rates.Slow, true},
		{OwnerEdit, s.rates.OwnerEdit, isFunction},
		{UpdateFails, s.rates.UpdateFails, c.Mutating && isFunction},
	}
	for _, r := range rates {
		if x < r.rate {
			if !r.applies {
				return None
			}
			return r.kind
		}
		x -= r.rate
	}
	return None
}

// ownerEdit returns a small change such as a deployment makes: it sets one
// variable and, by turns, the memory or the description.
func ownerEdit(n uint64) func(*FunctionSpec) {
	return func(f *FunctionSpec) {
		if f.Env == nil {
			f.Env = map[string]string{}
		}
		f.Env["DEPLOYED_REVISION"] = strconv.FormatUint(n%100_000, 10)
		if n%2 == 0 && f.Memory < 3008 {
			f.Memory += 64
			return
		}
		f.Description = "deployed " + strconv.FormatUint(n%1000, 10)
	}
}

// seededRand returns a generator that depends on the seed and the words alone.
func seededRand(seed uint64, words ...string) *rand.Rand {
	h := fnv.New64a()
	var buf [8]byte
	binary.LittleEndian.PutUint64(buf[:], seed)
	_, _ = h.Write(buf[:])
	for _, word := range words {
		_, _ = h.Write([]byte(word))
		_, _ = h.Write([]byte{0})
	}
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}
