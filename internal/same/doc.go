// Package same holds the tests that the Defender changes nothing: real programs of many kinds, run without it and with
// it under a policy that looks at everything and stops nothing, must read and write the same bytes and end the same way,
// in a sandbox that permits seccomp and in one that refuses it as Lambda's does.
//
// Programs are in testdata. Each may print only what the same machine prints twice.
package same
