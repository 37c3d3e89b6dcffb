package wrapper

import (
	"errors"
	"os"
	"syscall"
	"testing"
)

// TestTestament: what a supervisor said is there after its end, descriptors included.
func TestTestament(t *testing.T) {
	mine, theirs, err := controlPair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(mine) })
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{theirs.Mode(true), theirs.Starting(), theirs.Runtime(42), theirs.Hand("listener", int(file.Fd())), theirs.Done()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	_ = syscall.Close(theirs.fd)
	left := readTestament(mine)
	if left.mode != "closed" || !left.started || left.runtime != 42 || !left.done {
		t.Errorf("got %+v", left)
	}
	var handed, given syscall.Stat_t
	if err := syscall.Fstat(left.handed["listener"], &handed); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Fstat(int(file.Fd()), &given); err != nil || handed.Ino != given.Ino {
		t.Errorf("another file was handed over: %v", err)
	}
	_ = syscall.Close(left.handed["listener"])
}

// TestTestamentOfNothing: a supervisor that died at once left nothing, and that is no error.
func TestTestamentOfNothing(t *testing.T) {
	mine, theirs, err := controlPair()
	if err != nil {
		t.Fatal(err)
	}
	_ = syscall.Close(theirs.fd)
	if left := readTestament(mine); left.mode != "" || left.started || left.runtime != 0 || left.done || len(left.handed) != 0 {
		t.Errorf("got %+v", left)
	}
	_ = syscall.Close(mine)
	if err := (&Control{fd: -1}).Done(); err == nil {
		t.Error("nobody was told")
	}
}

// FuzzTestament reads messages that no supervisor wrote.
func FuzzTestament(f *testing.F) {
	for _, text := range []string{"", "runtime", "runtime x", "hand ", "mode", "done 1", "start start"} {
		f.Add(text)
	}
	f.Fuzz(func(_ *testing.T, text string) {
		left := testament{handed: map[string]int{}}
		left.note(text, -1)
	})
}

func TestListen(t *testing.T) {
	s, err := Listen()
	if err != nil {
		t.Fatal(err)
	}
	if !s.APIAddress().Addr().IsLoopback() || s.ResolverAddress().Port() == 0 || addressOf(s.ResolverTCP) != s.ResolverAddress() {
		t.Errorf("got %v and %v", s.APIAddress(), s.ResolverAddress())
	}
	if NoSockets().APIAddress().IsValid() {
		t.Error("no socket has an address")
	}
	for _, fd := range s.List() {
		raised, err := raise(fd)
		if err != nil {
			t.Fatal(err)
		}
		if raised < highDescriptor {
			t.Errorf("descriptor %d", raised)
		}
		_ = syscall.Close(raised)
	}
}

// TestHandedSockets: the guardian finds each socket in its place, and none where there was none.
func TestHandedSockets(t *testing.T) {
	mine, theirs, err := controlPair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(mine) })
	s, err := Listen()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Hand(theirs); err != nil {
		t.Fatal(err)
	}
	handed := readTestament(mine).handed
	for _, fd := range s.List() {
		_ = syscall.Close(fd)
	}
	got := HandedSockets(handed)
	if !got.APIAddress().IsValid() || got.APIAddress() == got.ResolverAddress() || addressOf(got.ResolverTCP) != got.ResolverAddress() {
		t.Errorf("got %v and %v", got.APIAddress(), got.ResolverAddress())
	}
	for _, fd := range got.List() {
		_ = syscall.Close(fd)
	}
	if err := NoSockets().Hand(theirs); err != nil {
		t.Error(err)
	}
	if got := HandedSockets(readTestament(mine).handed); got != NoSockets() {
		t.Errorf("got %+v", got)
	}
}

// TestStartable compares with the kernel's own errors.
func TestStartable(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string, mode os.FileMode) string {
		path := dir + "/" + name
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	loop := dir + "/loop"
	paths := []string{
		"/bin/sh", "/does/not/exist", "/usr", write("data", "data", 0o644), write("bare", "exit 0\n", 0o755), write("empty", "", 0o755),
		write("script", "#!/bin/sh\n", 0o755), write("spaces", "#!  /bin/sh  -e\n", 0o755), write("lost", "#!/no/such\n", 0o755),
		write("nothing", "#!\n", 0o755), write("loop", "#!"+loop+"\n", 0o755),
	}
	for _, path := range paths {
		want := syscall.Errno(0)
		if pid, err := syscall.ForkExec(path, []string{path}, &syscall.ProcAttr{}); err != nil {
			want, _ = err.(syscall.Errno) //nolint:errorlint // ForkExec returns nothing else
		} else {
			var status syscall.WaitStatus
			_, _ = syscall.Wait4(pid, &status, 0, nil)
		}
		got := syscall.Errno(0)
		if err := startable(path); err != nil {
			var ok bool
			if got, ok = errnoIn(err); !ok {
				t.Errorf("%s: %v", path, err)
			}
		}
		if got != want {
			t.Errorf("%s: %v, the kernel says %v", path, got, want)
		}
	}
}

func errnoIn(err error) (syscall.Errno, bool) {
	var errno syscall.Errno
	ok := errors.As(err, &errno)
	return errno, ok
}
