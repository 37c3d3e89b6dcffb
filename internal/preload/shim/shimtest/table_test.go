package shimtest

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
)

// tableDriver is testdata/table.c running, the shim's lookups under the sanitizers.
type tableDriver struct {
	in     io.WriteCloser
	out    *bufio.Reader
	errors *bytes.Buffer
}

func newTableDriver(t testing.TB) *tableDriver {
	t.Helper()
	cmd := exec.Command(withShimSources(t, "table", []string{"table", "text"}, "-fsanitize=address,undefined", "-fno-sanitize-recover=all"))
	d := &tableDriver{errors: &bytes.Buffer{}}
	cmd.Stderr = d.errors
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	d.in, d.out = in, bufio.NewReader(out)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	return d
}

// ask returns the driver's line: open, connect, listed, denied below, then the modes.
func (d *tableDriver) ask(t testing.TB, table []byte, access byte, path string, addr netip.Addr, port uint16) string {
	t.Helper()
	le := binary.LittleEndian
	record := append(le.AppendUint32(nil, uint32(len(table))), table...)
	record = append(record, access)
	record = append(le.AppendUint16(record, uint16(len(path))), path...)
	bytes16 := addr.As16()
	record = le.AppendUint16(append(record, bytes16[:]...), port)
	if _, err := d.in.Write(record); err != nil {
		t.Fatalf("the lookups ended: %v\n%s", err, d.errors)
	}
	line, err := d.out.ReadString('\n')
	if err != nil {
		t.Fatalf("the lookups ended: %v\n%s", err, d.errors)
	}
	return strings.TrimSuffix(line, "\n")
}

func TestTable(t *testing.T) {
	d := newTableDriver(t)
	table := encodeTable(rules{
		modes:    map[int]byte{kindOpen: modeList, kindConnect: modeAsk},
		denyRead: []string{"/etc/secret", "/data"}, denyWrite: []string{"/srv/a"}, allowRead: []string{"/etc", "/data", "/srv"},
		denyNets: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/25"), netip.MustParsePrefix("2001:db8::/33")}, denyPorts: [][2]uint16{{25, 26}},
	})
	any4, any6 := netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("2001:db9::1")
	tests := []struct {
		name   string
		access byte
		path   string
		addr   netip.Addr
		port   uint16
		want   string // open, connect, listed, denied below
	}{
		{"allowed", accessRead, "/etc/hosts", any4, 80, "0010"},
		{"denied file", accessRead, "/etc/secret", any4, 80, "1010"},
		{"below a denied file", accessRead, "/etc/secret/x", any4, 80, "1010"},
		{"a longer name", accessRead, "/etc/secrets", any4, 80, "0010"},
		{"denied directory", accessRead, "/data/x", any4, 80, "1010"},
		{"outside the allow list", accessRead, "/home/x", any4, 80, "1010"},
		{"write elsewhere", accessWrite, "/etc/secret", any4, 80, "0010"},
		{"write denied", accessWrite, "/srv/a/b", any4, 80, "1010"},
		{"both", accessRead | accessWrite, "/srv/a/b", any4, 80, "1010"},
		{"above a denied path", accessWrite, "/srv", any4, 80, "0011"},
		{"above two", accessRead, "/etc", any4, 80, "0011"},
		{"denied net", accessRead, "/etc/hosts", netip.MustParseAddr("192.0.2.127"), 80, "0110"},
		{"next to it", accessRead, "/etc/hosts", netip.MustParseAddr("192.0.2.128"), 80, "0010"},
		{"denied net, IPv6", accessRead, "/etc/hosts", netip.MustParseAddr("2001:db8:7fff::1"), 80, "0110"},
		{"next to it, IPv6", accessRead, "/etc/hosts", netip.MustParseAddr("2001:db8:8000::1"), 80, "0010"},
		{"denied port", accessRead, "/etc/hosts", any6, 26, "0110"},
		{"denied port on loopback", accessRead, "/etc/hosts", netip.MustParseAddr("127.0.0.1"), 25, "0110"},
	}
	for _, test := range tests {
		if got := d.ask(t, table, test.access, test.path, test.addr, test.port); got[:4] != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got[:4], test.want)
		}
	}
	if got := d.ask(t, table, 0, "/", any4, 1); got[4:] != "0020010" {
		t.Errorf("modes: got %s", got[4:])
	}
}

// TestTableIsNotTrusted: whatever the bytes, nothing outside the table is read.
func TestTableIsNotTrusted(t *testing.T) {
	d := newTableDriver(t)
	valid := encodeTable(rules{denyRead: []string{"/etc/secret"}, denyNets: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, denyPorts: [][2]uint16{{1, 2}}})
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		table := bytes.Clone(valid)
		for range 1 + random.IntN(8) {
			at := random.IntN(len(table)-4) &^ 3
			value := []uint32{0, 1, uint32(len(table)), uint32(len(table)) - 1, 1<<31 - 1, 1<<32 - 1, random.Uint32(), uint32(random.IntN(200))}[random.IntN(8)]
			binary.LittleEndian.PutUint32(table[at:], value)
		}
		d.ask(t, table, byte(random.IntN(4)), "/etc/secret/x"[:random.IntN(14)], netip.MustParseAddr("10.1.2.3"), uint16(random.IntN(4)))
	}
}

func FuzzTable(f *testing.F) {
	f.Add(encodeTable(rules{denyRead: []string{"/etc/secret"}, denyWrite: []string{"", "/x"}, allowRead: []string{"/"}}), byte(3), "/etc/secret")
	f.Add(encodeTable(rules{denyNets: []netip.Prefix{netip.MustParsePrefix("::/0")}, denyPorts: [][2]uint16{{0, 65535}}}), byte(1), "")
	d := newTableDriver(f)
	f.Fuzz(func(t *testing.T, table []byte, access byte, path string) {
		if len(table) < 132 || len(path) > 4096 || strings.Contains(path, "\x00") {
			return
		}
		d.ask(t, table, access, path, netip.MustParseAddr("10.1.2.3"), 53)
	})
}
