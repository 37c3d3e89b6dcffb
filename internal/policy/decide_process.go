package policy

import (
	"slices"
	"strings"

	"github.com/autodefend/autodefend"
)

// processSection is the compiled section processes.
type processSection struct {
	level    level
	allow    programs
	deny     programs
	helpers  programs
	mainOnly bool

	// Levels of our own rules.
	fileless, tmp, opaque level
}

func (k *compiler) processes(rule *Rule) processSection {
	on := levelOf(rule.Processes.Effect)
	return processSection{
		level:    on,
		allow:    k.programs("processes.whitelist", "whitelist", rule.Processes.Allow),
		deny:     k.programs("processes.blacklist", "blacklist", rule.Processes.Deny),
		helpers:  k.programs("autodefend.helpers", "autodefend.helpers", rule.Own.Helpers),
		mainOnly: rule.Processes.MainOnly,
		fileless: on.or(rule.Own.Fileless),
		tmp:      off.or(rule.Own.TmpExecutables),
	}
}

// exec judges the start of a program. The function's own runtime is always allowed: without it there is no function.
func (c *Compiled) exec(e *Event) (finding, string) {
	p, program := &c.processes, &e.Program
	if program.Main {
		return finding{}, passMain
	}
	allowed, byPath := p.allowed(program)
	found := p.denied(program)
	if allowed == "" && c.miners != nil {
		found = found.or(c.miners.program(program))
	}
	found = found.or(p.withoutFile(program)).or(p.notAllowed(program, allowed))
	if program.Writable && !program.Fileless && !byPath {
		found = found.or(finding{p.tmp, writableProgram, "autodefend.tmpExecutables", "lies where the function can write"})
	}
	if program.Opaque && e.Tier == autodefend.TierPreload {
		found = found.or(finding{p.opaque, opaqueProgram, "autodefend.opaque", "can't be entered by the preload tier, so the rule can't be held inside it"})
	}
	if found.level == off && allowed == "" && p.level == off {
		allowed = passOff
	}
	return found, allowed
}

// withoutFile finds a program that has no file.
func (p *processSection) withoutFile(program *Program) finding {
	if !program.Fileless {
		return finding{}
	}
	return finding{p.fileless, filelessProgram, "autodefend.fileless", "has no file"}
}

// denied finds a program in the deny list: under its path, the path it was called by, the name it was told to be, or
// as the interpreter of a script. A dynamic loader hides the program it starts, so a deny list denies it too.
func (p *processSection) denied(program *Program) finding {
	if p.deny.empty() {
		return finding{}
	}
	for _, path := range [...]string{program.Path, program.Given, program.Interpreter} {
		if entry := p.deny.find(path); entry != "" {
			return finding{p.level, deniedProgram, entry, "is in the deny list"}
		}
	}
	if entry := p.deny.findName(appletName(program)); entry != "" {
		return finding{p.level, deniedProgram, entry, "goes by a name of the deny list"}
	}
	if entry, _ := p.allowed(program); entry == "" && isLoader(program.Path) && len(program.Args) > 1 {
		return finding{p.level, deniedProgram, "blacklist", "is a dynamic loader, which hides the program it starts"}
	}
	return finding{}
}

// notAllowed finds a program that isn't allowed where only some are.
func (p *processSection) notAllowed(program *Program, allowed string) finding {
	if allowed != "" {
		return finding{}
	}
	cause := "isn't the main process"
	if program.Writable && p.allow.findName(baseName(program.Path)) != "" {
		cause = "lies where the function can write, and there an allowed name isn't enough: allow its path"
	}
	switch {
	case p.mainOnly:
		return finding{p.level, deniedProgram, "blockAllBinaries", cause}
	case !p.allow.empty():
		if !program.Writable {
			cause = "isn't in the allow list"
		}
		return finding{p.level, deniedProgram, "whitelist", cause}
	default:
		return finding{}
	}
}

