package preload

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fullTable uses every field; testdata/table.txt is what a C program reads from it.
func fullTable() table {
	return table{
		flags:     flagFailClosed | flagNoIOURing | flagRedirectDNS | flagWritableLibs,
		modes:     [kinds]mode{modeOff, modeAsk, modeList, modeOff, modeAsk, modeList, modeAsk},
		stops:     [kinds]bool{kindExec: true, kindConnect: true, kindTamper: true},
		protected: []int{11, 12, 13, 14, 15},
		resolver:  netip.MustParseAddrPort("127.0.0.1:5353"),
		apiPort:   9001,
		upstream:  netip.MustParseAddrPort("169.254.100.1:9002"),
		denyRead:  []string{"/etc/shadow", "/var/task/secret/", "/etc", "/etcetera", "/var/task/secret/deeper"},
		denyWrite: []string{""},
		allowRead: []string{"/usr", "/opt"},
		denyNets:  []netip.Prefix{netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("10.0.0.0/8")},
		allowNets: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")},
		denyPorts: []portRange{{6000, 6010}, {25, 25}},
	}
}

func TestSortedPaths(t *testing.T) {
	tests := []struct{ in, want []string }{
		{nil, []string{}},
		{[]string{"/b", "/a", "/b"}, []string{"/a", "/b"}},
		{[]string{"/a/b", "/a-b", "/a"}, []string{"/a", "/a-b"}},
		{[]string{"/a", "/", "/b/c"}, []string{""}},
		{[]string{"/a/b/c/", "/a/b/cd"}, []string{"/a/b/c", "/a/b/cd"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, sortedPaths(tt.in)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.in, diff)
		}
	}
}

// TestTableTooLong: what doesn't fit is asked about.
func TestTableTooLong(t *testing.T) {
	long := fullTable()
	long.modes = [kinds]mode{kindConnect: modeList, kindOpen: modeList}
	for i := range 9000 {
		long.denyRead = append(long.denyRead, fmt.Sprintf("/some/long/directory/%d/and/a/file/in/it", i))
	}
	memory := long.encode(tableCapacity)
	if len(memory) != tableHeader {
		t.Errorf("%d bytes, want the header's %d", len(memory), tableHeader)
	}
	if memory[20+int(kindOpen)] != byte(modeAsk) || memory[20+int(kindConnect)] != byte(modeAsk) || memory[20+int(kindExec)] != byte(modeOff) {
		t.Errorf("modes % x", memory[20:27])
	}
	if got := binary.LittleEndian.Uint32(memory[8:]); int(got) != len(memory) {
		t.Errorf("size %d", got)
	}
}
