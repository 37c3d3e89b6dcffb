package kernel

import (
	"encoding/binary"

	"github.com/autodefend/autodefend/internal/policy"
	"golang.org/x/sys/unix"
)

// attributeHandlers answer the calls that change a file itself rather than its name.
func attributeHandlers() map[string]handler {
	const cwd, follow = unix.AT_FDCWD, 0
	const noFollow, empty = unix.AT_SYMLINK_NOFOLLOW, unix.AT_EMPTY_PATH
	return map[string]handler{
		"truncate": (*Supervisor).truncate,
		"chmod":    func(s *Supervisor, c *call) answer { return s.chmod(c, cwd, c.args[0], uint32(c.args[1]), follow) },
		"fchmod":   func(s *Supervisor, c *call) answer { return s.chmod(c, c.arg(0), 0, uint32(c.args[1]), empty) },
		"fchmodat": func(s *Supervisor, c *call) answer { return s.chmod(c, c.arg(0), c.args[1], uint32(c.args[2]), follow) },
		"fchmodat2": func(s *Supervisor, c *call) answer {
			return s.chmod(c, c.arg(0), c.args[1], uint32(c.args[2]), c.arg(3))
		},
		"chown":  func(s *Supervisor, c *call) answer { return s.chown(c, cwd, c.args[0], c.arg(1), c.arg(2), follow) },
		"lchown": func(s *Supervisor, c *call) answer { return s.chown(c, cwd, c.args[0], c.arg(1), c.arg(2), noFollow) },
		"fchown": func(s *Supervisor, c *call) answer { return s.chown(c, c.arg(0), 0, c.arg(1), c.arg(2), empty) },
		"fchownat": func(s *Supervisor, c *call) answer {
			return s.chown(c, c.arg(0), c.args[1], c.arg(2), c.arg(3), c.arg(4))
		},
		"utime":  (*Supervisor).utime,
		"utimes": func(s *Supervisor, c *call) answer { return s.touch(c, cwd, c.args[0], c.args[1], true, follow) },
		"futimesat": func(s *Supervisor, c *call) answer {
			return s.touch(c, c.arg(0), c.args[1], c.args[2], true, futimesFlags(c))
		},
		"utimensat": func(s *Supervisor, c *call) answer {
			return s.touch(c, c.arg(0), c.args[1], c.args[2], false, utimensFlags(c))
		},
		"setxattr":  func(s *Supervisor, c *call) answer { return s.setAttribute(c, cwd, c.args[0], follow) },
		"lsetxattr": func(s *Supervisor, c *call) answer { return s.setAttribute(c, cwd, c.args[0], noFollow) },
		"fsetxattr": func(s *Supervisor, c *call) answer { return s.setAttribute(c, c.arg(0), 0, empty) },
		"removexattr": func(s *Supervisor, c *call) answer {
			return s.dropAttribute(c, cwd, c.args[0], follow)
		},
		"lremovexattr":  func(s *Supervisor, c *call) answer { return s.dropAttribute(c, cwd, c.args[0], noFollow) },
		"fremovexattr":  func(s *Supervisor, c *call) answer { return s.dropAttribute(c, c.arg(0), 0, empty) },
		"setxattrat":    (*Supervisor).tooNew,
		"removexattrat": (*Supervisor).tooNew,
		"file_setattr":  (*Supervisor).tooNew,
	}
}

// futimesFlags: without a path the descriptor itself is meant.
func futimesFlags(c *call) int {
	if c.args[1] == 0 {
		return unix.AT_EMPTY_PATH
	}
	return 0
}

func utimensFlags(c *call) int {
	if c.args[1] == 0 {
		return unix.AT_EMPTY_PATH
	}
	return c.arg(3)
}

// tooNew makes programs fall back to calls that are understood here.
func (s *Supervisor) tooNew(c *call) answer { return c.refuse(c.rules.open, unix.ENOSYS) }

