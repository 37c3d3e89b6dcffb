package kernel

import (
	"slices"
	"strings"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/bpf"
	"github.com/autodefend/autodefend/internal/policy"
)

// mode is what a section asks of the tier.
type mode uint8

const (
	off   mode = iota // nobody looks
	alert             // acts are judged and happen
	stop              // acts are judged and may be stopped
)

func modeOf(effect autodefend.Effect) mode {
	switch {
	case effect.Stops():
		return stop
	case effect == autodefend.Alert:
		return alert
	}
	return off
}

// rules is what the tier keeps of a policy's sections.
type rules struct {
	processes, network, dns, files mode
	tamper                         mode
	strict                         bool
	// open is how strictly openings have to be judged. Where the function could open the Defender's memory, tampering
	// goes by files too; elsewhere the kernel forbids that.
	open mode
	file policy.FileSection
	// links is filled as it is needed; all else never changes.
	links *links
}

func newRules(s policy.Sections, privileged bool) *rules {
	r := &rules{
		processes: modeOf(s.Processes.Effect),
		network:   modeOf(s.Network.Effect),
		dns:       modeOf(s.DNS.Effect),
		files:     modeOf(s.Files.Effect),
		tamper:    modeOf(s.Tamper),
		strict:    s.Network.Strict,
		file:      s.Files,
		links:     newLinks(slices.Compact(slices.Sorted(slices.Values(slices.Concat(s.Files.DenyRead, s.Files.DenyWrite)))), maxLinked),
	}
	r.open = r.files
	if privileged {
		r.open = max(r.files, r.tamper)
	}
	return r
}

// strongest is the mode of acts that touch every section.
func (r *rules) strongest() mode {
	return max(r.processes, r.network, r.dns, r.files, r.tamper)
}

// redirects tells whether questions for names go to our resolver: also where a strict network section must learn from
// the answers.
func (r *rules) redirects() bool { return r.dns > off || r.strict }

// quietFile tells that the file section lets an access pass without being asked.
func (r *rules) quietFile(path string, access policy.Access) bool {
	if access&policy.Read != 0 && asks(path, r.file.AllowRead, r.file.DenyRead) {
		return false
	}
	return access&policy.Write == 0 || !asks(path, r.file.AllowWrite, r.file.DenyWrite)
}

func asks(path string, allow, deny []string) bool {
	return belowAny(path, deny) || len(allow) > 0 && !belowAny(path, allow)
}

func belowAny(path string, list []string) bool {
	for _, entry := range list {
		if below(path, entry) {
			return true
		}
	}
	return false
}

// below tells whether path is entry or under it. The root is the empty string.
func below(path, entry string) bool {
	rest, ok := strings.CutPrefix(path, entry)
	return ok && (rest == "" || rest[0] == '/')
}

// under lists the entries below a directory, which move with it.
func under(directory string, lists ...[]string) []string {
	var found []string
	for _, list := range lists {
		for _, entry := range list {
			if entry != directory && below(entry, directory) {
				found = append(found, entry)
			}
		}
	}
	return found
}

// filterOptions says what to trap: what the sections need now, or all when they can change later.
func filterOptions(s policy.Sections, refresh, privileged bool, guarded []int) bpf.Options {
	r := newRules(s, privileged)
	return bpf.Options{
		Processes: refresh || r.processes > off,
		Network:   refresh || r.network > off,
		DNS:       refresh || r.redirects(),
		// A privileged function could open the supervisor's memory, which the kernel denies to others.
		Files:      refresh || r.files > off || privileged,
		Identities: privileged,
		Guarded:    guarded,
	}
}
