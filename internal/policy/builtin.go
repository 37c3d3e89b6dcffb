package policy

import "net/netip"

// Builtin are the entries that advanced protection adds to allow lists that aren't empty.
type Builtin struct {
	Domains  []string
	Networks []netip.Prefix
}

// BuiltinAllowed returns what every function on AWS may need for its own service: the endpoints that its logs, traces
// and credentials go through, and the addresses at which its sandbox answers. No name in it can belong to a customer.
func BuiltinAllowed() Builtin {
	return Builtin{
		Domains: []string{
			"logs.*.amazonaws.com", "monitoring.*.amazonaws.com", "xray.*.amazonaws.com",
			"sts.*.amazonaws.com", "sts.amazonaws.com", "kms.*.amazonaws.com",
		},
		Networks: []netip.Prefix{
			netip.MustParsePrefix("169.254.79.129/32"), // the X-Ray daemon
			netip.MustParsePrefix("169.254.100.1/32"),  // the Runtime API and the X-Ray daemon of newer sandboxes
		},
	}
}

func builtinDomains() domains {
	var d domains
	for _, name := range BuiltinAllowed().Domains {
		d.add(name, passBuiltin)
	}
	return d
}

func builtinNetworks() networks {
	var all networks
	for _, prefix := range BuiltinAllowed().Networks {
		all = append(all, labelledNetwork{prefix, passBuiltin})
	}
	return all
}

// neededToRead lists below which paths a runtime must be able to read: its code, libraries, devices and itself.
func neededToRead() []string {
	return []string{
		"/var/task", "/var/runtime", "/var/lang", "/opt", "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
		"/etc", "/dev", "/sys", "/proc/self", "/proc/thread-self", "/proc/sys", "/proc/cpuinfo", "/proc/filesystems",
		"/proc/loadavg", "/proc/meminfo", "/proc/mounts", "/proc/stat", "/proc/uptime", "/proc/version",
	}
}

// neededToWrite lists below which paths a runtime must be able to write: devices that keep nothing, and itself.
func neededToWrite() []string {
	return []string{
		"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/pts", "/dev/ptmx",
		"/dev/fd", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/proc/self", "/proc/thread-self",
	}
}

// neededByRuntime tells whether a use of a file is allowed although an allow list leaves it out. Links to anywhere
// aren't: they are judged by where they lead.
func neededByRuntime(file string, writes bool) bool {
	for _, link := range [...]string{"/proc/self/cwd", "/proc/self/root", "/proc/thread-self/cwd", "/proc/thread-self/root"} {
		if below(file, link) {
			return false
		}
	}
	needed := neededToRead()
	if writes {
		needed = neededToWrite()
	}
	for _, dir := range needed {
		if below(file, dir) {
			return true
		}
	}
	return false
}
