// Package simtest runs the whole Auto-Defender, with the real AWS SDK client,
// against the simulator through hostile hours in virtual time: throttling,
// errors, lost replies, owners who deploy meanwhile, and a kill at every
// boundary of an API call. It holds tests only.
//
// What a customer may never lose is asserted by an oracle of its own
// (owner_test.go), which knows nothing of how changes are computed. A failing
// seed is replayed with
//
//	go test ./internal/simtest -run TestSeeds -seed N -v
package simtest