// allowed returns the entry that allows a program, and whether it does so by path. The name of a program that the
// function can write says nothing about it, and neither does that of one without a file.
func (p *processSection) allowed(program *Program) (string, bool) {
	for _, list := range [...]*programs{&p.allow, &p.helpers} {
		if entry := list.findPath(program.Path); entry != "" {
			return entry, true
		}
		if program.Writable || program.Fileless {
			continue
		}
		if entry := list.findName(baseName(program.Path)); entry != "" {
			return entry, false
		}
		if !trusted(program.Given) {
			continue
		}
		if entry := list.find(program.Given); entry != "" {
			return entry, false
		}
	}
	return "", false
}

// programs is a list of names and absolute paths.
type programs struct {
	names, paths map[string]string // to the entry's label
}

func (k *compiler) programs(path, list string, entries []string) programs {
	p := programs{names: make(map[string]string), paths: make(map[string]string)}
	for i, e := range entries {
		const hint = "give a program's name, such as wget, or its absolute path"
		switch {
		case e == "" || strings.HasSuffix(e, "/"):
			k.fail(path, i, hint, "%q isn't a program", e)
		case strings.ContainsAny(e, "*?"):
			k.fail(path, i, hint, "%q has a wildcard, and lists of processes have none", e)
		case strings.HasPrefix(e, "/") || strings.HasPrefix(e, memfdPrefix):
			addFirst(p.paths, e, label(list, i))
		case strings.Contains(e, "/"):
			k.fail(path, i, hint, "%q is a relative path", e)
		default:
			addFirst(p.names, e, label(list, i))
		}
	}
	return p
}

// memfdPrefix begins the path of a program in memory.
const memfdPrefix = "memfd:"

func addFirst(m map[string]string, key, value string) {
	if _, there := m[key]; !there {
		m[key] = value
	}
}

func (p *programs) empty() bool { return len(p.names)+len(p.paths) == 0 }

func (p *programs) findPath(path string) string { return p.paths[path] }

func (p *programs) findName(name string) string {
	if name == "" {
		return ""
	}
	return p.names[name]
}

// find looks for a program by path and by name.
func (p *programs) find(path string) string {
	if path == "" {
		return ""
	}
	if entry := p.paths[path]; entry != "" {
		return entry
	}
	return p.findName(baseName(path))
}

// list returns the entries, sorted.
func (p *programs) list() []string {
	all := make([]string, 0, len(p.names)+len(p.paths))
	for name := range p.names {
		all = append(all, name)
	}
	for path := range p.paths {
		all = append(all, path)
	}
	slices.Sort(all)
	return all
}

// baseName is what follows the last slash, or the name of a program in memory.
func baseName(path string) string {
	return strings.TrimPrefix(path[strings.LastIndexByte(path, '/')+1:], memfdPrefix)
}

// appletName is the name that a program is told to go by: what programs of many names look at.
func appletName(program *Program) string {
	switch baseName(program.Path) {
	case "busybox", "toybox", "coreutils":
	default:
		if len(program.Args) == 0 {
			return ""
		}
		return baseName(strings.TrimPrefix(program.Args[0], "-"))
	}
	for _, arg := range program.Args {
		switch name := baseName(arg); name {
		case "busybox", "toybox", "coreutils":
		default:
			return strings.TrimPrefix(name, "--coreutils-prog=")
		}
	}
	return ""
}

// isLoader tells whether a program is a dynamic loader: ld-linux-x86-64.so.2, ld-2.26.so, ld-musl-aarch64.so.1, ld.so.
func isLoader(path string) bool {
	name := baseName(path)
	return name == "ld.so" || strings.HasPrefix(name, "ld-") && strings.Contains(name, ".so")
}

// trusted tells whether the name by which a program was called says something about it: in these directories no
// function can write.
func trusted(given string) bool {
	if given == "" || strings.Contains(given, "/../") {
		return false
	}
	dir := given[:strings.LastIndexByte(given, '/')+1]
	switch dir {
	case "/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/usr/local/bin/", "/usr/local/sbin/":
		return true
	default:
		return strings.HasPrefix(dir, "/var/task/") || strings.HasPrefix(dir, "/var/lang/") || strings.HasPrefix(dir, "/var/runtime/") || strings.HasPrefix(dir, "/opt/")
	}
}
