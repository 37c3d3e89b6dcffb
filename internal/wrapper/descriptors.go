package wrapper

import (
	"fmt"
	"syscall"
)

// highDescriptor is where the numbers of our own descriptors begin in a supervisor. Below it a function's own inherited
// descriptors, such as Lambda's log pipe, stay at their numbers.
const highDescriptor = 512

// raise moves fd to a high number and leaves it open across exec. Where the limit of descriptors is low, the number is
// the highest that leaves room for the others of ours.
func raise(fd int) (int, error) {
	const fcntlDupFD, room = 0, 16
	base := uint64(highDescriptor)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err == nil && limit.Cur < base+room && limit.Cur > room {
		base = limit.Cur - room
	}
	raised, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), fcntlDupFD, uintptr(base))
	if errno != 0 {
		return -1, fmt.Errorf("raise descriptor %d: %w", fd, errno)
	}
	_ = syscall.Close(fd)
	return int(raised), nil
}
