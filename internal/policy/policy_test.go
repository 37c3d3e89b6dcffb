package policy

import (
	"maps"
	"net/netip"
	"slices"
	"testing"

	"github.com/autodefend/autodefend"
)

// mustRule reads one rule.
func mustRule(t testing.TB, text string) *Rule {
	t.Helper()
	p, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return &p.Rules[0]
}

// mustCompile reads and compiles one rule.
func mustCompile(t testing.TB, text string) *Compiled {
	t.Helper()
	c, err := Compile(mustRule(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func start(path string, args ...string) Event {
	if len(args) == 0 {
		args = []string{path}
	}
	return Event{Kind: Exec, Tier: autodefend.TierKernel, Program: Program{Path: path, Args: args}}
}

func connect(to string) Event {
	return Event{Kind: Connect, Address: netip.MustParseAddrPort(to), Protocol: "tcp", Process: python()}
}

func listenOn(at string) Event {
	return Event{Kind: Listen, Address: netip.MustParseAddrPort(at), Protocol: "tcp", Process: python()}
}

func ask(name string) Event { return Event{Kind: Resolve, Domain: name, Process: python()} }

func use(file string, access Access) Event {
	return Event{Kind: Open, File: file, Access: access, Process: python()}
}

func python() Process {
	return Process{PID: 7, Path: "/var/lang/bin/python3.13", Parent: "/bin/bash", Command: "python3 /var/runtime/bootstrap.py"}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
