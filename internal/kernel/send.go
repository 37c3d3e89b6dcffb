package kernel

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Sizes of what is sent on behalf of a caller.
const (
	// chunk is how much of a stream is copied at a time; messages are at most that long, too.
	chunk = 256 << 10
	// maxControl bounds control messages.
	maxControl = 4 << 10
	// maxVectors is the kernel's UIO_MAXIOV.
	maxVectors = 1024
	// maxMessages bounds what one sendmmsg sends; the rest is the caller's to send again.
	maxMessages = 64
)

// Layout of the kernel's struct msghdr and mmsghdr.
const (
	headerSize     = 56
	manyHeaderSize = 64
)

// header is a struct msghdr of the caller.
type header struct {
	name    uint64
	nameLen int
	vectors []vector
	control uint64
	length  int // of control
}

// vector is a struct iovec of the caller.
type vector struct {
	at     uint64
	length uint64
}

// sending is one message on its way.
type sending struct {
	k       *socket
	raw     []byte // the address as given; nil for none
	control []byte
	files   []int // descriptors of ours that control carries
	vectors []vector
	flags   int
	done    int // bytes sent already
	buffer  []byte
}

// sendto sends to an address: the filter lets pass what has none.
func (s *Supervisor) sendto(c *call) answer {
	if c.rules.network == off && !c.rules.redirects() {
		return pass()
	}
	h := header{name: c.args[4], nameLen: c.arg(5), vectors: []vector{{c.args[1], c.args[2]}}}
	return s.send(c, h, c.arg(3), nil)
}

func (s *Supervisor) sendmsg(c *call) answer {
	if c.rules.network == off && !c.rules.redirects() {
		return pass()
	}
	h, errno := readHeader(c.tid, c.args[1])
	if errno != 0 {
		return c.refuse(c.rules.network, errno)
	}
	return s.send(c, h, c.arg(2), nil)
}

// sendmmsg sends messages until one can't be sent at once. Callers go on with the rest.
func (s *Supervisor) sendmmsg(c *call) answer {
	if c.rules.network == off && !c.rules.redirects() {
		return pass()
	}
	count := int(min(c.args[2]&0xffffffff, maxMessages))
	if count == 0 {
		return value(0)
	}
	if c.rules.network != stop && !s.anyRedirected(c, count) {
		return s.judgeAll(c, count)
	}
	for i := range count {
		at := c.args[1] + uint64(i*manyHeaderSize)
		h, errno := readHeader(c.tid, at)
		if errno != 0 {
			return partly(i, errno)
		}
		note := func(n int) unix.Errno {
			var length [4]byte
			binary.NativeEndian.PutUint32(length[:], uint32(n))
			return writeMemory(c.tid, at+headerSize, length[:])
		}
		flags := c.arg(3)
		if i > 0 {
			flags |= unix.MSG_DONTWAIT // what was sent must be told first
		}
		a := s.send(c, h, flags, note)
		if a.later || a.pass {
			return a
		}
		if a.errno != 0 {
			return partly(i, a.errno)
		}
	}
	return value(count)
}

// partly tells how many messages went, and why none did.
func partly(sent int, errno unix.Errno) answer {
	if sent > 0 {
		return value(sent)
	}
	return fail(errno)
}

// anyRedirected tells whether one of the messages goes to a name server.
func (s *Supervisor) anyRedirected(c *call, count int) bool {
	for i := range count {
		to, internet := decodeDestination(s.nameIn(c, i))
		if internet && s.redirected(c, to) {
			return true
		}
	}
	return false
}

// nameIn copies the address in one of several messages, nil when it can't be read.
func (s *Supervisor) nameIn(c *call, i int) []byte {
	h, errno := readHeader(c.tid, c.args[1]+uint64(i*manyHeaderSize))
	if errno != 0 {
		return nil
	}
	raw, errno := h.address(c.tid)
	if errno != 0 {
		return nil
	}
	return raw
}

// judgeAll judges what goes on whatever the judge says.
func (s *Supervisor) judgeAll(c *call, count int) answer {
	k, errno := s.socketOf(c, c.arg(0))
	if errno != 0 {
		return pass()
	}
	defer k.close()
	for i := range count {
		if to, internet := k.destination(s.nameIn(c, i)); internet {
			s.deniesPeer(c, k, to)
		}
	}
	return pass()
}

