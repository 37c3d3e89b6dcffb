package bypass

import "time"

// Attempts to start programs.

const (
	musl    = "musl-gcc"
	node    = "/usr/bin/node"
	ruby    = "/usr/bin/ruby"
	busybox = "/bin/busybox"
	javac   = "javac"
)

func inC(name, way, about string) attempt {
	return attempt{name: name, about: about, run: []string{"exec", way}, rule: "exec", proof: ran}
}

func inShell(name, about string, run ...string) attempt {
	return attempt{name: name, about: about, run: append([]string{"sh"}, run...), rule: "exec", proof: ran}
}

func inPython(name, way, about string) attempt {
	return attempt{name: name, about: about, run: []string{"exec.py", way}, rule: "exec", proof: ran, needs: []string{"/usr/bin/python3"}}
}

func inNode(name, way, about string) attempt {
	return attempt{name: name, about: about, run: []string{"ways.cjs", way}, rule: "exec", proof: ran, needs: []string{node}}
}

func inRuby(name, way, about string) attempt {
	return attempt{name: name, about: about, run: []string{"ways.rb", way}, rule: "exec", proof: ran, needs: []string{ruby}}
}

// with changes a copy of an attempt.
func (a attempt) with(change func(*attempt)) attempt {
	change(&a)
	return a
}

// crafts marks an attempt that brings code of its own, and says what preload makes of it.
func (a attempt) crafts(preload verdict) attempt {
	a.crafted, a.preload = true, preload
	return a
}

func (a attempt) using(program string) attempt {
	a.run = append([]string{program}, a.run[1:]...)
	return a
}

func (a attempt) needing(needs ...string) attempt {
	a.needs = append(a.needs, needs...)
	return a
}

// inChild runs a program of testdata as a shell's child, as one that an attacker brings would be.
func inChild(name, about string, run ...string) attempt {
	return inShell(name, about, append([]string{"child.sh"}, run...)...)
}

func (a attempt) giving(arguments ...string) attempt {
	a.run = append(a.run, arguments...)
	return a
}

// opaqueMain: preload can't enter the function's own runtime, and says so in its coverage.
func opaqueMain(a *attempt) { a.preload = uncovered }

// silent: nothing happens and no audit is written.
func (a attempt) silent() attempt {
	a.kernel, a.preload = refused, refused
	return a
}

// closed: the kernel tier closes the means to everybody.
func closed(a *attempt) {
	a.kernel, a.preloadLambda = refused, outside
}

