package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// TestLauncher speaks with the launcher as the supervisor does. Without another word it is the program's entry point, which
// knows nothing of Go.
func TestLauncher(t *testing.T) {
	tests := []struct {
		name, file string
		order      []byte // none: the supervisor is gone
		code       int
		stdout     string
		failure    syscall.Errno
	}{
		{"becomes the runtime", "/bin/echo", []byte("g"), 0, "hi there\n", 0},
		{"is told to stop", "/bin/echo", []byte("s"), 1, "", 0},
		{"is left alone", "/bin/echo", nil, 1, "", 0},
		{"nothing there", "/does/not/exist", []byte("g"), 127, "", syscall.ENOENT},
		{"no program", "/etc/passwd", []byte("g"), 126, "", syscall.EACCES},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ours, theirs := socketPair(t)
			if _, err := ours.Write(allowEverything()); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(defender, "launch", "3", tt.file, "--", "echo", "hi", "there")
			cmd.ExtraFiles = []*os.File{theirs}
			var stdout bytes.Buffer
			cmd.Stdout = &stdout
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			_ = theirs.Close()
			if number, ok := readNumber(ours); !ok || number == 0 {
				t.Errorf("said %d, %v instead of a descriptor or an error", number, ok)
			}
			if tt.order == nil {
				_ = ours.Close()
			} else if _, err := ours.Write(tt.order); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); cmd.ProcessState.ExitCode() != tt.code || stdout.String() != tt.stdout {
				t.Errorf("printed %q and ended with %v, want %q and exit code %d", stdout.String(), err, tt.stdout, tt.code)
			}
			if number, ok := readNumber(ours); ok != (tt.failure != 0) || number != -int(tt.failure) {
				t.Errorf("said %d, %v at the end", number, ok)
			}
		})
	}
}

// allowEverything is a seccomp program of one instruction.
func allowEverything() []byte {
	const ret, allow = 6, 0x7fff0000
	code := binary.NativeEndian.AppendUint16(nil, ret)
	return binary.NativeEndian.AppendUint32(append(code, 0, 0), allow)
}

func socketPair(t *testing.T) (*os.File, *os.File) {
	t.Helper()
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
	t.Cleanup(func() { _ = errors.Join(ours.Close(), theirs.Close()) })
	return ours, theirs
}

// readNumber reads four bytes; false at the end.
func readNumber(file *os.File) (int, bool) {
	var number [4]byte
	if n, err := file.Read(number[:]); err != nil || n != len(number) {
		return 0, false
	}
	return int(int32(binary.NativeEndian.Uint32(number[:]))), true
}
