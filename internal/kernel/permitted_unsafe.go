package kernel

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"unsafe"

	"github.com/autodefend/autodefend/internal/bpf"
	"golang.org/x/sys/unix"
)

// Permitted finds out, in some microseconds and by trying, whether this sandbox lets the tier work at all: install a
// filter with a listener, take descriptors of others, read and write their memory, trace them. The error says what is
// refused. Probe finds out more.
func Permitted() error {
	if err := tryFilter(); err != nil {
		return err
	}
	return errors.Join(tryDescriptor(), tryMemory(), tryTrace())
}

// tryFilter installs a filter that allows everything on a thread that ends with it.
func tryFilter() error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked
		if errno := prepare(); errno != 0 {
			result <- fmt.Errorf("give up new privileges: %w", errno)
			return
		}
		arch, err := bpf.ArchOf(runtime.GOARCH)
		if err != nil {
			result <- err
			return
		}
		program, err := bpf.Filter{Name: "nothing"}.Assemble(arch)
		if err != nil {
			result <- err
			return
		}
		fd, errno := install(program)
		if errno != 0 {
			result <- fmt.Errorf("install filter with a listener: %w", errno)
			return
		}
		// The thread's calls are all allowed, so nobody has to answer any.
		result <- errorOf(errnoOf(unix.Close(fd)))
	}()
	return <-result
}

// tryDescriptor takes a descriptor of this process itself.
func tryDescriptor() error {
	pidfd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return fmt.Errorf("open process: %w", err)
	}
	defer unix.Close(pidfd) //nolint:errcheck // only tried
	fd, err := unix.PidfdGetfd(pidfd, pidfd, 0)
	if err != nil {
		return fmt.Errorf("take descriptor: %w", err)
	}
	return unix.Close(fd)
}

// tryMemory reads and writes this process's own memory.
func tryMemory() error {
	target, buf := new([8]byte), make([]byte, 8)
	address := uint64(uintptr(unsafe.Pointer(target)))
	if errno := readFull(os.Getpid(), address, buf); errno != 0 {
		return fmt.Errorf("read memory: %w", errno)
	}
	if errno := writeMemory(os.Getpid(), address, buf); errno != 0 {
		return fmt.Errorf("write memory: %w", errno)
	}
	runtime.KeepAlive(target)
	return nil
}

// tryTrace traces nobody: only the refusal of the call itself is of interest, and Yama's rules that exclude even parents.
func tryTrace() error {
	const nobody = 1 << 30
	if errno := seize(nobody); errno != unix.ESRCH {
		return fmt.Errorf("trace: %w", errno)
	}
	scope, err := strconv.Atoi(strings.TrimSpace(string(readSome("/proc/sys/kernel/yama/ptrace_scope", 16))))
	if err == nil && scope > 1 && !newPrivilege().any() {
		return fmt.Errorf("trace: Yama's ptrace_scope is %d", scope)
	}
	return nil
}
