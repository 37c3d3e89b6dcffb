package watch

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/autodefend/autodefend/internal/policy"
)

const (
	// socketsMax bounds how many sockets are known at a time.
	socketsMax = 8192
	// socketTableMax bounds how much is read of one of the kernel's tables, in bytes.
	socketTableMax = 4 << 20
	// descriptorsMax bounds how many descriptors of one process are looked at.
	descriptorsMax = 4096
	// networksMax bounds how many network namespaces are looked at.
	networksMax = 8
)

// socket is a line of a table of sockets.
type socket struct {
	protocol      string // tcp or udp
	local, remote netip.AddrPort
	listening     bool
	inode         uint64
}

// judgeSockets judges what the processes are connected to and listen on. A socket that several of them hold is judged
// once, and denied to all.
func (w *Watcher) judgeSockets(ctx context.Context, ours []*process, report *Report) {
	known := make(map[socket]bool)
	tables := make(map[string]map[uint64]socket) // by network namespace
	for _, p := range ours {
		if ctx.Err() != nil || len(known) >= socketsMax {
			break
		}
		table := tableOf(p.pid, tables)
		for _, inode := range socketInodes(p.pid, len(table)) {
			s, ok := table[inode]
			if !ok || p.denied {
				continue
			}
			report.Sockets++
			denied, judged := w.sockets[s]
			if !judged {
				denied, judged = known[s]
			}
			if !judged {
				denied = w.judgeSocket(p, s)
				report.Judged++
			}
			known[s] = denied
			if denied && (p.pid != w.config.Root || w.config.EndRoot) {
				p.denied = true
				w.end(p, report)
			}
		}
	}
	w.sockets = known
}

// tableOf returns the sockets of a process's network, which is read once for all processes in it.
func tableOf(pid int, tables map[string]map[uint64]socket) map[uint64]socket {
	network, err := os.Readlink(procPath(pid, "ns/net"))
	if err != nil {
		network = "" // it hides, and its descriptors too
	}
	table, ok := tables[network]
	if !ok && len(tables) < networksMax {
		table = socketsOf(pid)
		tables[network] = table
	}
	return table
}

// judgeSocket judges one connection or listening port, and reports whether it is denied.
func (w *Watcher) judgeSocket(p *process, s socket) bool {
	who, _, err := w.look(p)
	if err != nil {
		return false
	}
	e := policy.Event{Kind: policy.Connect, Process: who, Address: s.remote, Protocol: s.protocol}
	if s.listening {
		e.Kind, e.Address = policy.Listen, s.local
	}
	return w.judge(e).Deny
}

// socketsOf reads the tables of a process's network, by inode. Sockets that are neither connected nor listening are left
// out, and so are connections that others made to a listening port.
func socketsOf(pid int) map[uint64]socket {
	var sockets []socket
	for _, name := range []string{"tcp", "tcp6", "udp", "udp6"} {
		if raw, err := readBounded(procPath(pid, "net/"+name), socketTableMax); err == nil {
			sockets = append(sockets, parseSockets(raw, strings.TrimSuffix(name, "6"), socketsMax)...)
		}
	}
	type port struct {
		protocol string
		number   uint16
	}
	served := make(map[port]bool)
	for _, s := range sockets {
		if s.listening {
			served[port{s.protocol, s.local.Port()}] = true
		}
	}
	table := make(map[uint64]socket, len(sockets))
	for _, s := range sockets {
		if s.listening || !served[port{s.protocol, s.local.Port()}] {
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
		protocol == "udp" && remote.Port() == 0 && local.Port() != 0 && local.Port() < chosenPorts
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

// socketInodes lists a process's sockets; none when there are none to find.
func socketInodes(pid, found int) []uint64 {
	if found == 0 {
		return nil
	}
	directory, err := os.Open(procPath(pid, "fd"))
	if err != nil {
		return nil
	}
	defer func() { _ = directory.Close() }()
	names, _ := directory.Readdirnames(descriptorsMax)
	var inodes []uint64
	for _, name := range names {
		link, err := os.Readlink(procPath(pid, "fd/"+name))
		if err != nil {
			continue
		}
		number, ok := strings.CutPrefix(link, "socket:[")
		if !ok {
			continue
		}
		if inode, err := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 64); err == nil {
			inodes = append(inodes, inode)
		}
	}
	slices.Sort(inodes)
	return slices.Compact(inodes)
}
