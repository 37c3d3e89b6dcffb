package kernel

import (
	"errors"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// deletedMark is what the kernel puts behind the name of a file that was removed.
const deletedMark = " (deleted)"

// maxLinks is the kernel's limit of symbolic links in one path.
const maxLinks = 40

// errTouches is the errno by which a lookup says that the path leads through the Defender's own entries in /proc. The
// kernel never gives it to a lookup.
const errTouches = unix.EOWNERDEAD

// place is where a path leads, seen by the caller: the directory and name of its last component, and what is there.
// Descriptors are O_PATH, and hold what was judged against replacement.
type place struct {
	dir  int // -1 when only the target is known
	name string
	fd   int    // -1 when nothing is there
	link string // the kernel's name of what is there; "" when not known yet
	stat *unix.Stat_t
}

// look fills in what is known of the place's file.
func (p *place) look() (string, *unix.Stat_t, error) {
	if p.stat == nil {
		p.stat = new(unix.Stat_t)
		if err := unix.Fstat(p.fd, p.stat); err != nil {
			return "", nil, err
		}
	}
	if p.link == "" {
		link, err := linkOf(p.fd)
		if err != nil {
			return "", nil, err
		}
		p.link = link
	}
	return p.link, p.stat, nil
}

func (p *place) close() {
	for _, fd := range []*int{&p.dir, &p.fd} {
		if *fd >= 0 {
			_ = unix.Close(*fd)
			*fd = -1
		}
	}
}

// ownPath names a descriptor of ours as a path.
func ownPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// base opens the directory that a relative path of the caller starts at, -1 for an absolute one.
func (s *Supervisor) base(c *call, dirfd int, path string) (int, unix.Errno) {
	if strings.HasPrefix(path, "/") {
		return -1, 0
	}
	return openDescriptor(c.tid, dirfd)
}

// openDescriptor opens what a descriptor of the caller refers to, or its current directory.
func openDescriptor(tid, fd int) (int, unix.Errno) {
	from := procPath(tid, "/cwd")
	if fd != unix.AT_FDCWD {
		if fd < 0 {
			return -1, unix.EBADF
		}
		from = procPath(tid, "/fd/"+strconv.Itoa(fd))
	}
	opened, err := unix.Open(from, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) && fd != unix.AT_FDCWD {
		return -1, unix.EBADF
	}
	return opened, errnoOf(err)
}

// target finds what a path of the caller leads to. The quick way is one lookup by the kernel. It is not taken where the
// path leads through a link of /proc that means something else for the caller than for us.
func (s *Supervisor) target(c *call, dirfd int, path string, follow bool, resolve uint64) (place, unix.Errno) {
	base, errno := s.base(c, dirfd, path)
	if errno != 0 {
		return place{dir: -1, fd: -1}, errno
	}
	if base >= 0 {
		defer unix.Close(base) //nolint:errcheck // only a place
	}
	flags := uint64(unix.O_PATH | unix.O_CLOEXEC)
	if !follow {
		flags |= unix.O_NOFOLLOW
	}
	start := base
	if start < 0 {
		start = unix.AT_FDCWD
	}
	how := unix.OpenHow{Flags: flags, Resolve: resolve | unix.RESOLVE_NO_MAGICLINKS}
	fd, err := s.openAs(c, func() (int, error) { return unix.Openat2(start, path, &how) })
	if err == nil {
		link, err := linkOf(fd)
		if err == nil && !strings.HasPrefix(link, procPath(s.own, "")) {
			return place{dir: -1, fd: fd, link: link}, 0
		}
		_ = unix.Close(fd)
	}
	if err != nil && !errors.Is(err, unix.ELOOP) && (resolve != 0 || s.failsAlike(c, start, path, how, errnoOf(err))) {
		return place{dir: -1, fd: -1}, errnoOf(err)
	}
	if resolve != 0 { // what the caller forbids on the way is beyond walk; it falls back to plain opens
		return place{dir: -1, fd: -1}, unix.ENOSYS
	}
	p, errno := s.walkAs(c, base, path, follow)
	if errno == 0 && p.fd < 0 {
		errno = unix.ENOENT
		p.close()
	}
	return p, errno
}

// failsAlike tells whether a lookup that failed for us does so for the caller. What /proc/self leads to may be there for
// the caller alone. A lookup that follows no link, or stays in one file system that isn't /proc, is the same for both.
func (s *Supervisor) failsAlike(c *call, start int, path string, how unix.OpenHow, errno unix.Errno) bool {
	ways := []uint64{unix.RESOLVE_NO_SYMLINKS, unix.RESOLVE_NO_XDEV}
	if start != unix.AT_FDCWD && onProc(start) {
		ways = ways[:1]
	}
	resolve := how.Resolve
	for _, way := range ways {
		how.Resolve = resolve | way
		fd, err := s.openAs(c, func() (int, error) { return unix.Openat2(start, path, &how) })
		if err == nil {
			_ = unix.Close(fd)
		}
		if errnoOf(err) == errno {
			return true
		}
	}
	return false
}

// parent finds the directory and the name that a path leads to, whether or not something is there.
func (s *Supervisor) parent(c *call, dirfd int, path string, follow bool) (place, unix.Errno) {
	base, errno := s.base(c, dirfd, path)
	if errno != 0 {
		return place{dir: -1, fd: -1}, errno
	}
	if base >= 0 {
		defer unix.Close(base) //nolint:errcheck // only a place
	}
	return s.walkAs(c, base, path, follow)
}

// walkAs walks with the caller's rights.
func (s *Supervisor) walkAs(c *call, base int, path string, follow bool) (place, unix.Errno) {
	found, errno := place{dir: -1, fd: -1}, unix.Errno(0)
	s.pidOf(c) // found out with our own rights
	if refused := s.as(c, func() { found, errno = s.walk(c, base, path, follow) }); refused != 0 {
		return found, unix.EACCES // verdict: not with our own rights
	}
	return found, errno
}

// walker follows a path component by component.
type walker struct {
	s     *Supervisor
	c     *call
	dir   int    // where the rest starts
	rest  string // what is still to be followed
	links int
}

// walk follows a path as the kernel would for the caller. base is -1 for an absolute path and stays the owner's.
func (s *Supervisor) walk(c *call, base int, path string, follow bool) (place, unix.Errno) {
	if path == "" {
		return place{dir: -1, fd: -1}, unix.ENOENT
	}
	w := &walker{s: s, c: c, dir: -1, rest: path}
	var errno unix.Errno
	if base < 0 {
		errno = w.toRoot()
	} else {
		var duplicate int
		duplicate, err := unix.FcntlInt(uintptr(base), unix.F_DUPFD_CLOEXEC, 3)
		w.dir, errno = duplicate, errnoOf(err)
	}
	for errno == 0 {
		var found place
		var done bool
		found, done, errno = w.step(follow)
		if done && errno == 0 {
			return found, 0
		}
	}
	if w.dir >= 0 {
		_ = unix.Close(w.dir)
	}
	return place{dir: -1, fd: -1}, errno
}

// enter makes fd the directory of the rest.
func (w *walker) enter(fd int) {
	if w.dir >= 0 {
		_ = unix.Close(w.dir)
	}
	w.dir = fd
}

// toRoot restarts at the caller's root, which is ours: changing it is refused.
func (w *walker) toRoot() unix.Errno {
	fd, err := unix.Open("/", unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return errnoOf(err)
	}
	w.enter(fd)
	return 0
}

// step follows one component. It is done with the last one.
func (w *walker) step(follow bool) (place, bool, unix.Errno) {
	w.rest = strings.TrimLeft(w.rest, "/")
	name, rest, more := strings.Cut(w.rest, "/")
	last := strings.Trim(rest, "/") == ""
	if name == "" || name == "." || name == ".." {
		return w.stepDots(name, rest, last)
	}
	if len(name) > 255 {
		return place{}, false, unix.ENAMETOOLONG
	}
	fd, err := unix.Openat(w.dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) && last {
		return w.finish(name, -1), true, 0
	}
	if err != nil {
		return place{}, false, errnoOf(err)
	}
	found, done, keep, errno := w.arrive(component{name: name, rest: rest, last: last, more: more, follow: follow}, fd)
	if !keep {
		_ = unix.Close(fd)
	}
	return found, done, errno
}

// component is one name of a path.
type component struct {
	name, rest string
	last       bool // nothing but slashes follow
	more       bool // a slash follows
	follow     bool // the last component's link is to be followed
}

// arrive looks at what a component names. keep says that fd is used from here on.
func (w *walker) arrive(at component, fd int) (found place, done, keep bool, errno unix.Errno) { //nolint:nonamedreturns // two flags
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return place{}, false, false, errnoOf(err)
	}
	if w.s.touchesProc(w.dir, at.name, fd) {
		return place{}, false, false, errTouches
	}
	kind := st.Mode & unix.S_IFMT
	switch {
	case kind == unix.S_IFLNK && (!at.last || at.follow || at.more):
		found, done, errno = w.followLink(at.name, fd, at.rest, at.last && !at.more)
		return found, done, false, errno
	case at.last && at.more && kind != unix.S_IFDIR:
		return place{}, false, false, unix.ENOTDIR
	case at.last:
		return w.finish(at.name, fd), true, true, 0
	}
	w.enter(fd)
	w.rest = at.rest
	return place{}, false, true, 0
}

