package preload

import (
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// fileID names a file whatever its paths are, for as long as it is there.
type fileID struct{ device, inode uint64 }

// openedFile is a file that stays the same whatever happens to its name.
type openedFile struct {
	fd      int // names the file and can do nothing else
	content int // to read it, or -1
	id      fileID
	mode    uint32
	user    uint32
	group   uint32
	links   uint64
	size    int64
	changed time.Time // content, mode, owner or names
}

// openFile opens what is at name. Only a regular file is opened for reading: a device or a pipe might notice.
func openFile(name string) (*openedFile, error) {
	fd, err := retry(func() (int, error) { return unix.Open(name, unix.O_PATH|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, errors.Join(fmt.Errorf("stat %s: %w", name, err), unix.Close(fd))
	}
	file := &openedFile{
		fd: fd, content: -1, id: fileID{st.Dev, st.Ino}, mode: st.Mode, user: st.Uid, group: st.Gid, links: uint64(st.Nlink),
		size: st.Size, changed: time.Unix(st.Ctim.Unix()),
	}
	if st.Mode&unix.S_IFMT == unix.S_IFREG {
		file.content = reopen(fd)
	}
	return file, nil
}

// reopen opens a file for reading, or returns -1 for one that may only be executed.
func reopen(fd int) int {
	name := "/proc/self/fd/" + strconv.Itoa(fd)
	readable, err := retry(func() (int, error) { return unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0) })
	if err != nil {
		return -1
	}
	return readable
}

// executable reports whether somebody may execute the file.
func (f *openedFile) executable() bool {
	return f.mode&unix.S_IFMT == unix.S_IFREG && f.mode&0o111 != 0
}

func (f *openedFile) close() {
	if f.content >= 0 {
		_ = unix.Close(f.content)
	}
	_ = unix.Close(f.fd)
}

// ReadAt implements io.ReaderAt.
func (f *openedFile) ReadAt(buffer []byte, offset int64) (int, error) {
	if f.content < 0 {
		return 0, unix.EACCES
	}
	n, err := retry(func() (int, error) { return unix.Pread(f.content, buffer, offset) })
	if err != nil {
		return 0, fmt.Errorf("read a program: %w", err)
	}
	if n < len(buffer) {
		return n, io.EOF
	}
	return n, nil
}

// head returns the file's first bytes, at most as many as the kernel looks at.
func (f *openedFile) head() ([]byte, error) {
	buffer := make([]byte, 256)
	n, err := f.ReadAt(buffer, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return buffer[:n], nil
}

// changesUser reports whether the file, when executed by u, gives rights that u doesn't have. The loader then ignores
// LD_PRELOAD.
func (f *openedFile) changesUser(u user) bool {
	if f.mode&unix.S_ISUID != 0 && f.user != u.id || f.mode&unix.S_ISGID != 0 && f.group != u.group {
		return true
	}
	var capabilities [64]byte
	n, err := unix.Getxattr("/proc/self/fd/"+strconv.Itoa(f.fd), "security.capability", capabilities[:])
	return err == nil && n > 0 && u.id != 0
}

// user is whom a process acts as.
type user struct{ id, group uint32 }

// userOf returns the user of a process. It is an error when the process is gone. A process that hides seems to be root's.
func userOf(pid int) (user, error) {
	var st unix.Stat_t
	if err := unix.Stat("/proc/"+strconv.Itoa(pid), &st); err != nil {
		return user{}, fmt.Errorf("user of process %d: %w", pid, err)
	}
	return user{id: st.Uid, group: st.Gid}, nil
}

// canWrite reports whether u can write the file at name, or replace it, in the file system at root.
//
// Root can write everything, so for root only those directories count that are there for everybody to write, or that
// are gone when the machine stops.
func (u user) canWrite(root, name string) bool {
	if u.id != 0 && u.writes(root, name) {
		return true
	}
	for directory := path.Dir(name); ; directory = path.Dir(directory) {
		if u.writes(root, directory) {
			return true
		}
		if directory == "/" || directory == "." {
			return false
		}
	}
}

// writes reports whether u can write this one file or directory, be it after changing its mode.
func (u user) writes(root, name string) bool {
	var st unix.Stat_t
	var fs unix.Statfs_t
	if unix.Stat(root+name, &st) != nil || unix.Statfs(root+name, &fs) != nil || fs.Flags&unix.ST_RDONLY != 0 {
		return false
	}
	const everybody, group = 0o002, 0o020
	switch {
	case st.Mode&everybody != 0:
		return true
	case u.id == 0:
		return isVolatile(fs) && !sameDevice(st, root+"/")
	case st.Uid == u.id || st.Gid == u.group && st.Mode&group != 0:
		return true
	default:
		return int(u.id) == unix.Geteuid() && unix.Access(root+name, unix.W_OK) == nil
	}
}

func isVolatile(fs unix.Statfs_t) bool {
	return fs.Type == unix.TMPFS_MAGIC || fs.Type == unix.RAMFS_MAGIC
}

// sameDevice: where the root itself is in memory, memory says nothing about a file.
func sameDevice(st unix.Stat_t, name string) bool {
	var other unix.Stat_t
	return unix.Stat(name, &other) == nil && other.Dev == st.Dev
}
