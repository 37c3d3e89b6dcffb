package kernel

import (
	_ "embed"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

//go:embed testdata/race.c
var raceSource string

func tries(n int) string {
	if testing.Short() {
		n /= 5
	}
	return strconv.Itoa(n)
}

func TestExecRaces(t *testing.T) {
	race := compile(t, raceSource)
	id, ok := real(t, "/usr/bin/id"), real(t, "/bin/true")
	for _, mode := range []string{"exec-thread", "exec-peer", "exec-shared", "exec-link"} {
		t.Run(mode, func(t *testing.T) {
			link := filepath.Join(openDir(t), "link")
			if err := os.Symlink(ok, link); err != nil {
				t.Fatal(err)
			}
			out, r := output(t, Config{Sections: sections(autodefend.Prevent)}, denyPath(id), race, mode, tries(300), ok, id, link)
			if strings.Contains(out, "through") || !strings.Contains(out, "done") {
				t.Errorf("%d of %s tries: the denied program ran\n%.300s", strings.Count(out, "through"), tries(300), out)
			}
			if !r.judge.saw(func(e policy.Event) bool { return e.Program.Path == id }) {
				t.Error("the denied program was never seen: nothing was tried")
			}
		})
	}
}

func TestOpenRaces(t *testing.T) {
	race := compile(t, raceSource)
	for _, mode := range []string{"open", "open-link"} {
		t.Run(mode, func(t *testing.T) {
			s, deny, dir, secret := secretPolicy(t, autodefend.Prevent)
			link := filepath.Join(dir, "link")
			out, r := output(t, Config{Sections: s}, deny, race, mode, tries(3000), filepath.Join(dir, "public"), filepath.Join(secret, "key"), link)
			if strings.Contains(out, "through") || !strings.Contains(out, "done") {
				t.Errorf("the secret was read %d times\n%.300s", strings.Count(out, "through"), out)
			}
			if !r.judge.saw(func(e policy.Event) bool { return below(e.File, secret) }) {
				t.Error("the secret was never tried")
			}
		})
	}
	for _, mode := range []string{"truncate", "unlink", "create"} {
		t.Run(mode, func(t *testing.T) {
			s, deny, dir, secret := secretPolicy(t, autodefend.Prevent)
			out, _ := output(t, Config{Sections: s}, deny, race, mode, tries(2000), filepath.Join(dir, "public"), filepath.Join(secret, "key"))
			contains(t, out, "done")
			content, err := os.ReadFile(filepath.Join(secret, "key"))
			if string(content) != "hunter2\n" {
				t.Errorf("the secret is %q: %v", content, err)
			}
		})
	}
}

func TestAddressRaces(t *testing.T) {
	race := compile(t, raceSource)
	good, bad := greeter(t, "127.0.0.1:0", "good"), greeter(t, "127.0.0.2:0", "bad")
	deny := func(e policy.Event) bool {
		return e.Kind == policy.Connect && e.Address.Addr().String() == "127.0.0.2"
	}
	for _, mode := range []string{"connect", "sendto", "sendmsg", "sendmmsg"} {
		t.Run(mode, func(t *testing.T) {
			before := bad.packets.Load()
			out, r := output(t, Config{Sections: sections(autodefend.Prevent)}, deny, race, mode, tries(1000), "127.0.0.1", "127.0.0.2", good.port, bad.port)
			if strings.Contains(out, "through") || !strings.Contains(out, "done") || bad.packets.Load() != before {
				t.Errorf("%d connections, %d packets got through\n%.300s", strings.Count(out, "through"), bad.packets.Load()-before, out)
			}
			if !r.judge.saw(deny) {
				t.Error("the denied address was never tried")
			}
		})
	}
}

// greeting is a server that says a word to whoever connects, and counts packets.
type greeting struct {
	port    string
	packets atomic.Int64
}

func greeter(t *testing.T, address, word string) *greeting {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenPacket("udp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	g := &greeting{port: strconv.Itoa(l.Addr().(*net.TCPAddr).Port)}
	t.Cleanup(func() { l.Close(); udp.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte(word))
			conn.Close()
		}
	}()
	go func() {
		buf := make([]byte, 99)
		for {
			if _, _, err := udp.ReadFrom(buf); err != nil {
				return
			}
			g.packets.Add(1)
		}
	}()
	return g
}
