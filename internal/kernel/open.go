package kernel

import (
	"encoding/binary"
	"errors"
	"path"
	"strconv"
	"strings"

	"github.com/autodefend/autodefend/internal/policy"
	"golang.org/x/sys/unix"
)

// opening is one call that opens a file.
type opening struct {
	dirfd   int
	path    string
	flags   int
	mode    uint32
	resolve uint64
}

const (
	// maxTries bounds how often an opening starts over because a file appeared or went meanwhile.
	maxTries = 16
	// createOnly are the flags that mean nothing once the file is there.
	createOnly = unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW
	// temporary is O_TMPFILE without O_DIRECTORY.
	temporary = unix.O_TMPFILE &^ unix.O_DIRECTORY
)

func fileHandlers() map[string]handler {
	return map[string]handler{
		"open": func(s *Supervisor, c *call) answer {
			return s.open(c, c.args[0], opening{dirfd: unix.AT_FDCWD, flags: c.arg(1), mode: uint32(c.args[2])})
		},
		"openat": func(s *Supervisor, c *call) answer {
			return s.open(c, c.args[1], opening{dirfd: c.arg(0), flags: c.arg(2), mode: uint32(c.args[3])})
		},
		"creat": func(s *Supervisor, c *call) answer {
			return s.open(c, c.args[0], opening{dirfd: unix.AT_FDCWD, flags: unix.O_CREAT | unix.O_WRONLY | unix.O_TRUNC, mode: uint32(c.args[1])})
		},
		"openat2": (*Supervisor).openat2,
	}
}

// openat2 reads the structure that says how.
func (s *Supervisor) openat2(c *call) answer {
	if c.rules.open == off {
		return pass()
	}
	var how [24]byte
	if c.args[3] != uint64(len(how)) { // verdict: a later version's fields are unknown, and the caller falls back
		return c.refuse(c.rules.open, unix.E2BIG)
	}
	if errno := readFull(c.tid, c.args[2], how[:]); errno != 0 {
		return c.refuse(c.rules.open, errno)
	}
	o := opening{
		dirfd:   c.arg(0),
		flags:   int(binary.LittleEndian.Uint64(how[:])),
		mode:    uint32(binary.LittleEndian.Uint64(how[8:])),
		resolve: binary.LittleEndian.Uint64(how[16:]),
	}
	return s.open(c, c.args[1], o)
}

// open judges an opening and makes it on the caller's behalf where the policy stops acts.
func (s *Supervisor) open(c *call, address uint64, o opening) answer {
	m := c.rules.open
	if m == off {
		return pass()
	}
	var errno unix.Errno
	if o.path, errno = s.readPath(c, address); errno != 0 {
		return c.refuse(m, errno)
	}
	if m != stop {
		s.note(c, o)
		return pass()
	}
	if o.flags&(unix.O_CREAT|unix.O_TRUNC|temporary) != 0 && !s.listener.waits(c) {
		return later() // whoever has the caller's number now asked for nothing
	}
	return s.openFor(c, o)
}

// note judges an opening that goes on whatever the judge says.
func (s *Supervisor) note(c *call, o opening) {
	p, errno := s.target(c, o.dirfd, o.path, o.flags&unix.O_NOFOLLOW == 0, o.resolve)
	defer p.close()
	switch {
	case errno == 0:
		s.deniesFile(c, &p, o.access())
	case errno == errTouches:
		s.tampers(c, "open "+o.path)
	case errno == unix.ENOENT && o.flags&unix.O_CREAT != 0:
		to, errno := s.parent(c, o.dirfd, o.path, true)
		defer to.close()
		if name, err := to.path(); errno == 0 && err == nil {
			s.deniesName(c, name, policy.Write)
		}
	}
}

// access says what an opening allows to do with the content.
func (o opening) access() policy.Access {
	var access policy.Access
	switch o.flags & unix.O_ACCMODE {
	case unix.O_RDONLY:
		access = policy.Read
	case unix.O_WRONLY:
		access = policy.Write
	default:
		access = policy.Read | policy.Write
	}
	if o.flags&(unix.O_TRUNC|temporary) != 0 {
		access |= policy.Write
	}
	return access
}

