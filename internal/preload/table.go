package preload

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
)

// Sizes of struct ad_table and of the elements of its lists.
const (
	tableHeader  = 132
	tableLists   = 68 // offset of the first struct ad_list
	pathSize     = 8
	netSize      = 20
	portsSize    = 4
	protectedMax = 4

	// tableCapacity bounds the table. It is what processes map, so a refreshed policy must fit too; memory is only used
	// for what is written.
	tableCapacity = 256 << 10
)

// mode is enum ad_mode: how the shim treats a kind of act.
type mode uint8

const (
	modeOff mode = iota
	modeList
	modeAsk
)

// Flags of the table.
const (
	flagFailClosed   = 1
	flagNoIOURing    = 2
	flagRedirectDNS  = 4
	flagWritableLibs = 8
)

// portRange is struct ad_ports: both ends belong to it.
type portRange struct{ first, last uint16 }

// table is what struct ad_table says, as values.
type table struct {
	flags     uint32
	modes     [kinds]mode
	stops     [kinds]bool
	protected []int
	resolver  netip.AddrPort // IPv4; invalid for none
	apiPort   uint16
	upstream  netip.AddrPort // IPv4; invalid for none

	denyRead, denyWrite, allowRead, allowWrite []string // paths without a final slash, "" for the root
	denyNets, allowNets                        []netip.Prefix
	denyPorts, allowPorts                      []portRange
}

// encode returns the table's memory, a multiple of four bytes. A table that would be longer than limit loses its lists:
// the kinds they belong to are asked about, which is slower and never wrong.
func (t table) encode(limit int) []byte {
	if memory := t.layOut(); len(memory) <= limit {
		return memory
	}
	for _, k := range []kind{kindOpen, kindConnect} {
		if t.modes[k] == modeList {
			t.modes[k] = modeAsk
		}
	}
	t.denyRead, t.denyWrite, t.allowRead, t.allowWrite = nil, nil, nil, nil
	t.denyNets, t.allowNets, t.denyPorts, t.allowPorts = nil, nil, nil, nil
	return t.layOut()
}

// layOut writes the header, then each list, then the bytes of the paths.
func (t table) layOut() []byte {
	b := builder{memory: t.header()}
	paths := [][]string{t.denyRead, t.denyWrite, t.allowRead, t.allowWrite}
	for i, list := range paths {
		paths[i] = sortedPaths(list)
		b.list(len(paths[i]), pathSize)
	}
	for _, nets := range [][]netip.Prefix{t.denyNets, t.allowNets} {
		b.list(len(nets), netSize)
		for _, n := range sortedNets(nets) {
			b.network(n)
		}
	}
	for _, ports := range [][]portRange{t.denyPorts, t.allowPorts} {
		b.list(len(ports), portsSize)
		for _, p := range sortedPorts(ports) {
			b.memory = binary.LittleEndian.AppendUint16(b.memory, p.first)
			b.memory = binary.LittleEndian.AppendUint16(b.memory, p.last)
		}
	}
	b.strings(paths)
	for len(b.memory)%4 != 0 {
		b.memory = append(b.memory, 0)
	}
	binary.LittleEndian.PutUint32(b.memory[8:], uint32(len(b.memory)))
	return b.memory
}

// header returns struct ad_table with empty lists. Its size and seq are 0.
func (t table) header() []byte {
	memory := make([]byte, tableHeader)
	le := binary.LittleEndian
	le.PutUint32(memory, wireMagic)
	le.PutUint32(memory[4:], wireVersion)
	le.PutUint32(memory[16:], t.flags)
	for k := range kinds {
		memory[20+int(k)] = byte(t.modes[k])
		if t.stops[k] {
			memory[28+int(k)] = 1
		}
	}
	for i, pid := range t.protected[:min(len(t.protected), protectedMax)] {
		le.PutUint32(memory[36+4*i:], uint32(pid))
	}
	if t.resolver.Addr().Is4() {
		addr := t.resolver.Addr().As4()
		copy(memory[52:], addr[:])
		binary.BigEndian.PutUint16(memory[56:], t.resolver.Port())
	}
	binary.BigEndian.PutUint16(memory[58:], t.apiPort)
	if t.upstream.Addr().Is4() {
		addr := t.upstream.Addr().As4()
		copy(memory[60:], addr[:])
		binary.BigEndian.PutUint16(memory[64:], t.upstream.Port())
	}
	return memory
}

// builder appends lists to a table in the order of their struct ad_list.
type builder struct {
	memory []byte
	lists  int // how many were begun
	paths  int // where the first path's element is
}

// list begins the next list: count elements of size bytes at the end of the memory. Elements of paths are reserved, and
// written by strings.
func (b *builder) list(count, size int) {
	at := tableLists + 8*b.lists
	binary.LittleEndian.PutUint32(b.memory[at:], uint32(len(b.memory)))
	binary.LittleEndian.PutUint32(b.memory[at+4:], uint32(count))
	if size == pathSize {
		if b.paths == 0 {
			b.paths = len(b.memory)
		}
		b.memory = append(b.memory, make([]byte, count*size)...)
	}
	b.lists++
}

func (b *builder) network(n netip.Prefix) {
	addr, bits := n.Addr().As16(), n.Bits()
	if n.Addr().Is4() {
		bits += 96
	}
	b.memory = append(b.memory, addr[:]...)
	b.memory = append(b.memory, byte(bits), 0, 0, 0)
}

// strings fills in the elements of the lists of paths, which follow each other, and appends what they point to.
func (b *builder) strings(lists [][]string) {
	at := b.paths
	for _, list := range lists {
		for _, path := range list {
			binary.LittleEndian.PutUint32(b.memory[at:], uint32(len(b.memory)))
			binary.LittleEndian.PutUint32(b.memory[at+4:], uint32(len(path)))
			b.memory = append(b.memory, path...)
			at += pathSize
		}
	}
}

// sortedPaths returns paths in order of their bytes, without those that are below another one.
func sortedPaths(paths []string) []string {
	present := make(map[string]bool, len(paths))
	for _, path := range paths {
		present[strings.TrimRight(path, "/")] = true
	}
	kept := make([]string, 0, len(present))
	for path := range present {
		if !insideAny(path, present) {
			kept = append(kept, path)
		}
	}
	slices.Sort(kept)
	return kept
}

// insideAny reports whether a directory that path is in, at any depth, is among directories. The root is "".
func insideAny(path string, directories map[string]bool) bool {
	for {
		slash := strings.LastIndexByte(path, '/')
		if slash < 0 {
			return false
		}
		if path = path[:slash]; directories[path] {
			return true
		}
	}
}

func sortedNets(nets []netip.Prefix) []netip.Prefix {
	sorted := slices.Clone(nets)
	slices.SortFunc(sorted, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	return sorted
}

func sortedPorts(ports []portRange) []portRange {
	sorted := slices.Clone(ports)
	slices.SortFunc(sorted, func(a, b portRange) int { return int(a.first) - int(b.first) })
	return sorted
}
