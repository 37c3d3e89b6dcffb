package policy

// exception is a compiled [Exception].
type exception struct {
	label     string
	processes programs
	domains   domains
	ips       networks
	paths     paths
}

func (k *compiler) exceptions(all []Exception) []exception {
	var compiled []exception
	for i := range all {
		x, name := &all[i], label("autodefend.exceptions", i)
		compiled = append(compiled, exception{
			label:     name,
			processes: k.programs(name+".processes", "processes", x.Processes),
			domains:   k.domains(name+".domains", "domains", x.Domains),
			ips:       k.networks(name+".ips", "ips", x.IPs),
			paths:     k.paths(name+".paths", "paths", x.Paths),
		})
	}
	return compiled
}

// excepted returns the label of the exception that allows an act; "" when there is none. Nothing excepts a start of a
// program, which has lists of its own, or an act against the Defender.
func (c *Compiled) excepted(e *Event) string {
	for i := range c.exceptions {
		x := &c.exceptions[i]
		if !x.processes.empty() && x.processes.find(e.Process.Path) == "" {
			continue
		}
		if x.holds(e) {
			return x.label
		}
	}
	return ""
}

// holds tells whether the act's object is in the exception's list for its kind.
func (x *exception) holds(e *Event) bool {
	switch e.Kind {
	case Connect:
		return x.ips.find(e.Address.Addr().Unmap().WithZone("")) != ""
	case Resolve:
		return x.domains.find(normalName(e.Domain)) != ""
	case Open:
		return x.paths.find(fromRoot(e.File)) != ""
	case Exec, Listen, Tamper:
		return false
	default:
		return false
	}
}
