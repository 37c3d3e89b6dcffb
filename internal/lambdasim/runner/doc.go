// Package runner runs programs and functions on this machine in the sandbox
// that AWS Lambda would give them.
//
// Run runs one command in a sandbox. A Runner runs functions: their code and
// layers are unpacked, a runtime is started on them behind a Runtime API of its
// own, extensions live beside it, and invocations come and go with AWS's
// limits, errors and log lines.
//
// A sandbox is made by starting the running program once more, in new
// namespaces, with a hidden argument. So a program that uses this package calls
// SandboxMain at the very top of its main, or of its TestMain. That process is
// the first of the sandbox and the parent of all others; when it ends, the
// kernel ends them.
//
// What a machine refuses is done without, and said: see Isolation.
package runner
