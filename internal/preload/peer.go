package preload

import (
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// peer is the process at the other end of a connection, as the kernel knows it.
type peer struct {
	pid int
	fd  int // a pidfd, or -1 where there is none
}

// peerOf returns who made the connection.
func peerOf(conn *net.UnixConn) (peer, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return peer{}, fmt.Errorf("peer: %w", err)
	}
	who := peer{fd: -1}
	var credErr error
	err = raw.Control(func(fd uintptr) {
		var cred *unix.Ucred
		if cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); credErr != nil {
			return
		}
		who.pid = int(cred.Pid)
		who.fd, credErr = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PEERPIDFD)
		if credErr != nil && !errors.Is(credErr, unix.ESRCH) { // before Linux 6.5
			who.fd, credErr = pidfdOf(who.pid), nil
		}
	})
	if err := errors.Join(err, credErr); err != nil {
		return peer{}, fmt.Errorf("peer: %w", err)
	}
	if who.pid <= 0 { // of another pid namespace
		who.close()
		return peer{}, fmt.Errorf("peer: %w", unix.ESRCH)
	}
	return who, nil
}

// pidfdOf returns a pidfd, or -1. The process is there: it waits for its answer, or was ended this moment.
func pidfdOf(pid int) int {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return -1
	}
	return fd
}

// gone reports whether the process has certainly ended, so that its number may belong to another one.
func (p peer) gone() bool {
	if p.fd < 0 {
		return false
	}
	fds := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0
}

// ensureEnd ends the process if it doesn't end by itself: the code that should obey may have been changed. Without a
// pidfd that is left to the tier that watches, since the number alone could mean another process by then.
func (p peer) ensureEnd(within time.Duration) {
	if p.fd < 0 {
		return
	}
	fds := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}
	n, err := retry(func() (int, error) { return unix.Poll(fds, int(within.Milliseconds())) })
	if err == nil && n == 0 {
		_ = unix.PidfdSendSignal(p.fd, unix.SIGKILL, nil, 0)
	}
}

func (p peer) close() {
	if p.fd >= 0 {
		_ = unix.Close(p.fd)
	}
}
