package consoletest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// forgetful is a file system in memory whose files forget, when the power is cut, what was written to them since they
// were last synchronized. Its disk can also break. Names of files are durable at once, and a write is whole or not there
// at all: torn sectors and lost directory entries aren't tried.
//
// It's served by a process of its own: one that maps a file of a file system that it serves itself waits for itself.
type forgetful struct {
	dir     string
	orders  io.Writer
	answers *bufio.Scanner
}

// diskVariable makes the test's program the server of a forgetful file system: see [serveDisk].
const diskVariable = "CONSOLETEST_DISK"

// mountForgetful mounts a forgetful file system for the test.
func mountForgetful(t *testing.T) *forgetful {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	server := exec.Command(program)
	server.Env = append(os.Environ(), diskVariable+"="+dir)
	server.Stderr = os.Stderr
	orders, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	answers, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	f := &forgetful{dir: dir, orders: orders, answers: bufio.NewScanner(answers)}
	t.Cleanup(func() {
		_ = orders.Close() // the server unmounts and ends
		if err := server.Wait(); err != nil {
			t.Errorf("the disk: %v", err)
		}
	})
	if reason := f.answer(t); reason != "mounted" {
		t.Skipf("SKIPPED: file systems of our own can't be mounted here (FUSE): %s", reason)
	}
	return f
}

// cutPower makes every file what it was when it was last synchronized. No process may have one open.
func (f *forgetful) cutPower(t *testing.T) { f.order(t, "cut") }

// breakDisk makes writing answer errno from now on; 0 heals.
func (f *forgetful) breakDisk(t *testing.T, errno syscall.Errno) {
	f.order(t, fmt.Sprintf("break %d", int(errno)))
}

// synchronizations returns how often a file was synchronized.
func (f *forgetful) synchronizations(t *testing.T) string { return f.order(t, "count") }

func (f *forgetful) order(t *testing.T, order string) string {
	t.Helper()
	if _, err := fmt.Fprintln(f.orders, order); err != nil {
		t.Fatalf("the disk doesn't listen: %v", err)
	}
	return f.answer(t)
}

func (f *forgetful) answer(t *testing.T) string {
	t.Helper()
	if !f.answers.Scan() {
		t.Fatalf("the disk doesn't answer: %v", f.answers.Err())
	}
	return f.answers.Text()
}

// disk is what the server of a forgetful file system knows.
type disk struct {
	// fault is what writing answers: 0, or a syscall.Errno.
	fault atomic.Int64
	syncs atomic.Int64

	mu    sync.Mutex
	files map[*file]bool
}

// serveDisk serves a forgetful file system until its orders end.
func serveDisk(dir string) int {
	d := &disk{files: map[*file]bool{}}
	var never time.Duration
	_, err := fs.Mount(dir, &file{disk: d}, &fs.Options{
		EntryTimeout: &never, AttrTimeout: &never, MountOptions: fuse.MountOptions{DirectMountStrict: true, FsName: "forgetful"},
	})
	if err != nil {
		fmt.Println(err)
		return 0
	}
	fmt.Println("mounted")
	for orders := bufio.NewScanner(os.Stdin); orders.Scan(); {
		fmt.Println(d.obey(orders.Text()))
	}
	if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
		fmt.Fprintln(os.Stderr, "unmount:", err)
		return 1
	}
	return 0 // what is still open is of no use any more
}

func (d *disk) obey(order string) string {
	var errno int64
	switch order {
	case "cut":
		d.cutPower()
	case "count":
		return strconv.FormatInt(d.syncs.Load(), 10)
	default:
		if _, err := fmt.Sscanf(order, "break %d", &errno); err != nil {
			return "unknown: " + order
		}
		d.fault.Store(errno)
	}
	return "done"
}

func (d *disk) cutPower() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for n := range d.files {
		n.mu.Lock()
		n.now = append([]byte(nil), n.synced...)
		n.mu.Unlock()
		_ = n.NotifyContent(0, 0) // what isn't cached needn't be dropped
	}
}

func (d *disk) broken() syscall.Errno { return syscall.Errno(d.fault.Load()) }

