package kernel

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/autodefend/autodefend/internal/policy"
	"golang.org/x/sys/unix"
)

// changeHandlers answer the calls that change files by their names. Where the policy stops acts they are made on the
// caller's behalf: below the directory that was judged, or on the very file that was.
func changeHandlers() map[string]handler {
	const cwd = unix.AT_FDCWD
	return map[string]handler{
		"unlink": func(s *Supervisor, c *call) answer { return s.remove(c, cwd, c.args[0], 0) },
		"rmdir":  func(s *Supervisor, c *call) answer { return s.remove(c, cwd, c.args[0], unix.AT_REMOVEDIR) },
		"unlinkat": func(s *Supervisor, c *call) answer {
			return s.remove(c, c.arg(0), c.args[1], c.arg(2))
		},
		"mkdir":   func(s *Supervisor, c *call) answer { return s.mkdir(c, cwd, c.args[0], uint32(c.args[1])) },
		"mkdirat": func(s *Supervisor, c *call) answer { return s.mkdir(c, c.arg(0), c.args[1], uint32(c.args[2])) },
		"mknod":   func(s *Supervisor, c *call) answer { return s.mknod(c, cwd, c.args[0], c.args[1], c.args[2]) },
		"mknodat": func(s *Supervisor, c *call) answer { return s.mknod(c, c.arg(0), c.args[1], c.args[2], c.args[3]) },
		"symlink": func(s *Supervisor, c *call) answer { return s.symlink(c, c.args[0], cwd, c.args[1]) },
		"symlinkat": func(s *Supervisor, c *call) answer {
			return s.symlink(c, c.args[0], c.arg(1), c.args[2])
		},
		"rename":   func(s *Supervisor, c *call) answer { return s.rename(c, cwd, c.args[0], cwd, c.args[1], 0) },
		"renameat": func(s *Supervisor, c *call) answer { return s.rename(c, c.arg(0), c.args[1], c.arg(2), c.args[3], 0) },
		"renameat2": func(s *Supervisor, c *call) answer {
			return s.rename(c, c.arg(0), c.args[1], c.arg(2), c.args[3], uint(c.args[4]))
		},
		"link": func(s *Supervisor, c *call) answer { return s.link(c, cwd, c.args[0], cwd, c.args[1], 0) },
		"linkat": func(s *Supervisor, c *call) answer {
			return s.link(c, c.arg(0), c.args[1], c.arg(2), c.args[3], c.arg(4))
		},
	}
}

// named reads a path of the caller and finds the directory and name it leads to, without following the last component.
// The answer is set when errno is.
func (s *Supervisor) named(c *call, dirfd int, address uint64) (place, string, answer, bool) {
	none := place{dir: -1, fd: -1}
	text, errno := s.readPath(c, address)
	if errno != 0 {
		return none, "", c.refuse(c.rules.open, errno), false
	}
	if !s.listener.waits(c) {
		return none, "", later(), false
	}
	p, errno := s.parent(c, dirfd, text, false)
	switch {
	case errno == errTouches:
		s.tampers(c, "change "+text)
		return none, "", c.refuse(c.rules.open, unix.EACCES), false
	case errno != 0:
		return none, "", c.refuse(c.rules.open, errno), false
	}
	name, err := p.path()
	if err != nil {
		p.close()
		return none, "", c.refuse(c.rules.open, errnoOf(err)), false
	}
	if strings.HasSuffix(text, "/") && p.name != "." {
		p.name += "/" // the kernel wants a directory then
	}
	return p, name, answer{}, true
}

// change runs an act on names, judged by deny, on the caller's behalf or, under a policy that only alerts, lets it pass.
func (s *Supervisor) change(c *call, deny func() bool, act func() error) answer {
	denied := deny()
	switch {
	case c.rules.open != stop:
		return pass()
	case denied:
		return fail(unix.EACCES)
	case !s.listener.waits(c):
		return later()
	}
	return fail(errnoOf(s.try(c, act)))
}

func (s *Supervisor) remove(c *call, dirfd int, address uint64, flags int) answer {
	if c.rules.open == off {
		return pass()
	}
	p, name, a, ok := s.named(c, dirfd, address)
	if !ok {
		return a
	}
	defer p.close()
	return s.change(c,
		func() bool { return s.deniesName(c, name, policy.Write) },
		func() error { return unix.Unlinkat(p.dir, p.name, flags) })
}

func (s *Supervisor) mkdir(c *call, dirfd int, address uint64, mode uint32) answer {
	return s.make(c, dirfd, address, func(p place) error { return unix.Mkdirat(p.dir, p.name, mode) })
}

func (s *Supervisor) mknod(c *call, dirfd int, address, mode, device uint64) answer {
	return s.make(c, dirfd, address, func(p place) error {
		return unix.Mknodat(p.dir, p.name, uint32(mode), int(device))
	})
}

