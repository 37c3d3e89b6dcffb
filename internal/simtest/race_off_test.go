//go:build !race

package simtest

// raced says that the race detector watches, which makes all of it some eight times as slow: a sample will do then, and the
// whole is run without it.
const raced = false
