package kernel

import (
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"
)

// A redirected socket gets its answers from the resolver. Programs that look at the source of an answer drop it unless
// it is the name server that they asked, so what such a socket receives is received on its behalf.

// maxAnswer bounds what is received on behalf: a DNS answer is at most 64 KB.
const maxAnswer = 64 << 10

// patience is how often a wait for an answer looks whether the caller still waits.
const patience = 250 * time.Millisecond

// receipt is where the caller wants what it receives.
type receipt struct {
	vectors           []vector
	source, sourceLen uint64 // addresses in its memory; 0 for none
	header            uint64 // of a struct msghdr to be filled in; 0 for none
	control           uint64
	room              int // for control messages
	length            uint64
}

func (s *Supervisor) recvfrom(c *call) answer {
	k, asked := s.redirectedSocket(c)
	if k == nil {
		return pass()
	}
	to := receipt{vectors: []vector{{c.args[1], c.args[2]}}, source: c.args[4], sourceLen: c.args[5]}
	return s.receiveFor(c, k, asked, to, c.arg(3))
}

func (s *Supervisor) recvmsg(c *call) answer {
	k, asked := s.redirectedSocket(c)
	if k == nil {
		return pass()
	}
	to, errno := receiptOf(c.tid, c.args[1])
	if errno != 0 {
		k.close()
		return fail(errno)
	}
	return s.receiveFor(c, k, asked, to, c.arg(2))
}

// recvmmsg receives one message: callers take fewer than they have room for.
func (s *Supervisor) recvmmsg(c *call) answer {
	k, asked := s.redirectedSocket(c)
	if k == nil {
		return pass()
	}
	to, errno := receiptOf(c.tid, c.args[1])
	if errno != 0 {
		k.close()
		return fail(errno)
	}
	to.length = c.args[1] + headerSize
	return s.receiveFor(c, k, asked, to, c.arg(3)&^unix.MSG_WAITFORONE)
}

// redirectedSocket copies the call's socket when it was redirected, nil else.
func (s *Supervisor) redirectedSocket(c *call) (*socket, []byte) {
	if s.redirects.none() {
		return nil, nil
	}
	k, errno := s.socketOf(c, c.arg(0))
	if errno != 0 {
		return nil, nil
	}
	asked := s.redirects.of(k.cookie())
	if asked == nil || k.stream() {
		k.close()
		return nil, nil
	}
	return k, asked
}

// receiptOf reads a struct msghdr.
func receiptOf(tid int, at uint64) (receipt, unix.Errno) {
	h, errno := readHeader(tid, at)
	if errno != 0 {
		return receipt{}, errno
	}
	return receipt{vectors: h.vectors, source: h.name, sourceLen: at + 8, header: at, control: h.control, room: min(h.length, maxControl)}, 0
}

// receiveFor receives at once when something is there, and else waits on a goroutine as the caller would.
func (s *Supervisor) receiveFor(c *call, k *socket, asked []byte, to receipt, flags int) answer {
	a := s.receiveNow(c, k, asked, to, flags)
	if a.errno != unix.EAGAIN || !k.blocking || flags&unix.MSG_DONTWAIT != 0 {
		k.close()
		return a
	}
	return s.away(c, stop, func(c *call) answer {
		defer k.close()
		limit := timeLimit(k.fd)
		for start := time.Now(); limit == 0 || time.Since(start) < limit; {
			fds := []unix.PollFd{{Fd: int32(k.fd), Events: unix.POLLIN}}
			_, _ = unix.Poll(fds, int(patience.Milliseconds()))
			if !s.listener.waits(c) {
				return fail(unix.EINTR) // nobody is there to hear it
			}
			if a := s.receiveNow(c, k, asked, to, flags); a.errno != unix.EAGAIN {
				return a
			}
		}
		return fail(unix.EAGAIN)
	})
}

// timeLimit is how long the socket's owner is ready to wait, 0 for ever.
func timeLimit(fd int) time.Duration {
	t, err := unix.GetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO)
	if err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// receiveNow receives what is there and writes it into the caller's memory, with the name server as its source.
func (s *Supervisor) receiveNow(c *call, k *socket, asked []byte, to receipt, flags int) answer {
	room := 0
	for _, v := range to.vectors {
		room += int(min(v.length, maxAnswer))
	}
	m := message{data: make([]byte, min(room, maxAnswer)), control: make([]byte, to.room)}
	n, control, received, errno := receiveMessage(k.fd, m, flags|unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
	if errno != 0 {
		return fail(errno)
	}
	if !s.listener.waits(c) {
		return later()
	}
	if errno := scatter(c.tid, to.vectors, m.data[:min(n, len(m.data))]); errno != 0 {
		return fail(errno)
	}
	if to.source != 0 {
		if errno := giveAddress(c.tid, to.source, to.sourceLen, asked); errno != 0 {
			return fail(errno)
		}
	}
	if to.header != 0 {
		if errno := to.fillHeader(c.tid, m.control[:control], received); errno != 0 {
			return fail(errno)
		}
	}
	if to.length == 0 {
		return value(n)
	}
	var length [4]byte
	binary.NativeEndian.PutUint32(length[:], uint32(n))
	if errno := writeMemory(c.tid, to.length, length[:]); errno != 0 {
		return fail(errno)
	}
	return value(1)
}

// fillHeader writes the control messages, their length and the flags.
func (to receipt) fillHeader(tid int, control []byte, flags int32) unix.Errno {
	if errno := writeMemory(tid, to.control, control); errno != 0 {
		return errno
	}
	var tail [12]byte // msg_controllen and msg_flags
	binary.NativeEndian.PutUint64(tail[:], uint64(len(control)))
	binary.NativeEndian.PutUint32(tail[8:], uint32(flags)&^unix.MSG_CMSG_CLOEXEC)
	return writeMemory(tid, to.header+40, tail[:])
}

// scatter writes data into the caller's vectors.
func scatter(tid int, vectors []vector, data []byte) unix.Errno {
	for _, v := range vectors {
		n := int(min(v.length, uint64(len(data))))
		if errno := writeMemory(tid, v.at, data[:n]); errno != 0 {
			return errno
		}
		data = data[n:]
	}
	return 0
}

// giveAddress writes an address as calls like recvfrom do: as much as there is room for, and its true length.
func giveAddress(tid int, at, lengthAt uint64, address []byte) unix.Errno {
	var length [4]byte
	if errno := readFull(tid, lengthAt, length[:]); errno != 0 {
		return errno
	}
	room := int(int32(binary.NativeEndian.Uint32(length[:])))
	if room < 0 {
		return unix.EINVAL
	}
	if errno := writeMemory(tid, at, address[:min(room, len(address))]); errno != 0 {
		return errno
	}
	binary.NativeEndian.PutUint32(length[:], uint32(len(address)))
	return writeMemory(tid, lengthAt, length[:])
}
