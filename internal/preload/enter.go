package preload

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// enters reports whether the shim will be in an ELF program that u starts, and see its calls. Go programs with a loader
// are entered, but make their system calls themselves, on stacks too small for the shim. A program's auditor (LD_AUDIT's,
// named in the file) runs before the shim.
func (s startable) enters(v view, u user, file *openedFile, name string) bool {
	e, err := parseELF(file)
	if err != nil || e.machine != ourMachine() || e.isGo() || e.hasAuditor() {
		return false
	}
	loader := e.interpreter()
	if loader == "" { // a loader has no loader
		return e.kind == elfTypeShared && isLoader(name)
	}
	return v.loads(u, loader) && (!s.glibc || !strings.HasPrefix(path.Base(loader), "ld-musl"))
}

// loads reports whether a program's loader is the C library's: anything else that is named as one is a program that
// starts whatever it likes. The loader is known by its name and place, before and after links (Debian's loader of musl is
// a link to the library), and neither can be u's to change.
func (v view) loads(u user, loader string) bool {
	if !strings.HasPrefix(loader, "/") || !isLoaderName(loader) {
		return false
	}
	for _, follow := range []bool{false, true} {
		where, err := v.resolve(unix.AT_FDCWD, loader, follow)
		if err != nil || where.missing || !inLoaderDirectory(where.path) || u.canWrite(v.root, where.path) {
			return false
		}
	}
	return true
}

// isLoader reports whether a path is that of a dynamic loader. Only loaders of the system count: a copy under another
// name is a program that can't be entered.
func isLoader(name string) bool {
	return isLoaderName(name) && inLoaderDirectory(name)
}

func isLoaderName(name string) bool {
	base := path.Base(name)
	return strings.HasPrefix(base, "ld-") || strings.HasPrefix(base, "ld.so") || strings.HasPrefix(base, "ld64.so")
}

// inLoaderDirectory reports whether a path free of links is below a directory where C libraries are. Those of Nix and
// Guix are their own, and read-only.
func inLoaderDirectory(name string) bool {
	for _, directory := range []string{"/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/", "/usr/libexec/", "/nix/store/", "/gnu/store/"} {
		if strings.HasPrefix(name, directory) {
			return true
		}
	}
	return false
}
