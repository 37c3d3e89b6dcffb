package watch

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/autodefend/autodefend/internal/policy"
)

const (
	// socketsMax bounds how many sockets are known at a time.
	socketsMax = 8192
	// socketTableMax bounds how much is read of one of the kernel's tables, in bytes.
	socketTableMax = 4 << 20
	// descriptorsMax bounds how many descriptors of one process are looked at.
	descriptorsMax = 4096
	// tablesMax bounds how many tables are read in one scan: there are four in each network namespace.
	tablesMax = 16
	// scansToReread is after how many scans what seems settled is looked at again.
	scansToReread = 16
)

// socket is a line of a table of sockets.
type socket struct {
	protocol      string // the table it is in: tcp, tcp6, udp, udp6, or otherProtocol
	local, remote netip.AddrPort
	listening     bool
	inode         uint64
	denied        bool
}

// otherProtocol is that of sockets without addresses that a rule could mean.
const otherProtocol = "other"

// settled reports whether the socket is going to stay as it is known. A UDP socket can get another peer at any time; so
// can one of TCP, by a trick, for which all are read again now and then.
func (s socket) settled() bool {
	return s.protocol == otherProtocol || strings.HasPrefix(s.protocol, "tcp") && s.remote.IsValid()
}

// judgeSockets judges what the processes are connected to and listen on. A socket that several of them hold is judged
// once, and denied to all.
func (w *Watcher) judgeSockets(ctx context.Context, ours []*process, report *Report) {
	w.scans++
	look := &socketLook{everything: w.scans%scansToReread == 1, known: make(map[uint64]socket), tables: make(map[tableKey]map[uint64]socket)}
	for _, p := range ours {
		if ctx.Err() != nil || len(look.known) >= socketsMax {
			break
		}
		if !p.denied {
			w.judgeSocketsOf(p, look, report)
		}
	}
	w.sockets = look.known
}

// socketLook is what one scan knows of sockets.
type socketLook struct {
	everything bool
	known      map[uint64]socket // by inode
	tables     map[tableKey]map[uint64]socket
}

// judgeSocketsOf judges the sockets of one process, and ends it when it holds one that is denied.
func (w *Watcher) judgeSocketsOf(p *process, look *socketLook, report *Report) {
	network := networkOf(p.pid)
	for inode, descriptor := range socketsHeld(p.pid) {
		s, seen := look.known[inode]
		if !seen {
			s = w.sockets[inode]
		}
		if !seen && (look.everything || !s.settled()) {
			now := look.find(p.pid, network, descriptor, inode)
			if now.remote.IsValid() && (now.local != s.local || now.remote != s.remote) {
				now.denied = w.judgeSocket(p, now)
				report.Judged++
			} else if now.remote.IsValid() {
				now.denied = s.denied
			}
			s = now
		}
		look.known[inode] = s
		if s.remote.IsValid() {
			report.Sockets++
		}
		if s.denied && !p.denied && (p.pid != w.config.Root || w.config.EndRoot) {
			p.denied = true
			w.end(p, report)
		}
	}
}

// find looks a socket up in the table of its protocol.
func (l *socketLook) find(pid int, network, descriptor string, inode uint64) socket {
	found := socket{protocol: otherProtocol}
	for _, protocol := range protocolsOf(pid, descriptor) {
		key := tableKey{network, protocol}
		table, ok := l.tables[key]
		if !ok && len(l.tables) < tablesMax {
			table = tableOf(pid, protocol)
			l.tables[key] = table
		}
		if s, ok := table[inode]; ok {
			return s
		}
		found.protocol = protocol // it has no address yet
	}
	return found
}

// tableKey names one of the kernel's tables of sockets. Reading those of TCP costs milliseconds on a machine with much
// memory, however few connections there are, so none is read without need.
type tableKey struct{ network, protocol string }

// protocolsOf returns the tables that a process's socket can be in: the kernel tells its protocol.
func protocolsOf(pid int, descriptor string) []string {
	var name [32]byte
	n, err := unix.Getxattr(procPath(pid, "fd/"+descriptor), "system.sockprotoname", name[:])
	if err != nil {
		return []string{"tcp", "tcp6", "udp", "udp6"}
	}
	switch string(bytes.TrimRight(name[:n], "\x00")) {
	case "TCP", "MPTCP":
		return []string{"tcp"}
	case "TCPv6", "MPTCPv6":
		return []string{"tcp6"}
	case "UDP":
		return []string{"udp"}
	case "UDPv6":
		return []string{"udp6"}
	default:
		return nil
	}
}