func execAttempts() []attempt {
	return []attempt{
		inC("exec-direct", "direct", "execve"),
		inC("exec-search", "search", "execvp along PATH"),
		inC("exec-system", "system", "system()"),
		inC("exec-popen", "popen", "popen()"),
		inC("exec-execveat", "execveat", "execveat, relative to a directory"),
		inC("exec-execveat-empty-path", "execveat-empty-path", "execveat of a descriptor"),
		inC("exec-fexecve", "fexecve", "fexecve"),
		inC("exec-posix-spawn", "posix-spawn", "posix_spawn"),
		inC("exec-posix-spawnp", "posix-spawnp", "posix_spawnp"),
		inC("exec-vfork", "vfork", "execve after vfork"),
		inC("exec-clone-vm", "clone-vm", "execve in a child that shares memory"),
		inC("exec-clone3", "clone3", "execve after clone3").with(closed),
		inC("exec-syscall", "syscall", "syscall(SYS_execve)"),
		inC("exec-x32", "x32", "the x32 number of execve, through syscall()").with(func(a *attempt) {
			a.needs, a.kernel, a.preload = []string{kernelX32}, refused, refused
			a.preloadLambda = outside
		}),
		inC("exec-empty-environment", "empty-environment", "a shell without any environment runs it"),
		inC("exec-thread", "thread", "execve in a thread"),
		inC("exec-signal-handler", "signal-handler", "execve in a signal handler"),
		inC("exec-orphan", "orphan", "a daemon whose parents are gone"),
		inC("exec-relative", "relative", "a relative path"),
		inC("exec-dots", "dots", "a path with .. and //"),
		inC("exec-proc-root", "proc-root", "/proc/self/root/..."),
		inC("exec-proc-cwd", "proc-cwd", "/proc/self/cwd/..."),
		inC("exec-proc-fd", "proc-fd", "/proc/self/fd/N"),
		inC("exec-long-path", "long-path", "a path of 4,000 bytes"),
		inC("exec-many-arguments", "many-arguments", "20,000 arguments"),
		inC("exec-no-arguments", "no-arguments", "no argument vector at all"),
		inC("exec-memfd", "memfd", "a copy in a memfd"),
		inC("exec-memfd-static", "memfd-static", "a static copy in a memfd"),
		inC("exec-deleted", "deleted", "a copy whose file was removed"),
		inC("exec-unnamed-file", "unnamed-file", "a copy in an O_TMPFILE that linkat named"),
		inC("exec-renamed-copy", "renamed-copy", "a copy under another name in /tmp"),
		inC("exec-symlink", "symlink", "a symbolic link"),
		inC("exec-symlinked-directory", "symlinked-directory", "a symbolic link to its directory"),
		inC("exec-hard-link", "hard-link", "a hard link made at run time"),
		inC("exec-moved", "moved", "renamed, then started"),
		inC("exec-moved-directory", "moved-directory", "its directory renamed, then started"),
		inC("exec-linker", "linker", "ld-linux.so PROGRAM"),
		inC("exec-interpreter", "interpreter", "named by a script's first line"),
		inC("exec-no-interpreter", "no-interpreter", "a script without a first line, which libc gives to a shell"),
		inC("exec-libc-handle", "libc-handle", "dlopen(\"libc.so.6\"), dlsym(\"execve\")"),
		inC("exec-other-namespace", "other-namespace", "a second libc through dlmopen"),
		inC("exec-own-library", "own-library", "dlopen of a library in /tmp whose constructor makes the call itself"),
		inC("exec-deployed-library", "deployed-library", "dlopen of a deployed library whose constructor makes the call itself").crafts(uncovered),
		inC("exec-no-descriptors", "no-descriptors", "no descriptor left to ask with").with(func(a *attempt) { a.preload = refused }),
		inC("exec-bind-over", "bind-over", "user namespace, bind mount over an allowed program").with(closed),
		inC("exec-other-root", "other-root", "user namespace and chroot").with(closed),
		inC("exec-other-network", "other-network", "user and network namespace: the Defender's socket is out of reach").with(closed),
		inC("exec-other-processes", "other-processes", "user and process namespace: other process ids").with(closed),
		inChild("exec-static", "a static program makes the call", "exec-static", "direct"),
		inChild("exec-static-pie", "a static, position independent program", "exec-static-pie", "direct"),
		inChild("exec-musl", "a musl program", "exec-musl", "direct").needing(musl),
		inChild("exec-musl-static", "a static musl program", "exec-musl-static", "direct").needing(musl),
		inChild("exec-own-loader", "a program whose dynamic loader is the attacker's", "loaded"),
		inChild("exec-go-dynamic", "a Go program with a dynamic loader, which makes its calls itself", "gocalls").needing("go").with(goes("exec")),
		inC("main-static", "direct", "the function's own runtime is a static program").using("exec-static").with(opaqueMain),

		inShell("exec-sh", "sh in sh", "exec-sh.sh"),
		inShell("exec-bash", "bash's exec with an empty environment and another name", "exec-bash.sh"),
		inShell("exec-perl", "perl's exec with another name", "exec-perl.sh"),
		inShell("exec-perl-syscall", "perl's syscall", "exec-perl-syscall.sh"),
		inShell("exec-awk", "awk's system", "exec-awk.sh"),
		inShell("exec-find", "find -exec", "exec-find.sh"),
		inShell("exec-xargs", "xargs", "exec-xargs.sh"),
		inShell("exec-tar", "tar --checkpoint-action", "exec-tar.sh"),
		inShell("exec-script", "script -c, in a pseudo-terminal", "exec-script.sh").with(func(a *attempt) { a.needs = []string{"/usr/bin/script"} }),
		inShell("exec-setsid", "setsid nohup nice timeout", "exec-setsid.sh"),
		inShell("exec-busybox", "a static busybox's shell", "exec-busybox.sh").with(func(a *attempt) { a.needs = []string{busybox} }),
		inShell("exec-env-i", "env -i, twice", "exec-env-i.sh"),
		inShell("exec-unset-preload", "LD_PRELOAD unset", "exec-unset-preload.sh"),
		inShell("exec-override-preload", "LD_PRELOAD overridden", "exec-override-preload.sh"),
		inShell("exec-preload-own", "LD_PRELOAD of a deployed library that calls execve", "exec-preload-own.sh"),
		inShell("exec-ld-audit", "LD_AUDIT: a deployed library in a name space of its own", "exec-ld-audit.sh"),
		inShell("exec-library-path", "LD_LIBRARY_PATH with a copied libc", "exec-library-path.sh"),
		inShell("exec-linker-sh", "ld-linux.so /bin/sh, without an environment", "exec-linker-sh.sh"),
		inShell("exec-miner", "arguments of a miner", "miner.sh"),
		inShell("main-sh", "another program than the main one", "main-sh.sh").with(mainOnly),
		inShell("main-exec", "the main process becomes another program", "main-exec.sh").with(mainOnly),

		{name: "exec-traced", about: "ptrace of a child: a harmless call becomes execve at the kernel's door", run: []string{"traced", "number"}, rule: "exec", proof: ran, preloadLambda: outside},
		{name: "exec-assembly", about: "the instruction itself, in deployed native code", run: []string{"exec-crafted", "assembly"}, rule: "exec", proof: ran, crafted: true, preload: uncovered},
		{name: "exec-int80", about: "int 0x80: the 32-bit call", run: []string{"exec-crafted", "int80"}, rule: "exec", proof: ran, crafted: true, preload: uncovered, preloadLambda: outside, kernel: refused},
		{name: "exec-code-in-memory", about: "machine code in a page of its own", run: []string{"exec-crafted", "memory"}, rule: "exec", proof: ran, crafted: true, preload: uncovered},
		race("exec-race-path", "the path's bytes flip in a thread", "exec-races", "path-thread", "exec", ran, 300),
		race("exec-race-peer", "the path's bytes flip in a process that shares memory", "exec-races", "path-peer", "exec", ran, 300),
		race("exec-race-afar", "the path's bytes are flipped by another process", "exec-races", "path-afar", "exec", ran, 300),
		race("exec-race-symlink", "a symbolic link flips", "exec-races", "symlink", "exec", ran, 300),
		race("exec-race-rename", "directories change places", "exec-races", "rename", "exec", ran, 300),
		race("exec-race-argument", "a miner's argument flips", "exec-races", "argument", "exec", ran, 300),
	}
}

