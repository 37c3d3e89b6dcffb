package watch

import (
	"errors"

	"golang.org/x/sys/unix"
)

var errGone = errors.New("the process is gone")

// gone reports whether a process has ended.
func gone(p *process) bool {
	raw, err := readBounded(procPath(p.pid, "stat"), 1024)
	if err != nil {
		return true
	}
	status, ok := parseStat(raw)
	return !ok || status.ended || status.began != p.status.began
}

// kill ends a process, and no other that has its number by now.
func kill(p *process) error {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if err == nil {
		defer func() { _ = unix.Close(fd) }()
	}
	if errors.Is(err, unix.ESRCH) || gone(p) {
		return errGone
	}
	if err == nil {
		err = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
	}
	if err != nil && !errors.Is(err, unix.ESRCH) {
		err = unix.Kill(p.pid, unix.SIGKILL) // an old kernel, or a sandbox without these calls
	}
	if errors.Is(err, unix.ESRCH) {
		return errGone
	}
	return err
}
