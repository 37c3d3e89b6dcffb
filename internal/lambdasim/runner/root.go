//go:build linux

package runner

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// rootPlan is the file system of a sandbox, from the outside: what to show
// where. Everything else of this machine is hidden.
type rootPlan struct {
	// Mountpoint is an empty directory of this machine to build on.
	Mountpoint string
	Binds      []Bind
	// Links are symbolic links, path by path, and Files small files.
	Links, Files map[string]string
	// TmpMB is the size of /tmp in MiB, which belongs to UID and GID alone.
	TmpMB    int
	UID, GID int
	Hostname string
}

// Bind shows a file or directory of this machine in a sandbox.
type Bind struct {
	// Source is the absolute path on this machine, Target the one in the
	// sandbox; an empty Target is the same path.
	Source, Target string
	// Writable lets the sandbox write to it, as far as its user may.
	Writable bool
	// Device shows a device file, and keeps it usable.
	Device bool
}

// build makes the root directory and moves this process into it.
// Preconditions: the process is alone in its mount namespace.
func (p *rootPlan) build() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("tmpfs", p.Mountpoint, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "size=4m,mode=755"); err != nil {
		return fmt.Errorf("mount root: %w", err)
	}
	steps := []func() error{p.mountTmp, p.mountProc, p.bind, p.link, p.fill, p.enter}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	if err := unix.Sethostname([]byte(p.Hostname)); err != nil {
		return fmt.Errorf("set host name: %w", err)
	}
	return nil
}

// at returns where a path of the sandbox is while it is being built.
func (p *rootPlan) at(path string) string { return filepath.Join(p.Mountpoint, path) }

// bind shows what is shown of this machine.
func (p *rootPlan) bind() error {
	for _, b := range p.Binds {
		if err := p.bindOne(b); err != nil {
			return fmt.Errorf("show %s: %w", b.Target, err)
		}
	}
	return nil
}

func (p *rootPlan) bindOne(b Bind) error {
	target := p.at(b.Target)
	info, err := os.Stat(b.Source)
	if err != nil {
		return err
	}
	if err := makeTarget(target, info.IsDir()); err != nil {
		return err
	}
	if err := unix.Mount(b.Source, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return err
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_NOSUID}
	if !b.Writable && !b.Device {
		attr.Attr_set |= unix.MOUNT_ATTR_RDONLY
	}
	if !b.Device {
		attr.Attr_set |= unix.MOUNT_ATTR_NODEV
	}
	if err := unix.MountSetattr(-1, target, unix.AT_RECURSIVE, &attr); err != nil {
		return fmt.Errorf("protect: %w", err)
	}
	return nil
}

// makeTarget makes something to mount on, where there is nothing yet.
func makeTarget(target string, dir bool) error {
	if dir {
		return os.MkdirAll(target, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(target, os.O_CREATE|os.O_RDONLY, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}

// link makes the symbolic links.
func (p *rootPlan) link() error {
	for path, to := range p.Links {
		if err := os.MkdirAll(filepath.Dir(p.at(path)), 0o755); err != nil {
			return fmt.Errorf("link %s: %w", path, err)
		}
		if err := os.Symlink(to, p.at(path)); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("link %s: %w", path, err)
		}
	}
	return nil
}

// fill writes the small files.
func (p *rootPlan) fill() error {
	for path, content := range p.Files {
		if err := os.MkdirAll(filepath.Dir(p.at(path)), 0o755); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
		if err := os.WriteFile(p.at(path), []byte(content), 0o644); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
	}
	return nil
}

// mountTmp gives the sandbox the only place it can write to.
func (p *rootPlan) mountTmp() error {
	if err := os.MkdirAll(p.at("/tmp"), 0o755); err != nil {
		return fmt.Errorf("mount /tmp: %w", err)
	}
	options := fmt.Sprintf("size=%dm,mode=700,uid=%d,gid=%d", p.TmpMB, p.UID, p.GID)
	if err := unix.Mount("tmpfs", p.at("/tmp"), "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		return fmt.Errorf("mount /tmp: %w", err)
	}
	return nil
}

// mountProc shows the sandbox its own processes.
func (p *rootPlan) mountProc() error {
	if err := os.MkdirAll(p.at("/proc"), 0o755); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	if err := unix.Mount("proc", p.at("/proc"), "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return nil
}

// enter makes the new root the root, drops the old one and protects the new.
func (p *rootPlan) enter() error {
	if err := os.Chdir(p.Mountpoint); err != nil {
		return fmt.Errorf("enter root: %w", err)
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("enter root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leave old root: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return fmt.Errorf("enter root: %w", err)
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV}
	if err := unix.MountSetattr(-1, "/", 0, &attr); err != nil {
		return fmt.Errorf("protect root: %w", err)
	}
	return nil
}

// cleanTarget returns a bind's target, or an error when it can't be one.
func (b Bind) cleanTarget() (string, error) {
	target := b.Target
	if target == "" {
		target = b.Source
	}
	if !strings.HasPrefix(target, "/") || !strings.HasPrefix(b.Source, "/") {
		return "", fmt.Errorf("show %s: paths must be absolute", b.Source)
	}
	return filepath.Clean(target), nil
}
