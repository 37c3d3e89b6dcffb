package preload

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/autodefend/autodefend/internal/policy"
)

// yard is a directory that everybody can write, as /tmp is, with programs of every kind in it.
func yard(t *testing.T) string {
	t.Helper()
	directory := t.TempDir()
	for d := directory; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	content := func(name string) []byte {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	program := content("/bin/true")
	foreign := slices.Clone(program)
	foreign[18] = machineARM64 + machineAMD64 - byte(ourMachine()) // the other of the two
	write := func(name string, raw []byte, mode os.FileMode) {
		path := filepath.Join(directory, name)
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	write("dynamic", program, 0o755)
	write("plain", program, 0o644)
	write("setuid", program, 0o755|os.ModeSetuid)
	write("foreign", foreign, 0o755)
	write("short", []byte("\x7fELF"), 0o755)
	write("text", []byte("echo hello\n"), 0o755)
	write("script", []byte("#!/bin/sh -e\necho\n"), 0o755)
	write("nested", []byte("#!"+directory+"/script\n"), 0o755)
	write("loop", []byte("#!"+directory+"/loop\n"), 0o755)
	write("orphan", []byte("#!/nowhere/sh\n"), 0o755)
	if busybox, err := exec.LookPath("busybox"); err == nil {
		write("static", content(busybox), 0o755)
	}
	for link, target := range map[string]string{"link": "dynamic", "chain": "link", "circle": "circle"} {
		if err := os.Symlink(target, filepath.Join(directory, link)); err != nil {
			t.Fatal(err)
		}
	}
	return directory
}

// loader is the dynamic loader of this machine's programs.
func loader(t *testing.T) string {
	t.Helper()
	file, err := os.Open("/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	e, err := parseELF(file)
	if err != nil {
		t.Fatal(err)
	}
	path, err := filepath.EvalSymlinks(e.interpreter())
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func real(t *testing.T, path string) string {
	t.Helper()
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// TestExecFacts: what the policy is told of programs, whichever way they are named.
func TestExecFacts(t *testing.T) {
	client := compile(t, "client.c")
	dir := yard(t)
	ld, sh, truth := loader(t), real(t, "/bin/sh"), real(t, "/bin/true")
	c := &court{}
	tier := serve(t, c)
	given := func(path, target string) string {
		if path == target {
			return ""
		}
		return path
	}
	tests := []struct {
		path string
		args []string
		want []policy.Program
	}{
		{"/bin/true", []string{"true"}, []policy.Program{{Path: truth, Given: given("/bin/true", truth)}}},
		{"bin/true", []string{"true"}, []policy.Program{{Path: truth, Given: given("/usr/bin/true", truth)}}}, // from /usr
		{"/proc/self/root/usr/bin/true", nil, []policy.Program{{Path: truth, Given: "/proc/self/root/usr/bin/true"}}},
		{"/proc/self/cwd/bin/true", nil, []policy.Program{{Path: truth, Given: "/proc/self/cwd/bin/true"}}},
		{"/proc/self/exe", nil, []policy.Program{{Path: client, Given: "/proc/self/exe", Writable: true}}},
		{dir + "/dynamic", nil, []policy.Program{{Path: dir + "/dynamic", Writable: true}}},
		{dir + "/chain", nil, []policy.Program{{Path: dir + "/dynamic", Given: dir + "/chain", Writable: true}}},
		{dir + "/../" + filepath.Base(dir) + "/dynamic", nil, []policy.Program{{Path: dir + "/dynamic", Given: dir + "/../" + filepath.Base(dir) + "/dynamic", Writable: true}}},
		{dir + "/foreign", nil, []policy.Program{{Path: dir + "/foreign", Writable: true, Opaque: true}}},
		{dir + "/short", nil, []policy.Program{{Path: dir + "/short", Writable: true, Opaque: true}}},
		{dir + "/static", nil, []policy.Program{{Path: dir + "/static", Writable: true, Opaque: true}}},
		{dir + "/text", nil, []policy.Program{{Path: dir + "/text", Writable: true}}},
		{dir + "/script", []string{"script", "x"}, []policy.Program{{Path: dir + "/script", Interpreter: sh, Writable: true}}},
		{dir + "/nested", nil, []policy.Program{{Path: dir + "/nested", Interpreter: sh, Writable: true}}},
		{ld, []string{"ld", "--argv0", "x", "/bin/true"}, []policy.Program{{Path: ld}, {Path: truth, Args: []string{"/bin/true"}}}},
		{ld, []string{"ld", "--list", "/bin/true"}, []policy.Program{{Path: ld}}},
	}
	for _, tt := range tests {
		if filepath.Base(tt.path) == "static" && !exists(tt.path) {
			continue
		}
		c.take()
		if got := ask(t, client, tier, append([]string{"1", tt.path}, tt.args...)...); got != "0 0 0" {
			t.Errorf("%s: answer %q", tt.path, got)
		}
		var programs []policy.Program
		for _, e := range c.take() {
			programs = append(programs, e.Program)
		}
		if len(tt.want) > 0 {
			tt.want[0].Args = tt.args
		}
		for i := range programs {
			programs[i].Given = strings.TrimSuffix(programs[i].Given, "/.")
		}
		if diff := cmp.Diff(tt.want, programs); diff != "" {
			t.Errorf("%s %q (-want +got):\n%s", tt.path, tt.args, diff)
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// TestExecRefused: what the kernel won't start isn't judged and can't come to be in the meantime.
func TestExecRefused(t *testing.T) {
	client := compile(t, "client.c")
	dir := yard(t)
	c := &court{}
	tier := serve(t, c)
	tests := map[string]unix.Errno{
		"/nowhere/true": unix.ENOENT, "/bin/true/x": unix.ENOTDIR, dir + "/nothing": unix.ENOENT, dir + "/plain": unix.EACCES,
		dir: unix.EACCES, "/dev/null": unix.EACCES, dir + "/circle": unix.ELOOP, dir + "/loop": unix.ELOOP, dir + "/orphan": unix.ENOENT,
		"": unix.ENOENT, "/proc/self/fd/77": unix.ENOENT, "/proc/self/fd/0/x": unix.ENOTDIR,
	}
	for path, errno := range tests {
		if got, want := ask(t, client, tier, "1", path, "x"), fmt.Sprintf("1 %d 0", int(errno)); got != want {
			t.Errorf("%q: answer %q, want %q", path, got, want)
		}
	}
	if events := c.take(); len(events) != 0 {
		t.Errorf("judged %+v", events)
	}
}

// TestExecDescriptor: programs named by a descriptor of the asker, and programs without a file.
func TestExecDescriptor(t *testing.T) {
	client := compile(t, "client.c")
	dir := yard(t)
	c := &court{}
	tier := serve(t, c)
	memory, err := unix.MemfdCreate("payload", 0)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile("/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	anonymous := os.NewFile(uintptr(memory), "memfd")
	defer func() { _ = anonymous.Close() }()
	if _, err := anonymous.Write(raw); err != nil {
		t.Fatal(err)
	}
	open := func(path string) *os.File {
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = file.Close() })
		return file
	}
	removed := open(dir + "/dynamic")
	if err := os.Remove(dir + "/dynamic"); err != nil {
		t.Fatal(err)
	}
	files := []*os.File{anonymous, removed, open(dir), open("/bin/true")} // descriptors 3 to 6
	tests := []struct {
		args []string
		want policy.Program
	}{
		{[]string{"at", "3", "4096", ""}, policy.Program{Path: "memfd:payload", Fileless: true}},
		{[]string{"1", "/proc/self/fd/3"}, policy.Program{Path: "memfd:payload", Fileless: true}},
		{[]string{"1", "/dev/fd/3"}, policy.Program{Path: "memfd:payload", Fileless: true}},
		{[]string{"1", "/proc/thread-self/fd/3"}, policy.Program{Path: "memfd:payload", Fileless: true}},
		{[]string{"at", "4", "4096", ""}, policy.Program{Path: dir + "/dynamic", Fileless: true}},
		{[]string{"at", "5", "0", "foreign"}, policy.Program{Path: dir + "/foreign", Writable: true, Opaque: true}},
		{[]string{"1", "/proc/self/fd/5/foreign"}, policy.Program{Path: dir + "/foreign", Writable: true, Opaque: true}},
		{[]string{"at", "6", "4096", ""}, policy.Program{Path: real(t, "/bin/true")}},
	}
	for _, tt := range tests {
		c.take()
		cmd := exec.Command(client, append([]string{tier.socket}, tt.args...)...)
		cmd.ExtraFiles = files
		if out, err := cmd.Output(); err != nil || string(out) != "0 0 0\n" {
			t.Errorf("%q: %s, %v", tt.args, out, err)
		}
		events := c.take()
		if len(events) != 1 {
			t.Errorf("%q: judged %d times", tt.args, len(events))
			continue
		}
		got := events[0].Program
		got.Args, got.Given = nil, ""
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.args, diff)
		}
	}
}

func TestParseScript(t *testing.T) {
	tests := map[string]*script{
		"":                       nil,
		"#":                      nil,
		"#!":                     nil,
		"#! \n/bin/sh":           nil,
		"#!/bin/sh":              {interpreter: "/bin/sh"},
		"#! /bin/sh \t-e  x \n":  {interpreter: "/bin/sh", argument: "-e  x"},
		"#!/usr/bin/env\tnode\n": {interpreter: "/usr/bin/env", argument: "node"},
		"#!/bin/sh\x00-e\n":      {interpreter: "/bin/sh"},
	}
	for head, want := range tests {
		if diff := cmp.Diff(want, parseScript([]byte(head)), cmp.AllowUnexported(script{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", head, diff)
		}
	}
}

func TestLoaderProgram(t *testing.T) {
	tests := []struct{ in, want string }{
		{"ld --audit /x.so /bin/id -u", "audited /bin/id -u"},
		{"ld --audit=/x.so /bin/id", "audited /bin/id"},
		{"ld --list --audit /x.so /bin/id", "audited "},
		{"ld /bin/id --audit", "/bin/id --audit"},
		{"ld", ""},
		{"ld /bin/id -u", "/bin/id -u"},
		{"ld --library-path /x:/y --inhibit-cache /bin/id", "/bin/id"},
		{"ld --preload=/x.so /bin/id", "/bin/id"},
		{"ld --argv0 ls /bin/id", "/bin/id"},
		{"ld -- /bin/id", "/bin/id"},
		{"ld --verify /bin/id", ""},
		{"ld --argv0", ""},
	}
	for _, tt := range tests {
		args, audited := loaderProgram(strings.Fields(tt.in))
		got := strings.Join(args, " ")
		if audited {
			got = "audited " + got
		}
		if got != tt.want {
			t.Errorf("%q: %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestCanWrite(t *testing.T) {
	dir := yard(t)
	nobody := user{id: 65534, group: 65534}
	if err := os.Mkdir(dir+"/own", 0o755); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if err := os.Chown(dir+"/own", 65534, 65534); err != nil {
			t.Fatal(err)
		}
		if !nobody.canWrite("", dir+"/own/program") {
			t.Error("the owner of a directory can't write it")
		}
	}
	tests := []struct {
		who  user
		path string
		want bool
	}{
		{user{}, "/tmp/x/y/program", true},
		{nobody, "/tmp/program", true},
		{user{}, "/usr/bin/program", false},
		{nobody, "/usr/bin/program", false},
		{nobody, "/proc/1/exe", false},
	}
	for _, tt := range tests {
		if got := tt.who.canWrite("", tt.path); got != tt.want {
			t.Errorf("user %d, %s: %v", tt.who.id, tt.path, got)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("1 (a) b) (c) S 12 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 1 2\n"))
	f.Add([]byte("1 ()"))
	f.Fuzz(func(t *testing.T, line []byte) {
		if s, err := parseStat(line); err == nil && s.parent < 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestParseStat(t *testing.T) {
	got, err := parseStat([]byte("7 (a) S 1 (b) S 12 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 1 2\n"))
	if want := (stat{parent: 12, started: 4242}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	own, err := readStat(os.Getpid())
	if err != nil || own.parent != os.Getppid() || own.started == 0 {
		t.Errorf("%+v, %v", own, err)
	}
}

func FuzzELF(f *testing.F) {
	raw, err := os.ReadFile("/bin/true")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw[:min(len(raw), 8192)])
	f.Add([]byte("\x7fELF\x02\x01"))
	f.Fuzz(func(_ *testing.T, raw []byte) {
		e, err := parseELF(strings.NewReader(string(raw)))
		if err != nil {
			return
		}
		_ = e.interpreter()
		_ = e.needs("libc.so.6")
		_ = e.isGo()
	})
}

func TestELF(t *testing.T) {
	file, err := os.Open("/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	e, err := parseELF(file)
	if err != nil {
		t.Fatal(err)
	}
	if e.machine != ourMachine() || e.interpreter() == "" || !e.needs("libc.so") || e.needs("libnothing") {
		t.Errorf("machine %d, interpreter %q, needs libc %v", e.machine, e.interpreter(), e.needs("libc.so"))
	}
}