// sandboxed: Lambda's sandbox refuses the means.
func sandboxed(a *attempt) { a.preloadLambda = outside }

func mainOnly(a *attempt) { a.rule = "main-only" }

func race(name, about, program, way, rule string, p proof, tries int) attempt {
	return attempt{name: name, about: about, run: []string{program, way}, rule: rule, proof: p, tries: tries, within: 40 * time.Second}
}

func languageAttempts() []attempt {
	return []attempt{
		inPython("python-os-system", "os_system", "os.system"),
		inPython("python-subprocess", "subprocess_run", "subprocess.run, empty environment"),
		inPython("python-subprocess-shell", "subprocess_shell", "subprocess.run through a shell"),
		inPython("python-fork-exec", "fork_exec", "_posixsubprocess.fork_exec"),
		inPython("python-posix-spawn", "posix_spawn", "os.posix_spawn"),
		inPython("python-execve", "execve", "os.execve"),
		inPython("python-execve-fd", "execve_fd", "os.execve of a descriptor"),
		inPython("python-ctypes-none", "ctypes_none", "ctypes.CDLL(None).execve"),
		inPython("python-ctypes-libc", "ctypes_libc", "ctypes.CDLL(\"libc.so.6\").execve"),
		inPython("python-ctypes-path", "ctypes_path", "ctypes.CDLL of libc's path"),
		inPython("python-ctypes-copied-libc", "ctypes_copied_libc", "ctypes.CDLL of a copied libc"),
		inPython("python-ctypes-syscall", "ctypes_syscall", "ctypes.CDLL(None).syscall"),
		inPython("python-ctypes-dlmopen", "ctypes_dlmopen", "ctypes and dlmopen"),
		inPython("python-pty", "pty_spawn", "pty.spawn"),
		inPython("python-multiprocessing", "multiprocessing_child", "a spawned multiprocessing child"),
		inPython("python-isolated", "isolated", "python3 -I -S without an environment"),
		inPython("python-memfd", "memfd", "os.memfd_create"),
		inPython("python-thread", "thread", "os.execve in a thread"),
		inPython("python-same-interpreter", "same_interpreter", "the runtime's interpreter with another program").with(mainOnly),
		inPython("python-machine-code", "machine_code", "ctypes and an executable page").crafts(uncovered),

		inNode("node-exec", "exec", "child_process.execSync"),
		inNode("node-execfile", "execFile", "child_process.execFile"),
		inNode("node-spawn", "spawn", "child_process.spawn, detached"),
		inNode("node-fork", "fork", "child_process.fork with another execPath"),
		inNode("node-binding", "binding", "process.binding('spawn_sync')"),
		inNode("node-process-wrap", "wrap", "process.binding('process_wrap')"),
		inNode("node-addon", "addon", "process.dlopen of an addon that calls execve"),
		inNode("node-worker", "worker", "a worker thread with an empty environment"),

		inRuby("ruby-syscall", "syscall", "Kernel#syscall"),
		inRuby("ruby-fiddle", "fiddle", "Fiddle and libc's execve"),
		inRuby("ruby-spawn", "spawn", "Kernel#spawn without an environment"),
		inRuby("ruby-backtick", "backtick", "backticks"),
		inRuby("ruby-exec", "exec", "Kernel#exec with another name"),
		inRuby("ruby-popen", "popen", "IO.popen"),

		{name: "java-exec", about: "ProcessBuilder", run: []string{"Ways.class", "exec"}, rule: "exec", proof: ran, needs: []string{javac}, within: 40 * time.Second},
	}
}

// goes tells gocalls what to do: it reads no arguments.
func goes(way string) func(*attempt) {
	return func(a *attempt) { a.env = append(a.env, "WAY="+way) }
}