// networkOf names a process's network namespace, "" when it hides.
func networkOf(pid int) string {
	name, err := os.Readlink(procPath(pid, "ns/net"))
	if err != nil {
		return ""
	}
	return name
}

// judgeSocket judges one connection or listening port, and reports whether it is denied.
func (w *Watcher) judgeSocket(p *process, s socket) bool {
	who, _, err := w.look(p)
	if err != nil {
		return false
	}
	e := policy.Event{Kind: policy.Connect, Process: who, Address: s.remote, Protocol: strings.TrimSuffix(s.protocol, "6")}
	if s.listening {
		e.Kind, e.Address = policy.Listen, s.local
	}
	return w.judge(e).Deny
}

// tableOf reads the table of a protocol in a process's network, by inode. Sockets that are neither connected nor
// listening are left out, and so are connections that others made to a listening port.
func tableOf(pid int, protocol string) map[uint64]socket {
	raw, err := readBounded(procPath(pid, "net/"+protocol), socketTableMax)
	if err != nil {
		return nil
	}
	sockets := parseSockets(raw, protocol, socketsMax)
	served := make(map[uint16]bool)
	for _, s := range sockets {
		if s.listening {
			served[s.local.Port()] = true
		}
	}
	table := make(map[uint64]socket, len(sockets))
	for _, s := range sockets {
		if s.listening || !served[s.local.Port()] {
			table[s.inode] = s
		}
	}
	return table
}

// parseSockets reads a table such as /proc/net/tcp6, at most limit lines of it.
func parseSockets(raw []byte, protocol string, limit int) []socket {
	var sockets []socket
	_, raw, _ = bytes.Cut(raw, []byte{'\n'}) // the heading
	for len(raw) > 0 && len(sockets) < limit {
		var line []byte
		line, raw, _ = bytes.Cut(raw, []byte{'\n'})
		if s, ok := parseSocket(bytes.Fields(line), protocol); ok {
			sockets = append(sockets, s)
		}
	}
	return sockets
}

// parseSocket reads the fields of a line. A UDP socket listens when it has a port and no peer; ports that the kernel
// chose for a sender look the same, so only those below the range it chooses from count.
func parseSocket(fields [][]byte, protocol string) (socket, bool) {
	const localField, remoteField, stateField, inodeField = 1, 2, 3, 9
	const stateListen, chosenPorts = "0A", 32768
	if len(fields) <= inodeField {
		return socket{}, false
	}
	local, ok1 := parseAddress(fields[localField])
	remote, ok2 := parseAddress(fields[remoteField])
	inode, err := strconv.ParseUint(string(fields[inodeField]), 10, 64)
	if !ok1 || !ok2 || err != nil || inode == 0 {
		return socket{}, false
	}
	s := socket{protocol: protocol, local: local, remote: remote, inode: inode}
	s.listening = string(fields[stateField]) == stateListen ||
		strings.HasPrefix(protocol, "udp") && remote.Port() == 0 && local.Port() != 0 && local.Port() < chosenPorts
	return s, s.listening || remote.Port() != 0
}

// parseAddress reads 0100007F:1F90: each four bytes of the address are in the machine's order, the port is a number.
func parseAddress(text []byte) (netip.AddrPort, bool) {
	address, port, ok := bytes.Cut(text, []byte{':'})
	raw := make([]byte, hex.DecodedLen(len(address)))
	if !ok || len(address) != 8 && len(address) != 32 || len(port) != 4 {
		return netip.AddrPort{}, false
	}
	if _, err := hex.Decode(raw, address); err != nil {
		return netip.AddrPort{}, false
	}
	number, err := strconv.ParseUint(string(port), 16, 16)
	if err != nil {
		return netip.AddrPort{}, false
	}
	for word := raw; len(word) > 0; word = word[4:] {
		binary.LittleEndian.PutUint32(word, binary.BigEndian.Uint32(word))
	}
	addr, _ := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(addr.Unmap(), uint16(number)), true
}

// socketsHeld returns a process's descriptors of sockets by their inodes.
func socketsHeld(pid int) map[uint64]string {
	directory, err := os.Open(procPath(pid, "fd"))
	if err != nil {
		return nil
	}
	defer func() { _ = directory.Close() }()
	names, _ := directory.Readdirnames(descriptorsMax)
	held := make(map[uint64]string)
	for _, name := range names {
		link, err := os.Readlink(procPath(pid, "fd/"+name))
		if err != nil {
			continue
		}
		if number, ok := strings.CutPrefix(link, "socket:["); ok {
			if inode, err := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 64); err == nil {
				held[inode] = name
			}
		}
	}
	return held
}
