// Package endtoend holds the tests that run whole functions behind the firewall: the layer's real programs, handlers in
// the runtimes' languages and Lambda's sandbox as the runner makes it. What is refused must never reach a handler, what
// isn't must be answered byte for byte as without the Defender, and the log must say what happened without any secret.
//
// Where the runner can't tell (several invocations at once, a stream while it is written) the tests have a Runtime API of
// their own and a runtime that is this test's program.
package endtoend
