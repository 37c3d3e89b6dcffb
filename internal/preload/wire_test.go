package preload

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// compile builds a C program of testdata and returns its path.
func compile(t testing.TB, source string, flags ...string) string {
	t.Helper()
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("no C compiler here")
	}
	program := filepath.Join(t.TempDir(), "program")
	args := append([]string{"-O1", "-Wall", "-Werror", "-o", program, filepath.Join("testdata", source)}, flags...)
	if out, err := exec.Command(gcc, args...).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	return program
}

func TestLayout(t *testing.T) {
	layout := compile(t, "layout.c")
	t.Run("question", func(t *testing.T) {
		packet, err := exec.Command(layout, "question").Output()
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseQuestion(packet)
		if err != nil {
			t.Fatal(err)
		}
		want := question{
			kind: kindListen, access: accessRead | accessWrite, dirfd: -100, flags: 0x1234, number: 1, protocol: protocolUDP,
			address: netip.MustParseAddrPort("[2001:db8::7]:4444"), text: "/some/text", argv: []byte("one\x00two\x00"),
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(question{}, fileID{}), cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	run := func(t *testing.T, what string, content []byte) string {
		file := filepath.Join(t.TempDir(), "content")
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(layout, what, file).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	t.Run("answer", func(t *testing.T) {
		got := run(t, "answer", answer{verdict: exit, errno: syscall.ENOENT, table: 4096}.encode())
		if want := "1 magic 1 version 1 verdict 2 error 2 table 4096\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	t.Run("table", func(t *testing.T) {
		want, err := os.ReadFile("testdata/table.txt")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), run(t, "table", fullTable().encode(tableCapacity))); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// packet makes a question's packet.
func packet(kind, version byte, addr []byte, text, argv string) []byte {
	b := make([]byte, questionSize)
	b[0], b[1], b[2], b[3] = 0x41, 0x56, 0x41, 0x44
	b[4], b[6] = version, kind
	b[26] = byte(len(addr))
	b[28], b[29] = byte(len(text)), byte(len(text)>>8)
	b[30], b[31] = byte(len(argv)), byte(len(argv)>>8)
	copy(b[32:], addr)
	return append(append(b, text...), argv...)
}

func TestParseQuestionRefuses(t *testing.T) {
	good := packet(1, 1, nil, "/bin/true", "true\x00")
	if _, err := parseQuestion(good); err != nil {
		t.Fatal(err)
	}
	in := []byte{syscall.AF_INET, 0, 0, 53, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0}
	tests := map[string][]byte{
		"nothing":              {},
		"short":                good[:questionSize-1],
		"text cut":             good[:questionSize+3],
		"something follows":    append(bytes.Clone(good), 0),
		"another magic":        append([]byte{1}, good[1:]...),
		"another version":      packet(1, 2, nil, "", ""),
		"a kind too many":      packet(byte(kinds), 1, nil, "", ""),
		"NUL in text":          packet(1, 1, nil, "/bin\x00/true", ""),
		"text too long":        packet(1, 1, nil, string(bytes.Repeat([]byte("a"), textMax+1)), ""),
		"arguments too long":   packet(1, 1, nil, "", string(bytes.Repeat([]byte("a"), argvMax+1))),
		"longest and one more": packet(1, 1, nil, string(bytes.Repeat([]byte("a"), textMax)), string(bytes.Repeat([]byte("a"), argvMax+1))),
		"short address":        packet(2, 1, in[:8], "", ""),
		"unix address":         packet(2, 1, append([]byte{syscall.AF_UNIX, 0}, in[2:]...), "", ""),
		"IPv6 in 16 bytes":     packet(2, 1, append([]byte{syscall.AF_INET6, 0}, in[2:]...), "", ""),
	}
	for name, raw := range tests {
		if q, err := parseQuestion(raw); !errors.Is(err, errQuestion) {
			t.Errorf("%s: %+v, %v", name, q, err)
		}
	}
}

func TestParseAddress(t *testing.T) {
	mapped := append([]byte{syscall.AF_INET6, 0, 0x1f, 0x90, 0, 0, 0, 0}, netip.MustParseAddr("::ffff:10.0.0.1").AsSlice()...)
	q, err := parseQuestion(packet(2, 1, mapped, "", ""))
	if want := netip.MustParseAddrPort("10.0.0.1:8080"); err != nil || q.address != want {
		t.Errorf("got %v, %v, want %v", q.address, err, want)
	}
}

func TestArgs(t *testing.T) {
	tests := map[string][]string{"": nil, "a\x00": {"a"}, "a\x00b": {"a", "b"}, "\x00\x00": {"", ""}, "a\x00\x00b\x00": {"a", "", "b"}}
	for argv, want := range tests {
		if diff := cmp.Diff(want, question{argv: []byte(argv)}.args()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", argv, diff)
		}
	}
}

func FuzzParseQuestion(f *testing.F) {
	f.Add(packet(1, 1, nil, "/bin/true", "true\x00x"))
	f.Add(packet(2, 1, make([]byte, 28), "", ""))
	f.Add(packet(6, 1, nil, "reads the Defender's memory", ""))
	f.Fuzz(func(t *testing.T, raw []byte) {
		q, err := parseQuestion(raw)
		if err != nil {
			return
		}
		if q.kind >= kinds || len(q.text) > textMax || len(q.args()) > argvMax || bytes.IndexByte([]byte(q.text), 0) >= 0 {
			t.Errorf("%+v", q)
		}
	})
}
