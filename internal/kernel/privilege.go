package kernel

import (
	"bytes"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// privilege is what the supervisor may do that a process under the filter may have given up. Without capabilities nobody
// can become another user, since new privileges are off, and there is nothing to care about.
type privilege struct {
	own   identity
	mu    sync.Mutex
	known map[int]identity // by thread; until it changes its identity
}

// identity is what the kernel looks at when a thread touches files.
type identity struct {
	uid, gid     string // real, effective, saved and of the file system, as /proc gives them
	groups       string
	capabilities string // effective, in hexadecimal
}

func newPrivilege() *privilege {
	return &privilege{own: readIdentity(unix.Getpid()), known: make(map[int]identity)}
}

// any tells whether there is a privilege at all.
func (p *privilege) any() bool { return strings.Trim(p.own.capabilities, "0") != "" }

func readIdentity(tid int) identity {
	status := readSome(procPath(tid, "/status"), pageSize)
	if len(bytes.TrimSpace(status)) == 0 {
		return identity{}
	}
	return identity{
		uid:          fieldOf(status, "Uid:"),
		gid:          fieldOf(status, "Gid:"),
		groups:       fieldOf(status, "Groups:"),
		capabilities: fieldOf(status, "CapEff:"),
	}
}

// of returns a thread's identity.
func (p *privilege) of(tid int) identity {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known, ok := p.known[tid]; ok {
		return known
	}
	if len(p.known) >= maxThreads {
		clear(p.known)
	}
	found := readIdentity(tid)
	p.known[tid] = found
	return found
}

// forget is called before a thread changes its identity, and for its process, which new threads of that number start from.
func (p *privilege) forget(tid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.known, tid)
}

// as runs work that touches files on the caller's behalf with no more rights than the caller has: here, when it has the
// supervisor's, else on a thread that takes on the caller's identity. It waits for the end of work. When the identity can't
// be taken on, work is not done.
func (s *Supervisor) as(c *call, work func()) unix.Errno {
	if !s.privilege.any() {
		work()
		return 0
	}
	caller := s.privilege.of(c.tid)
	if caller == s.privilege.own {
		work()
		return 0
	}
	reading := c.reading
	c.reading = false
	result := make(chan unix.Errno, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the identity
		errno := become(caller)
		if errno == 0 {
			work()
		}
		result <- errno
	}()
	errno := <-result
	c.reading = reading
	return errno
}

// try is as for work with one outcome.
func (s *Supervisor) try(c *call, work func() error) error {
	var err error
	if errno := s.as(c, func() { err = work() }); errno != 0 {
		return unix.EACCES // verdict: not with our own rights
	}
	return err
}

// openAs opens with the caller's rights.
func (s *Supervisor) openAs(c *call, open func() (int, error)) (int, error) {
	fd := -1
	err := s.try(c, func() error {
		var err error
		fd, err = open()
		return err
	})
	return fd, err
}

// become gives the calling thread another identity for files.
func become(who identity) unix.Errno {
	uid, okUID := fourth(who.uid)
	gid, okGID := fourth(who.gid)
	effective, err := strconv.ParseUint(who.capabilities, 16, 64)
	if !okUID || !okGID || err != nil {
		return unix.EINVAL
	}
	var groups []uint32
	for text := range strings.FieldsSeq(who.groups) {
		group, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return unix.EINVAL
		}
		groups = append(groups, uint32(group))
	}
	return setIdentity(uid, gid, groups, effective)
}

// fourth takes the identity for files out of the four that /proc lists.
func fourth(ids string) (int, bool) {
	fields := strings.Fields(ids)
	if len(fields) != 4 {
		return 0, false
	}
	id, err := strconv.Atoi(fields[3])
	return id, err == nil
}
