package wrapper

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// interpreterDepth is how many scripts may name each other as interpreters, as in the kernel.
const interpreterDepth = 4

// startable tells by an error that matches the kernel's whether path cannot be started: it is missing, not executable,
// has an interpreter that is, or is of no kind that the kernel knows.
func startable(path string) error {
	for range interpreterDepth {
		interpreter, err := interpreterOf(path)
		if err != nil || interpreter == "" {
			return err
		}
		path = interpreter
	}
	return syscall.ELOOP
}

// interpreterOf returns the program that the first line of a script names, or nothing for a binary.
func interpreterOf(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	const executeOK = 1
	if !info.Mode().IsRegular() {
		return "", syscall.EACCES
	}
	if err := syscall.Access(path, executeOK); err != nil {
		return "", err
	}
	file, err := os.Open(path)
	if err != nil {
		return "", nil //nolint:nilerr // executable but not readable: only the kernel can look inside
	}
	defer func() { _ = file.Close() }()
	head := make([]byte, 256)
	n, err := io.ReadFull(file, head)
	if n == 0 {
		return "", fmt.Errorf("%w: %w", syscall.ENOEXEC, err)
	}
	return interpreterIn(head[:n])
}

// interpreterIn reads the beginning of a file.
func interpreterIn(head []byte) (string, error) {
	if bytes.HasPrefix(head, []byte("\x7fELF")) {
		return "", nil
	}
	line, isScript := bytes.CutPrefix(head, []byte("#!"))
	if !isScript {
		return "", syscall.ENOEXEC
	}
	line, _, _ = bytes.Cut(line, []byte("\n"))
	words := strings.Fields(string(line))
	if len(words) == 0 {
		return "", syscall.ENOEXEC
	}
	return words[0], nil
}
