// Package shimtest tries the C shim by itself: its file, its parts under the sanitizers, and whole programs under it,
// against a small supervisor that speaks the protocol of wire.h byte by byte.
package shimtest