// amend judges a change to the file that a path leads to and makes it on that file, by a path to our own descriptor.
// flags are those of the *at calls.
func (s *Supervisor) amend(c *call, dirfd int, address uint64, flags int, act func(path string) error) answer {
	if c.rules.open == off {
		return pass()
	}
	p, a, ok := s.file(c, dirfd, address, flags&unix.AT_SYMLINK_NOFOLLOW == 0, flags&unix.AT_EMPTY_PATH != 0)
	if !ok {
		return a
	}
	defer p.close()
	return s.change(c,
		func() bool { return s.deniesFile(c, &p, policy.Write) },
		func() error { return act(ownPath(p.fd)) })
}

func (s *Supervisor) truncate(c *call) answer {
	length := int64(c.args[1])
	return s.amend(c, unix.AT_FDCWD, c.args[0], 0, func(path string) error { return unix.Truncate(path, length) })
}

func (s *Supervisor) chmod(c *call, dirfd int, address uint64, mode uint32, flags int) answer {
	return s.amend(c, dirfd, address, flags, func(path string) error { return unix.Chmod(path, mode) })
}

func (s *Supervisor) chown(c *call, dirfd int, address uint64, uid, gid, flags int) answer {
	return s.amend(c, dirfd, address, flags, func(path string) error { return unix.Chown(path, uid, gid) })
}

// utime has whole seconds.
func (s *Supervisor) utime(c *call) answer {
	var times []unix.Timespec
	if c.args[1] != 0 {
		var raw [16]byte
		if errno := readFull(c.tid, c.args[1], raw[:]); errno != 0 {
			return c.refuse(c.rules.open, errno)
		}
		for i := range 2 {
			times = append(times, unix.Timespec{Sec: int64(binary.LittleEndian.Uint64(raw[8*i:]))})
		}
	}
	return s.amend(c, unix.AT_FDCWD, c.args[0], 0, func(path string) error {
		return unix.UtimesNanoAt(unix.AT_FDCWD, path, times, 0)
	})
}

func (s *Supervisor) touch(c *call, dirfd int, address, timesAt uint64, micro bool, flags int) answer {
	times, errno := readTimes(c.tid, timesAt, micro)
	if errno != 0 {
		return c.refuse(c.rules.open, errno)
	}
	return s.amend(c, dirfd, address, flags, func(path string) error {
		return unix.UtimesNanoAt(unix.AT_FDCWD, path, times, 0)
	})
}

// maxAttribute is the kernel's XATTR_SIZE_MAX.
const maxAttribute = 65536

func (s *Supervisor) setAttribute(c *call, dirfd int, address uint64, flags int) answer {
	if c.rules.open == off {
		return pass()
	}
	name, errno := s.attributeName(c)
	if errno != 0 {
		return c.refuse(c.rules.open, errno)
	}
	if c.args[3] > maxAttribute {
		return fail(unix.E2BIG)
	}
	content := make([]byte, c.args[3])
	if errno := readFull(c.tid, c.args[2], content); errno != 0 {
		return c.refuse(c.rules.open, errno)
	}
	how := c.arg(4)
	return s.amend(c, dirfd, address, flags, func(path string) error { return unix.Setxattr(path, name, content, how) })
}

func (s *Supervisor) dropAttribute(c *call, dirfd int, address uint64, flags int) answer {
	if c.rules.open == off {
		return pass()
	}
	name, errno := s.attributeName(c)
	if errno != 0 {
		return c.refuse(c.rules.open, errno)
	}
	return s.amend(c, dirfd, address, flags, func(path string) error { return unix.Removexattr(path, name) })
}

// attributeName reads the name of an extended attribute, which is the second argument of all these calls.
func (s *Supervisor) attributeName(c *call) (string, unix.Errno) {
	var buf [256]byte
	name, errno := readString(c.tid, c.args[1], buf[:])
	if errno == unix.ENAMETOOLONG {
		errno = unix.ERANGE
	}
	return name, errno
}
