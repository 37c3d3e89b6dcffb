package preload

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// peer is the process at the other end of a connection, as the kernel knows it.
type peer struct {
	pid int
	fd  int // a pidfd, or -1 before Linux 6.5
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
		if pidfd, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PEERPIDFD); err == nil {
			who.fd = pidfd
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

// gone reports whether the process has certainly ended, so that its number may belong to another one.
func (p peer) gone() bool {
	if p.fd < 0 {
		return false
	}
	fds := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0
}

func (p peer) close() {
	if p.fd >= 0 {
		_ = unix.Close(p.fd)
	}
}
