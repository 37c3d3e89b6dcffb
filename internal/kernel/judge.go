package kernel

import (
	"path"
	"slices"
	"strings"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
	"golang.org/x/sys/unix"
)

// ask puts an event of the caller before the judge and tells whether it must not happen.
func (s *Supervisor) ask(c *call, e policy.Event) bool {
	e.Process = s.processes.describe(s.pidOf(c), c.tid)
	e.Tier = autodefend.TierKernel
	return s.cfg.Judge(e).Deny
}

// tampers reports an act against the Defender itself and tells whether it must not happen.
func (s *Supervisor) tampers(c *call, detail string) bool {
	return s.ask(c, policy.Event{Kind: policy.Tamper, Detail: detail})
}

// deniesFile judges an access to an open file: its name, the Defender's entries in /proc, and the denied files that it
// is another name of.
func (s *Supervisor) deniesFile(c *call, p *place, access policy.Access) bool {
	name, st, err := p.look()
	if err != nil {
		return c.rules.open == stop // verdict: a file without a name to judge
	}
	if st.Nlink == 0 {
		name = strings.TrimSuffix(name, deletedMark)
	}
	if s.deniesName(c, name, access) {
		return true
	}
	if c.rules.files == off || st.Nlink < 2 || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return false
	}
	return s.deniesOtherName(c, name, st, access)
}

// deniesOtherName judges an access by the denied names of a file that was opened by another one.
func (s *Supervisor) deniesOtherName(c *call, name string, st *unix.Stat_t, access policy.Access) bool {
	others, complete := c.rules.links.of(st)
	if !complete {
		s.cfg.Log.Warn("kernel: other names of files below denied directories aren't all known", "limit", maxLinked)
	}
	for _, other := range slices.Concat(c.rules.listed(st), others) {
		if other != name && s.deniesName(c, other, access) {
			return true
		}
	}
	return false
}

// deniesName judges an access by a file's name as the kernel gives it. What isn't in a directory, such as a pipe, is
// nobody's file.
func (s *Supervisor) deniesName(c *call, name string, access policy.Access) bool {
	if !strings.HasPrefix(name, "/") || strings.HasPrefix(name, "/memfd:") {
		return false
	}
	if strings.HasPrefix(name, "/proc/") && s.isOwnProc(name) && !harmless(name, access) {
		return s.tampers(c, accessWords(access)+" "+name)
	}
	if c.rules.files == off || c.rules.quietFile(name, access) {
		return false
	}
	return s.ask(c, policy.Event{Kind: policy.Open, File: name, Access: access})
}

// listed finds the names by which a policy denies a file itself, whenever the file came to be there.
func (r *rules) listed(st *unix.Stat_t) []string {
	var names []string
	for _, entry := range r.links.denied {
		var denied unix.Stat_t
		if unix.Stat(entry, &denied) == nil && denied.Ino == st.Ino && denied.Dev == st.Dev {
			names = append(names, entry)
		}
	}
	return names
}

// harmless tells whether a file in a process's directory in /proc may be read by anybody: it is what ps shows.
func harmless(name string, access policy.Access) bool {
	if access != policy.Read {
		return false
	}
	if strings.Count(name, "/") == 2 {
		return true // the directory itself
	}
	return slices.Contains([]string{"stat", "statm", "status", "cmdline", "comm", "task", "cgroup", "limits", "oom_score", "schedstat", "wchan", "loginuid", "sessionid"}, path.Base(name))
}

func accessWords(access policy.Access) string {
	switch access {
	case policy.Read:
		return "read"
	case policy.Write:
		return "change"
	}
	return "read and change"
}
