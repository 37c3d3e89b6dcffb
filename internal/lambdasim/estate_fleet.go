package lambdasim

import (
	"fmt"
	"time"
)

// FleetMix says what BuildFleet's functions are like.
type FleetMix int

const (
	// FleetCandidates are functions of which every one can be protected.
	FleetCandidates FleetMix = iota
	// FleetUnfit are functions of which a listing rules out nine in ten: by
	// their package type or their runtime.
	FleetUnfit
)

// BuildFleet adds n functions for benchmarks to a region of an account that is
// there: deterministic, cheap to make, and named so that their order in a
// listing is the order of their numbers.
func BuildFleet(w *World, account, region string, n int, mix FleetMix) {
	b := &estateBuilder{world: w}
	p := place{account, region}
	for i := range n {
		b.put(p, fleetFunction(p, i, mix))
	}
}

// fleetFunction returns the ith function of a fleet.
func fleetFunction(p place, i int, mix FleetMix) FunctionSpec {
	runtimes := []string{"nodejs24.x", "python3.13", "python3.14", "java21", "nodejs22.x", "ruby3.4"}
	f := FunctionSpec{
		Name:         fmt.Sprintf("fleet-%06d-worker", i),
		Runtime:      runtimes[i%len(runtimes)],
		Handler:      handlerFor(runtimes[i%len(runtimes)]),
		Role:         p.roleArn("service-role/lambda-execution"),
		Memory:       512 + 256*(i%4),
		Timeout:      30 + 10*(i%5),
		Env:          map[string]string{"LOG_LEVEL": "info", "QUEUE": fmt.Sprintf("queue-%d", i%97), "API_KEY": fmt.Sprintf("%s%08x", demoSecretMark, i)},
		Tags:         map[string]string{"team": fmt.Sprintf("team-%d", i%12)},
		CodeSize:     1_000_000,
		UnzippedSize: 3_000_000,
		LastModified: time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC),
	}
	if mix == FleetUnfit && i%10 != 0 {
		makeUnfit(p, i, &f)
	}
	return f
}

// makeUnfit turns a function into one that no layer can be attached to.
func makeUnfit(p place, i int, f *FunctionSpec) {
	switch i % 3 {
	case 0:
		asImage("x86_64")(nil, p, f)
	case 1:
		f.Runtime = "provided.al2023"
	default:
		f.Runtime = "go1.x"
	}
}