// stepDots follows "", "." and "..".
func (w *walker) stepDots(name, rest string, last bool) (place, bool, unix.Errno) {
	if name == ".." {
		fd, err := unix.Openat(w.dir, "..", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return place{}, false, errnoOf(err)
		}
		w.enter(fd)
	}
	if !last {
		w.rest = rest
		return place{}, false, 0
	}
	fd, err := unix.Openat(w.dir, ".", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return place{}, false, errnoOf(err)
	}
	return w.finish(".", fd), true, 0
}

// finish gives the walker's directory away.
func (w *walker) finish(name string, fd int) place {
	found := place{dir: w.dir, name: name, fd: fd}
	w.dir = -1
	return found
}

// followLink continues at what a symbolic link says, or where a link of /proc leads.
func (w *walker) followLink(name string, fd int, rest string, last bool) (place, bool, unix.Errno) {
	if w.links++; w.links > maxLinks {
		return place{}, false, unix.ELOOP
	}
	text, magic, errno := w.readLink(name, fd)
	switch {
	case errno != 0:
		return place{}, false, errno
	case magic:
		return w.jump(name, rest, last)
	case len(text)+len(rest) >= unix.PathMax:
		return place{}, false, unix.ENAMETOOLONG
	}
	w.rest = text
	if rest != "" {
		w.rest += "/" + rest
	}
	if strings.HasPrefix(text, "/") {
		return place{}, false, w.toRoot()
	}
	return place{}, false, 0
}