// file is a file, or the directory that holds all.
type file struct {
	fs.Inode

	disk        *disk
	mu          sync.Mutex
	now, synced []byte
}

var (
	_ fs.NodeOpener    = (*file)(nil)
	_ fs.NodeCreater   = (*file)(nil)
	_ fs.NodeUnlinker  = (*file)(nil)
	_ fs.NodeRenamer   = (*file)(nil)
	_ fs.NodeGetattrer = (*file)(nil)
	_ fs.NodeSetattrer = (*file)(nil)
	_ fs.NodeReader    = (*file)(nil)
	_ fs.NodeWriter    = (*file)(nil)
	_ fs.NodeFsyncer   = (*file)(nil)
	_ fs.NodeFlusher   = (*file)(nil)
)

func (n *file) Open(_ context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	if flags&syscall.O_TRUNC != 0 {
		n.mu.Lock()
		n.now = nil
		n.mu.Unlock()
	}
	return nil, 0, 0
}

func (n *file) Create(ctx context.Context, name string, _, _ uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	if errno := n.disk.broken(); errno != 0 {
		return nil, nil, 0, errno
	}
	made := &file{disk: n.disk}
	child := n.NewPersistentInode(ctx, made, fs.StableAttr{Mode: syscall.S_IFREG})
	n.AddChild(name, child, true)
	n.disk.mu.Lock()
	n.disk.files[made] = true
	n.disk.mu.Unlock()
	out.Mode = 0o644 | syscall.S_IFREG
	return child, nil, 0, 0
}

func (n *file) Unlink(context.Context, string) syscall.Errno { return 0 }

func (n *file) Rename(context.Context, string, fs.InodeEmbedder, string, uint32) syscall.Errno {
	return 0
}

func (n *file) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	if n.IsDir() {
		out.Mode = 0o755 | syscall.S_IFDIR
		return 0
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	out.Mode = 0o644 | syscall.S_IFREG
	out.Size = uint64(len(n.now))
	return 0
}

func (n *file) Setattr(ctx context.Context, h fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if size, ok := in.GetSize(); ok {
		if errno := n.disk.broken(); errno != 0 {
			return errno
		}
		n.mu.Lock()
		n.resize(int(size))
		n.mu.Unlock()
	}
	return n.Getattr(ctx, h, out)
}

// resize cuts the file or fills it up with zeros.
func (n *file) resize(size int) {
	if more := size - len(n.now); more > 0 {
		n.now = append(n.now, make([]byte, more)...)
	}
	n.now = n.now[:size]
}

func (n *file) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if off >= int64(len(n.now)) {
		return fuse.ReadResultData(nil), 0
	}
	length := copy(dest, n.now[off:])
	return fuse.ReadResultData(append([]byte(nil), dest[:length]...)), 0
}

func (n *file) Write(_ context.Context, _ fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	if errno := n.disk.broken(); errno != 0 {
		return 0, errno
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if end := int(off) + len(data); end > len(n.now) {
		n.resize(end)
	}
	copy(n.now[off:], data)
	return uint32(len(data)), 0
}

func (n *file) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	if errno := n.disk.broken(); errno != 0 {
		return errno
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.synced = append(n.synced[:0], n.now...)
	n.disk.syncs.Add(1)
	return 0
}

func (n *file) Flush(context.Context, fs.FileHandle) syscall.Errno { return 0 }

// TestForgetful is the file system on its own: what was synchronized stays, what wasn't goes.
func TestForgetful(t *testing.T) {
	disk := mountForgetful(t)
	path := filepath.Join(disk.dir, "file")
	write := func(text string, sync bool) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if sync {
			if err := f.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	write("kept ", true)
	write("lost", false)
	disk.cutPower(t)
	if got, err := os.ReadFile(path); err != nil || string(got) != "kept " {
		t.Errorf("after the cut: %q, %v", got, err)
	}
	disk.breakDisk(t, syscall.ENOSPC)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("x"); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("writing to a full disk: %v", err)
	}
	disk.breakDisk(t, 0)
	if _, err := f.WriteString("x"); err != nil {
		t.Errorf("after the disk was healed: %v", err)
	}
}
