package kernel

import (
	"runtime"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// listener is the end of the filter at which calls arrive and are answered.
type listener struct {
	fd      int
	oneStep atomic.Bool // descriptors can be injected and the call answered in one step (5.14)
	journal *Journal
}

// answer says how a call ends.
type answer struct {
	value int64
	errno unix.Errno
	// pass lets the kernel make the call itself.
	pass bool
	// later says that somebody else answers, or has.
	later bool
}

func pass() answer                   { return answer{pass: true} }
func fail(errno unix.Errno) answer   { return answer{errno: errno} }
func value(v int) answer             { return answer{value: int64(v)} }
func later() answer                  { return answer{later: true} }
func result(errno unix.Errno) answer { return answer{errno: errno} }

// reply answers a call. A caller that has gone needs no answer.
func (l *listener) reply(c *call, a answer) {
	if a.later {
		return
	}
	r := reply{id: c.id, val: a.value, err: -int32(a.errno)}
	if a.pass {
		r = reply{id: c.id, flags: replyContinue}
	}
	if a.errno != 0 {
		r.val = 0
	}
	_ = send(l.fd, &r)
	l.journal.answered(c.slot)
}

// inject ends a call with a copy of fd in the caller's table. It returns what is left to be answered.
func (l *listener) inject(c *call, fd int, closeOnExec bool) answer {
	i := injection{id: c.id, srcFD: uint32(fd)}
	if closeOnExec {
		i.newFDFlags = unix.O_CLOEXEC
	}
	if l.oneStep.Load() {
		i.flags = addFDSend
		errno := l.addQuietly(c, &i)
		switch errno {
		case 0:
			l.journal.answered(c.slot)
			return later()
		case unix.EINVAL:
			l.oneStep.Store(false) // an older kernel
		default:
			return fail(errno)
		}
	}
	i.flags = 0
	number, errno := addFD(l.fd, &i)
	if errno != 0 {
		return fail(errno) // EMFILE: the caller's own limit; ENOENT: the caller is gone
	}
	return value(number)
}

// addQuietly injects and answers while no signal can reach this thread.
func (l *listener) addQuietly(c *call, i *injection) unix.Errno {
	if c.reading {
		_, errno := addFD(l.fd, i)
		return errno
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	former := blockSignals()
	_, errno := addFD(l.fd, i)
	setSignals(former)
	return errno
}

// waits tells whether the call's caller is still there.
func (l *listener) waits(c *call) bool { return stillWaits(l.fd, c.id) }
