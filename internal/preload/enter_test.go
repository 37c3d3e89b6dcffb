package preload

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autodefend/autodefend/internal/policy"
)

// TestOpaque: programs that the shim isn't in, or in vain, are told from those that it holds.
func TestOpaque(t *testing.T) {
	dir := yard(t)
	client := compile(t, "client.c")
	c := &court{}
	tier := serve(t, c)
	copied := filepath.Join(dir, "ld-linux-x86-64.so.2")
	raw, err := os.ReadFile(loader(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		program string
		want    bool
	}{
		"dynamic":               {compile(t, "enter.c"), false},
		"static":                {compile(t, "enter.c", "-static"), true},
		"without a loader":      {compile(t, "enter.c", "-static-pie"), true},
		"Go by note":            {compile(t, "enter.c", "-DGO"), true},
		"Go by section":         {compile(t, "enter.c", "-DGO_SECTION"), true},
		"auditor":               {compile(t, "enter.c", "-Wl,--audit=/tmp/audit.so"), true},
		"auditor, depending":    {compile(t, "enter.c", "-Wl,--depaudit=/tmp/audit.so"), true},
		"own loader":            {compile(t, "enter.c", "-Wl,--dynamic-linker=/bin/true"), true},
		"own loader by name":    {compile(t, "enter.c", "-Wl,--dynamic-linker="+copied), true},
		"loader through parent": {compile(t, "enter.c", "-Wl,--dynamic-linker=/usr/lib/../.."+copied), true},
		"relative loader":       {compile(t, "enter.c", "-Wl,--dynamic-linker=ld-linux-x86-64.so.2"), true},
		"loader that isn't":     {compile(t, "enter.c", "-Wl,--dynamic-linker=/usr/lib/ld-nowhere.so"), true},
		"this test":             {real(t, "/proc/self/exe"), true},
	}
	for name, tt := range tests {
		c.take()
		if got := ask(t, client, tier, "1", tt.program); got != "0 0 0" {
			t.Errorf("%s: answer %q", name, got)
		}
		if events := c.take(); len(events) != 1 || events[0].Kind != policy.Exec || events[0].Program.Opaque != tt.want {
			t.Errorf("%s: judged as %+v, want opaque %v", name, events, tt.want)
		}
		if enters, err := tier.CanEnter(tt.program); err != nil || enters == tt.want {
			t.Errorf("%s: can be entered: %v, %v", name, enters, err)
		}
	}
}

// TestLoads: a loader that the function's user can exchange is none.
func TestLoads(t *testing.T) {
	dir := yard(t)
	v := viewOf(os.Getpid())
	var st unix.Stat_t
	ld := loader(t)
	if err := unix.Stat(ld, &st); err != nil {
		t.Fatal(err)
	}
	nobody := user{id: 65534, group: 65534}
	if !v.loads(nobody, ld) {
		t.Errorf("%s doesn't load for %+v", ld, nobody)
	}
	if st.Uid == 0 && v.loads(nobody, dir+"/"+filepath.Base(ld)) {
		t.Error("a loader that isn't there loads")
	}
	if os.Getuid() != 0 && v.loads(user{id: st.Uid}, ld) {
		t.Error("a loader that the user owns loads")
	}
}

func FuzzHasNote(f *testing.F) {
	f.Add([]byte("\x04\x00\x00\x00\x04\x00\x00\x00\x04\x00\x00\x00Go\x00\x00abcd"))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\x04\x00\x00\x00Go"))
	f.Fuzz(func(t *testing.T, notes []byte) {
		if hasNote(notes, "Go\x00\x00") && len(notes) < 16 {
			t.Errorf("%q has a note", notes)
		}
	})
}
