//go:build linux

package runner

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// dropPrivileges becomes the function's user and gives up every capability for
// good, but for the one that installs the profile's filter; the start of the
// program takes that one too.
func (p *process) dropPrivileges() error {
	if os.Geteuid() != 0 && !p.Namespaces {
		return nil // nobody special, and nothing to become
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("clear ambient capabilities: %w", err)
	}
	for c := range unix.CAP_LAST_CAP + 1 {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err != nil && c <= unix.CAP_AUDIT_READ {
			return fmt.Errorf("drop capability %d: %w", c, err)
		}
	}
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("keep capabilities: %w", err)
	}
	if err := p.becomeUser(); err != nil {
		return err
	}
	return holdCapabilities(1 << unix.CAP_SYS_ADMIN)
}

// becomeUser takes the user and group, on this thread.
func (p *process) becomeUser() error {
	if err := ignorable(setGroups()); err != nil {
		return fmt.Errorf("drop groups: %w", err)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, uintptr(p.GID), uintptr(p.GID), uintptr(p.GID)); errno != 0 {
		return fmt.Errorf("become group %d: %w", p.GID, errno)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(p.UID), uintptr(p.UID), uintptr(p.UID)); errno != 0 {
		return fmt.Errorf("become user %d: %w", p.UID, errno)
	}
	return nil
}

// setGroups drops the supplementary groups of this thread.
func setGroups() error {
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// holdCapabilities leaves this thread no capability beyond a set of the first
// 32, which are held as far as they are permitted.
func holdCapabilities(set uint32) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var have [2]unix.CapUserData
	if err := unix.Capget(&header, &have[0]); err != nil {
		return fmt.Errorf("read capabilities: %w", err)
	}
	set &= have[0].Permitted
	data := [2]unix.CapUserData{{Effective: set, Permitted: set}}
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("drop capabilities: %w", err)
	}
	return nil
}

// takeProfile installs the profile's filter on this thread.
func (p *process) takeProfile() error {
	if p.Profile != ProfileLambda {
		return nil
	}
	program, err := lambdaProgram()
	if err != nil {
		return fmt.Errorf("install profile: %w", err)
	}
	err = installFilter(program, 0)
	if errors.Is(err, unix.EACCES) {
		// Without a privilege the kernel wants this promise first.
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("promise no new privileges: %w", err)
		}
		err = installFilter(program, 0)
	}
	if err != nil {
		return fmt.Errorf("install profile: %w", err)
	}
	return nil
}
