//go:build linux

package runner

import "slices"

// Isolation says how a sandbox was cut off from this machine.
type Isolation struct {
	// Namespaces reports that the sandbox has its own mounts, processes, IPC
	// and host name, and sees nothing of this machine's files but what runtimes
	// need.
	Namespaces bool
	// UserNamespace reports that the sandbox's users are its own too, so that
	// its root is nobody here.
	UserNamespace bool
	// Network reports that the sandbox has a network of its own, with nothing
	// in it but the loopback interface.
	Network bool
	// MemoryCgroup reports that the kernel holds the memory limit. Without it
	// the sandbox's processes are measured and ended when they pass the limit.
	MemoryCgroup bool
	// Freezer reports that a cgroup freezes the sandbox between invocations.
	// Without it every process gets SIGSTOP.
	Freezer bool
	// Missing says in words what is not isolated, and why; empty when all is.
	Missing []string
}

// missing notes something that could not be isolated.
func (i *Isolation) missing(what string) {
	if !slices.Contains(i.Missing, what) {
		i.Missing = append(i.Missing, what)
	}
}

// level is how much of a sandbox is asked of the kernel.
type level struct {
	namespaces, users bool
}

// levels are tried in order: as root a sandbox is possible without a user
// namespace too.
func levels(root bool) []level {
	if root {
		return []level{{namespaces: true, users: true}, {namespaces: true}, {}}
	}
	return []level{{namespaces: true, users: true}, {}}
}