// openFor opens on the caller's behalf.
func (s *Supervisor) openFor(c *call, o opening) answer {
	if a, done := s.openQuickly(c, o); done {
		return a
	}
	exclusive := o.flags&(unix.O_CREAT|unix.O_EXCL) == unix.O_CREAT|unix.O_EXCL
	for range maxTries {
		p, errno := s.target(c, o.dirfd, o.path, o.flags&unix.O_NOFOLLOW == 0 && !exclusive, o.resolve)
		switch {
		case errno == 0 && exclusive:
			p.close()
			return fail(unix.EEXIST)
		case errno == 0:
			return s.openThere(c, o, p)
		case errno == errTouches:
			return s.refuseTouch(c, o.path)
		case errno != unix.ENOENT || o.flags&unix.O_CREAT == 0:
			return fail(errno)
		}
		if a, again := s.create(c, o); !again {
			return a
		}
	}
	return fail(unix.EAGAIN) // verdict: somebody makes and removes the file all the time
}

// openQuickly opens for reading in one step, where files are that nobody waits for: a pipe with a name must not be opened
// before it is known to be one, since that wakes whoever waits at its other end. What was opened is judged all the same.
func (s *Supervisor) openQuickly(c *call, o opening) (answer, bool) {
	const plain = unix.O_CLOEXEC | unix.O_DIRECTORY | unix.O_LARGEFILE | unix.O_NOCTTY
	if o.flags&^plain != 0 || o.resolve != 0 || !belowAny(o.path, settled()) {
		return answer{}, false
	}
	how := unix.OpenHow{
		Flags:   uint64(o.flags | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY),
		Resolve: unix.RESOLVE_NO_MAGICLINKS,
	}
	fd, err := s.openAs(c, func() (int, error) { return unix.Openat2(unix.AT_FDCWD, o.path, &how) })
	switch {
	case errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EAGAIN):
		return answer{}, false
	case err != nil:
		return fail(errnoOf(err)), s.failsAlike(c, unix.AT_FDCWD, o.path, how, errnoOf(err))
	}
	p := place{dir: -1, fd: fd}
	link, st, err := p.look()
	if err != nil || !quick(st) || strings.HasPrefix(link, procPath(s.own, "")) {
		p.close()
		return answer{}, false
	}
	if s.deniesFile(c, &p, policy.Read) {
		p.close()
		return fail(unix.EACCES), true
	}
	return s.give(c, o, fd, nil), true
}

// settled lists directories whose files are programs, libraries and configuration: regular, and made before the function.
func settled() []string {
	return []string{"/usr", "/lib", "/lib64", "/etc", "/var/task", "/var/lang", "/var/runtime", "/opt"}
}

// refuseTouch is the answer to a path through the Defender's entries in /proc, which we could follow and the caller not.
func (s *Supervisor) refuseTouch(c *call, path string) answer {
	s.tampers(c, "open "+path)
	return fail(unix.EACCES)
}

// openThere opens what was found, by its own descriptor and so without another lookup.
func (s *Supervisor) openThere(c *call, o opening, p place) answer {
	defer p.close()
	_, st, err := p.look()
	if err != nil {
		return fail(errnoOf(err))
	}
	if errno := o.fits(st.Mode & unix.S_IFMT); errno != 0 {
		return fail(errno)
	}
	if o.flags&unix.O_PATH != 0 {
		return s.placeOnly(c, o, p)
	}
	if s.deniesFile(c, &p, o.access()) {
		return fail(unix.EACCES)
	}
	flags := o.flags&^createOnly | unix.O_CLOEXEC | unix.O_NOCTTY
	mode := o.mode
	if o.flags&temporary != 0 {
		mode &^= umaskOf(c.tid)
	}
	if quick(st) {
		fd, err := s.openAs(c, func() (int, error) { return unix.Open(ownPath(p.fd), flags|unix.O_NONBLOCK, mode) })
		if !errors.Is(err, unix.EAGAIN) {
			return s.give(c, o, fd, err)
		}
	}
	own := p.fd
	p.fd = -1 // the goroutine's from here on
	return s.away(c, stop, func(c *call) answer {
		fd, err := s.openAs(c, func() (int, error) { return unix.Open(ownPath(own), flags, mode) })
		_ = unix.Close(own)
		return s.give(c, o, fd, err)
	})
}

