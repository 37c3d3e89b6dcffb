package policy

import (
	"net/netip"

	"github.com/autodefend/autodefend"
)

// Kind is what a process is about to do, or was seen to have done.
type Kind string

// The kinds of events.
const (
	Exec    Kind = "exec"    // start a program: Event.Program
	Connect Kind = "connect" // send to an address: Event.Address, Event.Protocol
	Listen  Kind = "listen"  // bind to or listen on a port: Event.Address, Event.Protocol
	Resolve Kind = "resolve" // ask for a name's addresses: Event.Domain
	Open    Kind = "open"    // open, create, remove, rename or change a file: Event.File, Event.Access
	Tamper  Kind = "tamper"  // reach for the Defender itself: Event.Detail
)

// Event is one act of one process. A tier fills in what it knows; the engine judges it.
type Event struct {
	Kind    Kind
	Process Process
	// Tier is who saw it. After says that the act already happened, so that it can only be ended.
	Tier  autodefend.Tier
	After bool

	Program  Program
	Address  netip.AddrPort // an IPv4 address mapped into IPv6 is given as IPv4
	Protocol string         // tcp or udp
	Domain   string         // lower case, without the final dot
	File     string         // absolute and free of links, as the kernel would name it
	Access   Access
	Detail   string // what was tampered with, for people
	// Learnt says that Address came from an allowed DNS answer of this function.
	Learnt bool
}

// Process is who acts.
type Process struct {
	PID     int
	Path    string // its executable
	Parent  string // its parent's executable; "" when unknown
	Command string // its command line, arguments separated by blanks, at most 1,024 bytes
}

// Program is what is to be started.
type Program struct {
	Path string   // absolute and free of links; "memfd:name" when Fileless
	Args []string // args[0] included
	// Given is the path by which the program was called when it isn't Path: absolute, with its links. Lists of names
	// need it where sh is a link to dash, or wget one to busybox.
	Given string
	// Interpreter is the program that a script's first line names, absolute and free of links; "" for other programs.
	Interpreter string
	// Main says that this is the function's own runtime starting, or one of its workers.
	Main bool
	// Fileless: the program has no file, or its file was removed.
	Fileless bool
	// Writable: its file is in a directory that the function can write, such as /tmp.
	Writable bool
	// Opaque: the preload tier can't hold it: it is statically linked, made by Go, made for another architecture or C library,
	// or changes its user.
	Opaque bool
}

// Access says what is done to a file; values can be combined.
type Access uint8

// The accesses.
const (
	Read  Access = 1 << iota // its content is read
	Write                    // its content, name, mode or existence changes
)
