//go:build race

package bypass

// raced says that this test's program is built with the race detector, which makes each start of it dear.
const raced = true
