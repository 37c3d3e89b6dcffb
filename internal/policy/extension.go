package policy

import "github.com/autodefend/autodefend"

// Extension is the member "autodefend" of a rule: what Prisma's rules can't say.
type Extension struct {
	kept

	// FailMode says what becomes of the function when the Defender itself fails; empty means open.
	FailMode autodefend.FailMode
	// Fileless is the effect on programs without a file (memfd, removed files). Empty means that of the processes.
	Fileless autodefend.Effect
	// TmpExecutables is the effect on programs that lie where the function can write. Empty means disable.
	TmpExecutables autodefend.Effect
	// Opaque is the effect on programs that the preload tier can't enter. Empty means prevent when any section of
	// the rule prevents, else disable.
	Opaque autodefend.Effect
	// Tamper is the effect on acts against the Defender itself. Empty means prevent.
	Tamper autodefend.Effect
	// StrictEgress allows connections only to addresses that came from allowed DNS answers, and to allowed IPs.
	StrictEgress bool
	// Helpers are programs, by name or path, that the main process may start although it is the only one allowed.
	Helpers []string
	// ReadOnly are paths below which nothing may be changed.
	ReadOnly []string
	// Exceptions are acts that are allowed whatever the lists say.
	Exceptions []Exception
}

// Exception allows some processes what the rule denies. It names what for; lists that are empty allow nothing.
type Exception struct {
	kept

	Processes []string // who, by name or path of the executable; empty means everybody
	Domains   []string // names as in DNS lists
	IPs       []string // as in network lists; any port
	Paths     []string // as in file lists, to read and to write
	Notes     string   // why
}

func (x *Extension) walk(f *fields) {
	choice(f, "failMode", "a fail mode", &x.FailMode, autodefend.FailOpen, autodefend.FailClosed)
	f.effect("fileless", &x.Fileless)
	f.effect("tmpExecutables", &x.TmpExecutables)
	f.effect("opaque", &x.Opaque)
	f.effect("tamper", &x.Tamper)
	f.flag("strictEgress", &x.StrictEgress)
	f.texts("helpers", &x.Helpers)
	f.texts("readOnly", &x.ReadOnly)
	list(f, "exceptions", &x.Exceptions)
	f.refuseUnknown("docs/policy.md")
}

func (x *Exception) walk(f *fields) {
	f.texts("processes", &x.Processes)
	f.texts("domains", &x.Domains)
	f.texts("ips", &x.IPs)
	f.texts("paths", &x.Paths)
	if !f.terse {
		f.text("notes", &x.Notes)
	}
	f.refuseUnknown("docs/policy.md")
}