func (s *Supervisor) symlink(c *call, text uint64, dirfd int, address uint64) answer {
	if c.rules.open == off {
		return pass()
	}
	to, errno := s.readPath(c, text)
	if errno != 0 {
		return c.refuse(c.rules.open, errno)
	}
	return s.make(c, dirfd, address, func(p place) error { return unix.Symlinkat(to, p.dir, p.name) })
}

// make judges and makes something new.
func (s *Supervisor) make(c *call, dirfd int, address uint64, act func(p place) error) answer {
	if c.rules.open == off {
		return pass()
	}
	p, name, a, ok := s.named(c, dirfd, address)
	if !ok {
		return a
	}
	defer p.close()
	return s.change(c,
		func() bool { return s.deniesName(c, name, policy.Write) },
		func() error {
			_, err := s.withUmask(c.tid, func() (int, error) { return 0, act(p) })
			return err
		})
}

func (s *Supervisor) rename(c *call, fromFD int, from uint64, toFD int, to uint64, flags uint) answer {
	if c.rules.open == off {
		return pass()
	}
	source, oldName, a, ok := s.named(c, fromFD, from)
	if !ok {
		return a
	}
	defer source.close()
	target, newName, a, ok := s.named(c, toFD, to)
	if !ok {
		return a
	}
	defer target.close()
	return s.change(c,
		func() bool {
			return s.deniesName(c, oldName, policy.Write) || s.deniesName(c, newName, policy.Write) ||
				s.deniesMove(c, oldName) || flags&unix.RENAME_EXCHANGE != 0 && s.deniesMove(c, newName)
		},
		func() error { return unix.Renameat2(source.dir, source.name, target.dir, target.name, flags) })
}

// deniesMove judges what moves along with a directory: listed entries below it would get names that nobody lists.
func (s *Supervisor) deniesMove(c *call, directory string) bool {
	for _, entry := range under(directory, c.rules.file.DenyRead, c.rules.file.DenyWrite) {
		if s.deniesName(c, entry, policy.Write) {
			return true
		}
	}
	return false
}

func (s *Supervisor) link(c *call, fromFD int, from uint64, toFD int, to uint64, flags int) answer {
	if c.rules.open == off {
		return pass()
	}
	target, newName, a, ok := s.named(c, toFD, to)
	if !ok {
		return a
	}
	defer target.close()
	source, a, ok := s.file(c, fromFD, from, flags&unix.AT_SYMLINK_FOLLOW != 0, flags&unix.AT_EMPTY_PATH != 0)
	if !ok {
		return a
	}
	defer source.close()
	return s.change(c,
		func() bool { // the new name gives whatever the old one gave
			return s.deniesFile(c, &source, policy.Read|policy.Write) || s.deniesName(c, newName, policy.Write)
		},
		func() error {
			return unix.Linkat(unix.AT_FDCWD, ownPath(source.fd), target.dir, target.name, unix.AT_SYMLINK_FOLLOW)
		})
}

// file reads a path of the caller and opens the place it leads to; with empty, "" is the descriptor itself. The answer is
// set when ok isn't.
func (s *Supervisor) file(c *call, dirfd int, address uint64, follow, empty bool) (place, answer, bool) {
	none := place{dir: -1, fd: -1}
	text := ""
	if address != 0 || !empty {
		var errno unix.Errno
		if text, errno = s.readPath(c, address); errno != 0 {
			return none, c.refuse(c.rules.open, errno), false
		}
	}
	if !s.listener.waits(c) {
		return none, later(), false
	}
	p, errno := none, unix.Errno(0)
	if text == "" && empty {
		p.fd, errno = openDescriptor(c.tid, dirfd)
	} else {
		p, errno = s.target(c, dirfd, text, follow, 0)
	}
	if errno == errTouches {
		s.tampers(c, "change "+text)
		errno = unix.EACCES
	}
	if errno != 0 {
		return none, c.refuse(c.rules.open, errno), false
	}
	return p, answer{}, true
}

// readTimes reads two times of size bytes, NULL being now.
func readTimes(tid int, address uint64, micro bool) ([]unix.Timespec, unix.Errno) {
	if address == 0 {
		return nil, 0
	}
	var raw [32]byte
	if errno := readFull(tid, address, raw[:]); errno != 0 {
		return nil, errno
	}
	times := make([]unix.Timespec, 2)
	for i := range times {
		seconds, part := binary.LittleEndian.Uint64(raw[16*i:]), binary.LittleEndian.Uint64(raw[16*i+8:])
		if micro {
			if part >= 1e6 {
				return nil, unix.EINVAL
			}
			part *= 1000
		}
		if part > math.MaxInt64 {
			return nil, unix.EINVAL
		}
		times[i] = unix.Timespec{Sec: int64(seconds), Nsec: int64(part)}
	}
	return times, 0
}