// quick tells whether opening can't wait for anybody, except for a lease, which O_NONBLOCK takes care of.
func quick(st *unix.Stat_t) bool {
	const memoryDevices = 1
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG, unix.S_IFDIR:
		return true
	case unix.S_IFCHR:
		return unix.Major(st.Rdev) == memoryDevices
	}
	return false
}

// fits checks what the kernel checks of an existing file before it opens it.
func (o opening) fits(kind uint32) unix.Errno {
	switch {
	case kind == unix.S_IFLNK && o.flags&unix.O_PATH == 0:
		return unix.ELOOP
	case kind != unix.S_IFDIR && o.flags&(unix.O_DIRECTORY|temporary) != 0:
		return unix.ENOTDIR
	case kind == unix.S_IFDIR && o.flags&temporary != 0:
		return 0
	case kind == unix.S_IFDIR && o.flags&unix.O_CREAT != 0:
		return unix.EISDIR
	case kind != unix.S_IFDIR && strings.HasSuffix(o.path, "/"):
		return unix.ENOTDIR
	}
	return 0
}

// placeOnly gives the place itself, which only openat2 asks for: other calls with O_PATH aren't trapped.
func (s *Supervisor) placeOnly(c *call, o opening, p place) answer {
	if name, err := linkOf(p.fd); err != nil || s.isOwnProc(name) && !harmless(name, policy.Read) {
		return fail(unix.EACCES)
	}
	return s.listener.inject(c, p.fd, o.flags&unix.O_CLOEXEC != 0)
}

// give hands an open file to the caller, with the flags it asked for.
func (s *Supervisor) give(c *call, o opening, fd int, err error) answer {
	if err != nil {
		return fail(errnoOf(err))
	}
	defer unix.Close(fd) //nolint:errcheck // the caller has its own by then
	if o.flags&unix.O_NONBLOCK == 0 {
		// Of all flags this changes only what the caller could change as well.
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, o.flags); err != nil {
			return fail(errnoOf(err))
		}
	}
	return s.listener.inject(c, fd, o.flags&unix.O_CLOEXEC != 0)
}

// create makes a file that isn't there. again says that meanwhile it is.
func (s *Supervisor) create(c *call, o opening) (answer, bool) {
	exclusive := o.flags&unix.O_EXCL != 0
	to, errno := s.parent(c, o.dirfd, o.path, o.flags&unix.O_NOFOLLOW == 0 && !exclusive)
	defer to.close()
	switch {
	case errno == errTouches:
		return s.refuseTouch(c, o.path), false
	case errno != 0:
		return fail(errno), false
	case to.fd >= 0:
		return answer{}, !exclusive || o.flags&unix.O_NOFOLLOW == 0
	case strings.HasSuffix(o.path, "/"):
		return fail(unix.EISDIR), false
	case o.resolve != 0:
		return fail(unix.ENOSYS), false // verdict: creating with limits on the way is beyond walk; callers fall back
	}
	name, err := to.path()
	if err != nil {
		return fail(errnoOf(err)), false
	}
	if s.deniesName(c, name, o.access()|policy.Write) {
		return fail(unix.EACCES), false
	}
	flags := o.flags | unix.O_EXCL | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err := s.withUmask(c.tid, func() (int, error) {
		return s.openAs(c, func() (int, error) { return unix.Openat(to.dir, to.name, flags, o.mode) })
	})
	if errors.Is(err, unix.EEXIST) && !exclusive {
		return answer{}, true
	}
	return s.give(c, o, fd, err), false
}

// path is the name of a place as the kernel would give it.
func (p *place) path() (string, error) {
	dir, err := linkOf(p.dir)
	if err != nil {
		return "", err
	}
	return path.Join(strings.TrimSuffix(dir, deletedMark), p.name), nil
}

// umaskOf reads the mask of a thread's new files; an unreadable one forbids everybody else.
func umaskOf(tid int) uint32 {
	mask, err := strconv.ParseUint(statusField(tid, "Umask:"), 8, 32)
	if err != nil {
		return 0o77
	}
	return uint32(mask)
}
