package bypass

// Attempts to read the secret and to change the ledger.

func reads(way, about string) attempt {
	return attempt{name: "files-" + way, about: about, run: []string{"files", way}, rule: "files", proof: leaked}
}

func writes(way, about string) attempt {
	return attempt{name: "files-" + way, about: about, run: []string{"files", way}, rule: "files", proof: changed}
}

func filesIn(program, name, way, about string, p proof, needs ...string) attempt {
	return attempt{name: name, about: about, run: []string{program, way}, rule: "files", proof: p, needs: needs}
}

func fileAttempts() []attempt {
	all := []attempt{
		reads("open", "open"),
		reads("fopen", "fopen"),
		reads("openat", "openat, relative to the denied directory"),
		reads("openat-path", "openat, relative to an O_PATH descriptor"),
		reads("openat2", "openat2"),
		reads("openat2-in-root", "openat2 with RESOLVE_IN_ROOT").with(func(a *attempt) { a.kernel = refused }),
		reads("path-reopen", "O_PATH, then /proc/self/fd/N"),
		reads("dev-fd", "O_PATH, then /dev/fd/N"),
		reads("directory-fd", "/proc/self/fd/N/token of its directory"),
		reads("thread-self-fd", "/proc/thread-self/fd/N/token"),
		reads("symlink", "a symbolic link"),
		reads("relative-symlink", "a relative symbolic link with .."),
		reads("symlinked-directory", "a symbolic link to its directory"),
		reads("symlink-then-up", ".. after a symbolic link"),
		reads("dots", ".. and ."),
		reads("slashes", "doubled slashes"),
		reads("proc-root", "/proc/self/root/..."),
		reads("thread-root", "/proc/self/task/TID/root/..."),
		reads("child-root", "/proc/PID/root/... of a child"),
		reads("proc-cwd", "/proc/self/cwd/..."),
		reads("chdir", "chdir, then a relative path"),
		reads("fchdir", "fchdir to an O_PATH descriptor"),
		reads("hard-link", "a hard link made at run time"),
		reads("hard-link-of-fd", "a hard link made of /proc/self/fd/N"),
		reads("old-link", "a hard link that was there before"),
		reads("moved", "renamed, then read"),
		reads("moved-directory", "its directory renamed, then read"),
		reads("moved-parent", "the directory above renamed, then read"),
		reads("exchanged-parent", "the directory above exchanged with another"),
		reads("mmap", "mmap"),
		reads("sendfile", "sendfile"),
		reads("splice", "splice"),
		reads("copy-file-range", "copy_file_range"),
		reads("syscall", "syscall(SYS_open)"),
		reads("syscall-openat", "syscall(SYS_openat)"),
		reads("unshare-fs", "unshare(CLONE_FS), chdir above it").with(sandboxed),
		reads("cat", "a child: cat"),
		reads("as-script", "a shell complains of its content"),
		reads("passed-descriptor", "a descriptor from a helper, by SCM_RIGHTS"),
		reads("bind-mount", "user namespace and bind mount").with(closed),
		reads("other-root", "user namespace and chroot").with(closed),
		reads("mount-tree", "user namespace and open_tree").with(closed),
		reads("io-uring", "io_uring's openat").with(func(a *attempt) {
			a.kernel, a.preload, a.preloadLambda = refused, refused, outside
		}),
		writes("overwrite", "open to write, truncating"),
		writes("append", "fopen to append"),
		writes("truncate", "truncate"),
		writes("rename-over", "another file renamed over it"),
		writes("rename-away", "renamed"),
		writes("exchange", "RENAME_EXCHANGE with another file"),
		writes("unlink", "unlink"),
		writes("unlinkat", "unlinkat, relative to its directory"),
		writes("remove", "remove"),
		writes("map-and-write", "a shared mapping"),
		writes("pwritev", "pwritev"),
		writes("link-write", "a hard link, truncated"),
		writes("write-by-path-fd", "O_PATH, then truncate of /proc/self/fd/N"),
		writes("no-access-mode", "open with access mode 3 and O_TRUNC"),

		filesIn("sh", "files-static", "child.sh", "a static program reads it", leaked).giving("files-static", "open"),
		filesIn("sh", "files-musl", "child.sh", "a musl program reads it", leaked, musl).giving("files-musl", "open"),
		filesIn("sh", "files-go-dynamic", "child.sh", "a Go program with a dynamic loader", leaked, "go").giving("gocalls").with(goes("read")),
		filesIn("files.py", "files-python", "plain", "Python's open", leaked),
		filesIn("files.py", "files-python-dir-fd", "dir_fd", "os.open with dir_fd", leaked),
		filesIn("files.py", "files-python-path-fd", "path_fd", "os.open of an O_PATH descriptor", leaked),
		filesIn("files.py", "files-python-file-io", "file_io", "_io.FileIO", leaked),
		filesIn("files.py", "files-python-open-code", "code", "io.open_code", leaked),
		filesIn("files.py", "files-python-fopen", "fopen", "ctypes and libc's fopen", leaked),
		filesIn("files.py", "files-python-syscall", "syscall", "ctypes and syscall()", leaked),
		filesIn("files.py", "files-python-mmap", "mapped", "mmap.mmap", leaked),
		filesIn("files.py", "files-python-write", "sqlite", "open for update", changed),
		filesIn("files.py", "files-python-move", "shutil_move", "shutil.move", changed),
		filesIn("ways.cjs", "files-node", "readFile", "fs.readFileSync", leaked, node),
		filesIn("ways.cjs", "files-node-async", "readFileAsync", "fs.readFile, in libuv's threads", leaked, node),
		filesIn("ways.cjs", "files-node-binding", "readBinding", "process.binding('fs')", leaked, node),
		filesIn("ways.cjs", "files-node-stream", "stream", "fs.createReadStream", leaked, node),
		filesIn("ways.cjs", "files-node-rename", "rename", "fs.renameSync of its directory", leaked, node),
		filesIn("ways.rb", "files-ruby", "read", "File.read", leaked, ruby),
		filesIn("ways.rb", "files-ruby-syscall", "syscall-open", "Kernel#syscall", leaked, ruby),
		filesIn("Ways.class", "files-java", "read", "java.nio.file.Files", leaked, javac),
		filesIn("files-crafted", "files-assembly", "assembly", "the instruction itself, in deployed native code", leaked).crafts(uncovered),
		filesIn("files-crafted", "files-int80", "int80", "int 0x80: the 32-bit call", leaked).crafts(uncovered).with(func(a *attempt) {
			a.preloadLambda, a.kernel = outside, refused
		}),
		filesIn("traced", "files-traced", "path", "ptrace of a child: the path changes at the kernel's door", leaked).with(func(a *attempt) {
			a.preloadLambda = outside
		}),
		race("files-race-path", "the path's bytes flip in a thread", "files-races", "path", "files", leaked, 2000),
		race("files-race-symlink", "a symbolic link flips", "files-races", "symlink", "files", leaked, 2000),
		race("files-race-rename", "directories change places", "files-races", "rename", "files", leaked, 2000),
		race("files-race-truncate", "a symbolic link flips under truncate", "files-races", "truncate", "files", changed, 2000),
	}
	for _, script := range []struct {
		name, about string
		proof       proof
	}{
		{"files-perl", "perl's open", leaked},
		{"files-redirect", "a shell's redirection", leaked},
		{"files-tools", "head, dd, cp, tar, grep, find", leaked},
		{"files-sed", "sed -i", changed},
		{"files-shell-write", "a shell's redirection", changed},
	} {
		all = append(all, attempt{name: script.name, about: script.about, run: []string{"sh", script.name + ".sh"}, rule: "files", proof: script.proof})
	}
	return all
}
