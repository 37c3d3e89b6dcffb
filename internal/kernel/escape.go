package kernel

import "golang.org/x/sys/unix"

// escapeHandlers refuse, while anything is stopped, what gives processes another view than the supervisor's or more
// rights than its own; and note changes of identity.
func escapeHandlers() map[string]handler {
	table := make(map[string]handler)
	for _, name := range []string{
		"unshare", "clone", "setns", "chroot", "pivot_root", "mount", "umount2",
		"fsopen", "fsconfig", "fsmount", "fspick", "move_mount", "open_tree", "open_tree_attr", "mount_setattr",
		"open_by_handle_at", "bpf", "perf_event_open",
		"init_module", "finit_module", "kexec_load", "kexec_file_load", "swapon", "acct", "quotactl", "reboot",
	} {
		table[name] = (*Supervisor).escape
	}
	for _, name := range []string{
		"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups", "capset",
	} {
		table[name] = (*Supervisor).changeIdentity
	}
	table["socket"] = (*Supervisor).strangeSocket
	return table
}

// escape is refused while any section stops acts.
func (s *Supervisor) escape(c *call) answer {
	if c.rules.strongest() != stop {
		return pass()
	}
	return fail(unix.EPERM)
}

// changeIdentity passes. What was known of the thread is forgotten; the call is over before the thread's next.
func (s *Supervisor) changeIdentity(c *call) answer {
	s.privilege.forget(c.tid)
	return pass()
}

// strangeSocket refuses families whose addresses nobody here can judge.
func (s *Supervisor) strangeSocket(c *call) answer {
	return c.refuse(c.rules.network, unix.EAFNOSUPPORT)
}