// send judges one message and sends a copy of it. note is told the number of bytes when the message went; with it the
// answer's value means nothing.
func (s *Supervisor) send(c *call, h header, flags int, note func(n int) unix.Errno) answer {
	raw, errno := h.address(c.tid)
	if errno != 0 {
		return c.refuse(c.rules.network, errno)
	}
	if _, internet := decodeDestination(raw); c.rules.network != stop && !internet {
		return pass()
	}
	k, errno := s.socketOf(c, c.arg(0))
	if errno != 0 {
		return c.refuse(c.rules.network, errno)
	}
	to, internet := k.destination(raw)
	m := &sending{k: k, raw: raw, vectors: h.vectors, flags: flags}
	a, goes := s.route(c, m, to, internet)
	if !goes {
		m.close()
		return a
	}
	if errno := m.readControl(s, c, h); errno != 0 {
		m.close()
		return fail(errno)
	}
	if !s.listener.waits(c) {
		m.close()
		return later()
	}
	return s.deliver(c, m, note)
}

// route decides where a message goes. It doesn't go when the second result is false.
func (s *Supervisor) route(c *call, m *sending, to netip.AddrPort, internet bool) (answer, bool) {
	switch {
	case internet && m.k.internet() && s.redirected(c, to):
		address, errno := s.toResolver(c, m.k, m.raw)
		if errno != 0 {
			return c.refuse(c.rules.dns, errno), false
		}
		m.raw = address
	case internet && s.deniesPeer(c, m.k, to):
		return fail(unix.EACCES), false
	case c.rules.network != stop:
		return pass(), false
	case familyOf(m.raw) == unix.AF_UNIX:
		if s.isOwnSocket(m.raw) && s.tampers(c, "send to the Defender's socket") {
			return fail(unix.EPERM), false
		}
		address, place, errno := s.unixAddress(c, m.raw)
		if errno != 0 {
			return fail(errno), false
		}
		m.raw, m.files = address, append(m.files, place.dir, place.fd)
	}
	return answer{}, true
}

// deliver sends at once, and what can't be on a goroutine when the caller would wait.
func (s *Supervisor) deliver(c *call, m *sending, note func(n int) unix.Errno) answer {
	errno := m.push(c.tid, unix.MSG_DONTWAIT)
	if errno == unix.EAGAIN && m.k.blocking && m.flags&unix.MSG_DONTWAIT == 0 && note == nil {
		return s.away(c, stop, func(c *call) answer {
			defer m.close()
			errno := m.push(c.tid, 0)
			return s.sent(c, m, errno)
		})
	}
	defer m.close()
	a := s.sent(c, m, errno)
	if note != nil && a.errno == 0 {
		a.errno = note(m.done)
	}
	return a
}

// sent is the answer once nothing more can be sent.
func (s *Supervisor) sent(c *call, m *sending, errno unix.Errno) answer {
	switch {
	case m.done > 0 || errno == 0:
		return value(m.done)
	case errno == unix.EPIPE && m.flags&unix.MSG_NOSIGNAL == 0 && m.k.kind != unix.SOCK_DGRAM:
		_ = unix.Tgkill(s.pidOf(c), c.tid, unix.SIGPIPE)
	}
	return fail(errno)
}

// push sends until all has gone or the socket takes no more. A message goes in one piece, a stream in chunks.
func (m *sending) push(tid, wait int) unix.Errno {
	total := 0
	for _, v := range m.vectors {
		total += int(min(v.length, 1<<31))
	}
	if !m.k.stream() && total > chunk {
		return unix.EMSGSIZE
	}
	if m.buffer == nil {
		m.buffer = make([]byte, min(total, chunk))
	}
	flags := m.flags&^unix.MSG_ZEROCOPY | unix.MSG_NOSIGNAL | wait
	for {
		n, errno := m.gather(tid)
		if errno != 0 {
			return errno
		}
		n, errno = sendMessage(m.k.fd, message{address: m.raw, control: m.control, data: m.buffer[:n]}, flags)
		switch {
		case errno == unix.EINTR:
			continue
		case errno != 0:
			return errno
		}
		m.done += n
		m.control = nil // it went with the first part
		if m.done >= total || !m.k.stream() {
			return 0
		}
		if n == 0 {
			return 0
		}
	}
}

