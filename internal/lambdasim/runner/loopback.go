//go:build linux

package runner

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// raiseLoopback brings up the loopback interface of a new network.
func raiseLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("raise loopback interface: %w", err)
	}
	defer shut(os.NewFile(uintptr(fd), "socket"))
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("raise loopback interface: %w", err)
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request); err != nil {
		return fmt.Errorf("raise loopback interface: %w", err)
	}
	return nil
}