// jump goes where a link of /proc leads, which its text doesn't tell: /proc/PID/fd/3 may be a file without a name.
func (w *walker) jump(name, rest string, last bool) (place, bool, unix.Errno) {
	fd, err := unix.Openat(w.dir, name, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return place{}, false, errnoOf(err)
	}
	if last {
		return w.finish(name, fd), true, 0
	}
	w.enter(fd)
	w.rest = rest
	return place{}, false, 0
}

// readLink reads a symbolic link. Links of /proc to oneself are read as the caller would read them.
func (w *walker) readLink(name string, fd int) (string, bool, unix.Errno) {
	if onProc(w.dir) {
		if isProcRoot(w.dir) {
			switch name {
			case "self":
				return strconv.Itoa(w.s.pidOf(w.c)), false, 0
			case "thread-self":
				return strconv.Itoa(w.s.pidOf(w.c)) + "/task/" + strconv.Itoa(w.c.tid), false, 0
			}
		} else if isMagic(w.dir, name) {
			return "", true, 0
		}
	}
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", buf)
	if err != nil {
		return "", false, errnoOf(err)
	}
	return string(buf[:n]), false, 0
}

// isMagic tells whether a link of /proc leads somewhere that its text doesn't tell.
func isMagic(dir int, name string) bool {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_BENEATH}
	fd, err := unix.Openat2(dir, name, &how)
	if err == nil {
		_ = unix.Close(fd)
	}
	return errors.Is(err, unix.ELOOP)
}

// onProc tells whether a directory belongs to a proc file system.
func onProc(dir int) bool {
	var fs unix.Statfs_t
	return unix.Fstatfs(dir, &fs) == nil && fs.Type == unix.PROC_SUPER_MAGIC
}

// isProcRoot tells whether a directory of a proc file system is its root.
func isProcRoot(dir int) bool {
	const procRoot = 1
	var st unix.Stat_t
	return unix.Fstat(dir, &st) == nil && st.Ino == procRoot
}

// touchesProc tells whether following a path further from name leads through a link in the Defender's own entries.
func (s *Supervisor) touchesProc(dir int, name string, fd int) bool {
	if !onProc(dir) {
		return false
	}
	link, err := linkOf(dir)
	if err != nil {
		return true // verdict: unknown counts as ours
	}
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return true
	}
	return st.Mode&unix.S_IFMT == unix.S_IFLNK && s.isOwnProc(link+"/"+name)
}

// isOwnProc tells whether a path in /proc belongs to a process of the Defender.
func (s *Supervisor) isOwnProc(path string) bool {
	rest, ok := strings.CutPrefix(path, "/proc/")
	if !ok {
		return false
	}
	number, _, _ := strings.Cut(rest, "/")
	pid, err := strconv.Atoi(number)
	return err == nil && s.protects(pid)
}

// protects tells whether a process or thread id is the Defender's.
func (s *Supervisor) protects(id int) bool {
	for _, pid := range s.guarded {
		if id == pid || id > 0 && isThread(pid, id) {
			return true
		}
	}
	return false
}