// gather copies what is to be sent next into the buffer.
func (m *sending) gather(tid int) (int, unix.Errno) {
	have, skip := 0, uint64(m.done)
	for _, v := range m.vectors {
		if skip >= v.length {
			skip -= v.length
			continue
		}
		want := int(min(v.length-skip, uint64(len(m.buffer)-have)))
		if want == 0 {
			break
		}
		if errno := readFull(tid, v.at+skip, m.buffer[have:have+want]); errno != 0 {
			if have > 0 {
				return have, 0
			}
			return 0, errno
		}
		have, skip = have+want, 0
	}
	return have, 0
}

func (m *sending) close() {
	m.k.close()
	for _, fd := range m.files {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}

// readControl copies the control messages. Descriptors in them become descriptors of ours, and the sender's process id
// ours: the kernel takes no other.
func (m *sending) readControl(s *Supervisor, c *call, h header) unix.Errno {
	if h.length == 0 {
		return 0
	}
	if h.length > maxControl {
		return unix.ENOBUFS
	}
	m.control = make([]byte, h.length)
	if errno := readFull(c.tid, h.control, m.control); errno != 0 {
		return errno
	}
	if m.k.family != unix.AF_UNIX {
		return 0
	}
	messages, err := unix.ParseSocketControlMessage(m.control)
	if err != nil {
		return unix.EINVAL
	}
	for _, one := range messages {
		if one.Header.Level != unix.SOL_SOCKET {
			continue
		}
		switch one.Header.Type {
		case unix.SCM_RIGHTS:
			if errno := m.takeRights(s, c, one.Data); errno != 0 {
				return errno
			}
		case unix.SCM_CREDENTIALS:
			if len(one.Data) >= 4 && int(binary.NativeEndian.Uint32(one.Data)) == s.pidOf(c) {
				binary.NativeEndian.PutUint32(one.Data, uint32(s.own))
			}
		}
	}
	return 0
}

// takeRights replaces the caller's descriptors in a control message, which lies in m.control, by copies.
func (m *sending) takeRights(s *Supervisor, c *call, data []byte) unix.Errno {
	for ; len(data) >= 4; data = data[4:] {
		fd, errno := s.processes.descriptor(s.pidOf(c), int(int32(binary.NativeEndian.Uint32(data))))
		if errno != 0 {
			return errno
		}
		m.files = append(m.files, fd)
		binary.NativeEndian.PutUint32(data, uint32(fd))
	}
	return 0
}

// address copies the address that a header names, nil for none.
func (h header) address(tid int) ([]byte, unix.Errno) {
	if h.name == 0 || h.nameLen == 0 {
		return nil, 0
	}
	return readAddress(tid, h.name, min(h.nameLen, maxAddress))
}

// readHeader copies a struct msghdr and its vectors.
func readHeader(tid int, at uint64) (header, unix.Errno) {
	var raw [headerSize]byte
	if errno := readFull(tid, at, raw[:]); errno != 0 {
		return header{}, errno
	}
	word := func(i int) uint64 { return binary.NativeEndian.Uint64(raw[i:]) }
	count := word(24)
	if count > maxVectors {
		return header{}, unix.EMSGSIZE
	}
	h := header{
		name: word(0), nameLen: int(int32(binary.NativeEndian.Uint32(raw[8:]))),
		control: word(32), length: int(min(word(40), 1<<20)),
		vectors: make([]vector, count),
	}
	if h.control == 0 {
		h.length = 0
	}
	list := make([]byte, 16*count)
	if errno := readFull(tid, word(16), list); errno != 0 {
		return header{}, errno
	}
	for i := range h.vectors {
		h.vectors[i] = vector{binary.NativeEndian.Uint64(list[16*i:]), binary.NativeEndian.Uint64(list[16*i+8:])}
	}
	return h, 0
}
