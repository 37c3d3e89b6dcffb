// Package bypass attacks the Defender. It has tests only: a table of attempts to get around a rule, each a small program
// under testdata, and a harness that runs every attempt without the Defender (it must succeed there, or it proves
// nothing) and with it, in every tier and sandbox profile, and tells from outside what came of it.
//
// The files: attempts_*_test.go are the data; harness_test.go builds what they need; cell_test.go is the world of one run
// (namespaces, servers, an unprivileged user); verdict_test.go makes one word of the facts; matrix_test.go holds the words
// against the expected ones, page_test.go the table in docs/security.md against the data, and legit_test.go makes sure that
// what the rules allow still works.
package bypass
