package bpf

const (
	eperm         = 1
	newNamespaces = 0x7e020080 // CLONE_NEW*: TIME (0x80), NS, CGROUP, UTS, IPC, USER, PID, NET
)

// LambdaSandbox refuses what AWS Lambda's sandbox is reported to refuse: every prctl, seccomp, ptrace, namespaces, mounts,
// chroot and reading another process's memory fail with EPERM. It has to be installed as the last act before the program
// is started, since it refuses the means of installing another.
func LambdaSandbox() Filter {
	rules := Calls(Errno(eperm),
		"prctl", "seccomp", "ptrace",
		"unshare", "setns", "chroot", "pivot_root", "mount", "umount2",
		"fsopen", "fsconfig", "fsmount", "fspick", "move_mount", "open_tree", "open_tree_attr", "mount_setattr",
		"process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp",
		"bpf", "perf_event_open", "userfaultfd", "open_by_handle_at",
		"io_uring_setup", "io_uring_enter", "io_uring_register",
		"init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot",
	)
	const packetFamily, rawType = 17, 3
	rules = append(
		rules,
		// The lowest byte of its flags is a signal.
		Rule{Call: "clone", When: []Condition{HasAny(0, newNamespaces&^0xff)}, Then: Errno(eperm)},
		// Its flags are in memory, out of a filter's sight; C libraries fall back to clone.
		Rule{Call: "clone3", Then: Errno(enosys)},
		Rule{Call: "socket", When: []Condition{Is(0, packetFamily)}, Then: Errno(eperm)},
		Rule{Call: "socket", When: []Condition{IsNot(0, 1), {Arg: 1, Mask: 0xf, Value: rawType}, IsNot(0, 16)}, Then: Errno(eperm)},
	)
	return Filter{Name: "lambda", Rules: rules}
}
