package wrapper

import (
	"bytes"
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
)

// TestSlowReader: a line is written whole to a pipe that is full and doesn't block, once its reader reads.
func TestSlowReader(t *testing.T) {
	var pipe [2]int
	if err := syscall.Pipe2(pipe[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	full := bytes.Repeat([]byte("x"), 1<<16)
	if n, err := syscall.Write(pipe[1], full); err != nil || n != len(full) {
		t.Fatalf("fill the pipe: %d, %v", n, err)
	}
	if n, err := writeTo(pipe[1], []byte("lost\n")); n != 0 || !errors.Is(err, syscall.EAGAIN) {
		t.Errorf("with a reader that never reads: %d, %v", n, err)
	}
	reader := os.NewFile(uintptr(pipe[0]), "pipe")
	got := make(chan []byte)
	go func() {
		all, _ := io.ReadAll(reader)
		got <- all
	}()
	line := append(bytes.Repeat([]byte("y"), 3<<16), '\n')
	if n, err := writeTo(pipe[1], line); err != nil || n != len(line) {
		t.Errorf("wrote %d of %d: %v", n, len(line), err)
	}
	_ = syscall.Close(pipe[1])
	if !bytes.Equal(<-got, append(full, line...)) {
		t.Error("something else was read")
	}
	_ = reader.Close()
}
