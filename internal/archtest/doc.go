// Package archtest holds the architecture as failing tests: which package may
// import which and why, which packages are pure, what is linked into the layer's
// program, how large the dictionary may grow, and what must not enter the
// repository. It has no code of its own.
//
// After a deliberate change of the layer program's dependencies run
//
//	go test ./internal/archtest -update
package archtest
