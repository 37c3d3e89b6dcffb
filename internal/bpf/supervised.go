package bpf

import "slices"

// Options says which acts a policy may want to judge. A filter can't be changed once it is installed, so it must cover
// what any later policy may need too.
type Options struct {
	Processes bool // starting programs
	Network   bool // connecting, sending to addresses, listening
	DNS       bool // asking for names, by sending port 53 elsewhere
	Files     bool // opening and changing files
	// Identities hands over changes of user, group and capabilities too, so that a supervisor with rights that a process
	// gave up doesn't act on its behalf with them.
	Identities bool
	// Guarded are process ids, the supervisor's among them, that tgkill must not reach without being asked about. Other
	// ways of signalling take thread ids as well, which come and go, and are always asked about.
	Guarded []int
}

// Supervised hands to the supervisor what the policy may judge, and closes the ways around it. The ways around are closed
// in the kernel where no program can miss them; where one could, under a policy that only alerts, the supervisor decides.
//
// Calls that programs never repeat after EINTR (close, dup, fork) are not handed over: a signal that arrives before the
// supervisor took the notification ends them with it.
func Supervised(o Options) Filter {
	rules := slices.Concat(closedWays(), guard(o.Guarded), owners(), escapes())
	if o.Identities {
		rules = append(rules, identities()...)
	}
	if o.Processes {
		rules = append(rules, Calls(Notify, "execve", "execveat")...)
	}
	if o.Files {
		rules = append(rules, files()...)
	}
	if o.Network {
		rules = append(rules, network()...)
	}
	if o.DNS {
		rules = append(rules, dns()...)
	}
	return Filter{Name: "supervised", Rules: rules}
}

// closedWays makes acts that nobody could see impossible.
func closedWays() []Rule {
	const setDumpable = 4
	rules := Calls(Errno(enosys),
		// Requests in a ring are no system calls.
		"io_uring_setup", "io_uring_enter", "io_uring_register",
		// A page that is filled in by the program would stop whoever reads the program's memory.
		"userfaultfd",
		// Its flags are in memory, out of sight; C libraries fall back to clone.
		"clone3",
		"uselib",
	)
	// A process that isn't dumpable can't be looked into. The call claims to have worked.
	return append(rules, Rule{Call: "prctl", When: []Condition{Is(0, setDumpable), Is(1, 0)}, Then: Errno(0)})
}

// guard hands over what could stop, change or slow the supervisor. Signal 0 only asks, and pid 0 is the caller.
func guard(pids []int) []Rule {
	var rules []Rule
	for _, pid := range pids {
		for _, call := range []string{"tgkill", "rt_tgsigqueueinfo"} {
			rules = append(rules, Rule{Call: call, When: []Condition{Is(0, uint32(pid))}, Then: Notify})
		}
	}
	for _, call := range []string{"kill", "tkill"} {
		rules = append(rules, Rule{Call: call, When: []Condition{IsNot(1, 0)}, Then: Notify})
	}
	const ptraceAttach, ptraceSeize = 16, 0x4206
	rules = append(rules,
		Rule{Call: "ptrace", When: []Condition{Is(0, ptraceAttach)}, Then: Notify},
		Rule{Call: "ptrace", When: []Condition{Is(0, ptraceSeize)}, Then: Notify},
		Rule{Call: "setpriority", When: []Condition{IsNot(1, 0)}, Then: Notify},
		Rule{Call: "ioprio_set", When: []Condition{IsNot(1, 0)}, Then: Notify},
	)
	for _, call := range []string{"prlimit64", "sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr", "migrate_pages", "move_pages"} {
		rules = append(rules, Rule{Call: call, When: []Condition{IsNot(0, 0)}, Then: Notify})
	}
	return append(rules, Calls(Notify,
		"rt_sigqueueinfo", "pidfd_send_signal", "pidfd_getfd",
		"process_vm_readv", "process_vm_writev", "process_madvise",
	)...)
}

// owners hands over what says whom the kernel signals when something happens to a descriptor. Owner 0 is nobody.
func owners() []Rule {
	const setOwner, setOwnerEx, fioSetOwner, siocSetGroup = 8, 15, 0x8901, 0x8902
	return []Rule{
		{Call: "fcntl", When: []Condition{Is(1, setOwner), IsNot(2, 0)}, Then: Notify},
		{Call: "fcntl", When: []Condition{Is(1, setOwnerEx)}, Then: Notify},
		{Call: "ioctl", When: []Condition{Is(1, fioSetOwner)}, Then: Notify},
		{Call: "ioctl", When: []Condition{Is(1, siocSetGroup)}, Then: Notify},
	}
}

// escapes hands over what would give a process another view of files, processes or the network than the supervisor's.
func escapes() []Rule {
	rules := Calls(Notify,
		"setns", "chroot", "pivot_root", "mount", "umount2",
		"fsopen", "fsconfig", "fsmount", "fspick", "move_mount", "open_tree", "open_tree_attr", "mount_setattr",
		"open_by_handle_at", "bpf", "perf_event_open",
		"init_module", "finit_module", "kexec_load", "kexec_file_load", "swapon", "acct", "quotactl", "reboot",
	)
	return append(
		rules,
		Rule{Call: "unshare", When: []Condition{HasAny(0, newNamespaces)}, Then: Notify},
		Rule{Call: "clone", When: []Condition{HasAny(0, newNamespaces&^0xff)}, Then: Notify}, // the lowest byte is a signal
	)
}

// identities hands over what changes a thread's user, groups and capabilities.
func identities() []Rule {
	return Calls(Notify,
		"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups", "capset",
	)
}

// files hands over what opens or changes files. Opening for the place alone (O_PATH) gives no access to content.
func files() []Rule {
	const placeOnly = 0x200000
	rules := []Rule{
		{Call: "open", When: []Condition{HasAny(1, placeOnly)}, Then: Allow},
		{Call: "openat", When: []Condition{HasAny(2, placeOnly)}, Then: Allow},
	}
	return append(rules, Calls(Notify,
		"open", "openat", "openat2", "creat",
		"truncate", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat", "mknod", "mknodat",
		"rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat",
		"chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "lchown", "fchown", "fchownat",
		"utime", "utimes", "futimesat", "utimensat",
		"setxattr", "lsetxattr", "fsetxattr", "setxattrat",
		"removexattr", "lremovexattr", "fremovexattr", "removexattrat", "file_setattr",
	)...)
}

// network hands over what names an address, and sockets of families that the supervisor doesn't understand.
func network() []Rule {
	const unix, inet, inet6, netlink, alg, sctp = 1, 2, 10, 16, 38, 132
	rules := Calls(Notify, "connect", "bind", "listen", "sendmsg", "sendmmsg")
	return append(
		rules,
		Rule{Call: "sendto", When: []Condition{NotNull(4)}, Then: Notify},
		Rule{Call: "socket", When: []Condition{Is(2, sctp)}, Then: Notify},
		Rule{Call: "socket", When: []Condition{IsNot(0, unix), IsNot(0, inet), IsNot(0, inet6), IsNot(0, netlink), IsNot(0, alg)}, Then: Notify},
	)
}

// dns hands over what sends questions, and what would show that somebody else answered them.
func dns() []Rule {
	return append(
		Calls(Notify, "connect", "sendmsg", "sendmmsg", "recvmsg", "recvmmsg", "getpeername"),
		Rule{Call: "sendto", When: []Condition{NotNull(4)}, Then: Notify},
		Rule{Call: "recvfrom", When: []Condition{NotNull(4)}, Then: Notify},
	)
}
