package bypass

// Attempts to get rid of the Defender, or to speak in its name.

func hits(way, about string, p proof) attempt {
	return attempt{name: "defender-" + way, about: about, run: []string{"defender", way}, rule: "exec", proof: p}
}

func defenderAttempts() []attempt {
	child := func(way, about string) attempt {
		return attempt{name: "runtime-" + way, about: about, run: []string{"sh", "api-child.sh", way}, rule: "exec", proof: forged}
	}
	return []attempt{
		hits("kill", "kill(SIGKILL)", down),
		hits("stop", "kill(SIGSTOP)", down),
		hits("tgkill", "tgkill", down),
		hits("tkill", "tkill", down),
		hits("sigqueue", "rt_sigqueueinfo", down),
		hits("pidfd-send-signal", "pidfd_send_signal", down),
		hits("descriptor-owner", "F_SETSIG, F_SETOWN and O_ASYNC: a socket's event kills", down),
		hits("descriptor-owner-ex", "the same by F_SETOWN_EX", down),
		hits("kill-all", "kill(-1)", down).silent(),
		hits("kill-group", "kill of the process group, from outside of it", down).silent(),
		hits("killpg", "killpg, from outside of the group", down).silent(),
		hits("stop-own-group", "kill(0, SIGTTIN)", down).silent(),
		{name: "defender-sh-kill", about: "a shell's kill", run: []string{"sh", "defender-sh-kill.sh"}, rule: "exec", proof: down},
		hits("ptrace", "ptrace attach", won),
		hits("ptrace-seize", "ptrace seize", won),
		hits("process-vm-writev", "process_vm_writev", won),
		hits("proc-mem", "/proc/PID/mem", won).with(noSuchThing),
		hits("proc-environ", "/proc/PID/environ: the policy and its secrets", won).with(noSuchThing),
		hits("pidfd-getfd", "pidfd_getfd of its descriptors", won),
		hits("proc-fd", "/proc/PID/fd", won).with(noSuchThing),
		hits("oom-score", "/proc/PID/oom_score_adj", won).with(noSuchThing),
		hits("prlimit", "prlimit: no more descriptors for it", won),
		hits("scheduler", "sched_setscheduler(SCHED_IDLE)", won),
		hits("priority", "setpriority", won),
		hits("other-name", "a question in another process's name: a fake audit", forged).with(noSuchThing),
		hits("table", "the shared table, through its descriptor", won).with(noSuchThing),
		hits("flood", "its socket flooded, then execve", ran),
		hits("own-supervisor", "a child is told to ask another supervisor", ran),
		hits("inherited", "inherited descriptors shut down", won).silent(),
		hits("delete-library", "the library deleted, then a child", ran).with(ownLayer),
		hits("empty-library", "the library replaced by an empty file, then a child", ran).with(ownLayer),
		hits("move-layer", "the layer renamed, then a child", ran).with(ownLayer),
		hits("edited-policy", "TW_POLICY and AUTODEFEND_* set for a child", ran),
		hits("nested", "a Defender of one's own, without a policy", ran),
		hits("close-library", "dlclose of the library", ran),
		hits("own-filter", "a seccomp filter of one's own stops the questions", ran).with(sandboxed),
		hits("unmap-library", "munmap of the library", ran).crafts(ended),
		hits("wipe-table", "mprotect and a write to the mapped table", ran).crafts(prevented),
		hits("replace-table", "another table mapped in its place", ran).crafts(prevented),
		{name: "defender-assembly-kill", about: "kill, by machine code", run: []string{"defender-crafted", "kill"}, rule: "exec", proof: down, crafted: true, preload: detected},
		{name: "defender-assembly-environ", about: "its environment, by machine code", run: []string{"defender-crafted", "environ"}, rule: "exec", proof: won, crafted: true, kernel: refused, preload: refused, preloadLambda: uncovered},
		{name: "defender-assembly-mem", about: "its memory, by machine code", run: []string{"defender-crafted", "mem"}, rule: "exec", proof: won, crafted: true, kernel: refused, preload: refused, preloadLambda: uncovered},
		child("api-next", "a child process takes the next event"),
		child("api-response", "a child process answers the invocation"),
		child("api-error", "a child process reports an init error"),
		{name: "runtime-api-real", about: "the real Runtime API, past the proxy", run: []string{"defender", "api-real"}, rule: "exec", proof: forged},
	}
}

// noSuchThing: in the kernel tier there is nothing to be had, so nothing to be audited.
func noSuchThing(a *attempt) { a.kernel = refused }

func ownLayer(a *attempt) { a.writableLayer = true }
