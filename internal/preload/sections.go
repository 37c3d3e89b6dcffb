package preload

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

// Apply makes every process of the function follow another policy from now on.
func (t *Tier) Apply(sections policy.Sections) error {
	t.images.forget()
	t.writableLibs.Store(isOn(sections.Processes.TmpExecutables))
	t.links.reset(slices.Concat(sections.Files.DenyRead, sections.Files.DenyWrite))
	t.table.write(t.tableOf(sections).encode(tableCapacity))
	return nil
}

// tableOf says what the table can settle of a policy.
func (t *Tier) tableOf(s policy.Sections) table {
	result := t.base()
	set := func(k kind, e autodefend.Effect, m mode) {
		if isOn(e) {
			result.modes[k], result.stops[k] = m, e.Stops()
		}
	}
	set(kindTamper, s.Tamper, modeAsk)
	set(kindExec, s.Processes.Effect, modeAsk)
	set(kindResolve, s.DNS.Effect, modeAsk)
	set(kindOpen, s.Files.Effect, modeList)
	set(kindConnect, s.Network.Effect, modeList)
	if n := s.Network; len(n.AllowListen)+len(n.DenyListen) > 0 {
		set(kindListen, n.Effect, modeAsk)
	}
	result.addNetwork(s.Network)
	result.addFiles(s.Files)
	if !s.Off() {
		result.flags |= flagNoIOURing
	}
	if isOn(s.Processes.TmpExecutables) {
		result.flags |= flagWritableLibs
	}
	return result
}

// isOn reports whether a section is looked at.
func isOn(e autodefend.Effect) bool { return e != "" && e != autodefend.Disable }

func (t *table) addNetwork(s policy.NetworkSection) {
	if s.Strict && t.modes[kindConnect] == modeList {
		t.modes[kindConnect] = modeAsk // which addresses were learnt isn't in the table
	}
	t.denyNets, t.allowNets = s.DenyNets, s.AllowNets
	t.denyPorts, t.allowPorts = ranges(s.DenyPorts), ranges(s.AllowPorts)
}

func ranges(ports []policy.Ports) []portRange {
	result := make([]portRange, 0, len(ports))
	for _, p := range ports {
		result = append(result, portRange{p.First, p.Last})
	}
	return result
}

func (t *table) addFiles(s policy.FileSection) {
	t.denyRead, t.denyWrite = withTargets(s.DenyRead), withTargets(s.DenyWrite)
	t.allowRead, t.allowWrite = s.AllowRead, s.AllowWrite
}

// withTargets adds where paths lead when there are links in them: processes ask with paths free of links.
func withTargets(paths []string) []string {
	result := make([]string, 0, len(paths))
	for _, path := range paths {
		result = append(result, path)
		target, err := filepath.EvalSymlinks(path)
		if path != "" && err == nil && target != strings.TrimRight(path, "/") {
			result = append(result, target)
		}
	}
	return result
}
