package kernel

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/autodefend/autodefend/internal/policy"
	"golang.org/x/sys/unix"
)

// Bounds of what is remembered; at a bound everything is forgotten and read again.
const (
	maxProcesses = 256 // each holds a descriptor
	maxThreads   = 4096
)

// maxCommand is the most that is kept of a command line, in bytes.
const maxCommand = 1024

// settling is how long nothing is remembered of a process after one of its threads began to start a program, unless the
// outcome shows before: the old program may still be there when it is looked at.
const settling = time.Second

// processes remembers what is costly to find out about the function's processes.
type processes struct {
	mu      sync.Mutex
	byID    map[int]*process
	threads map[int]int // thread to process id
}

// process is one remembered process.
type process struct {
	pidfd   int
	about   policy.Process
	known   bool
	starter int       // the thread that is starting a program; 0 for none
	changed time.Time // when it did
}

func newProcesses() *processes {
	return &processes{byID: make(map[int]*process), threads: make(map[int]int)}
}

// group returns the process id of a thread, and 0 when it is gone.
func (p *processes) group(tid int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if pid, ok := p.threads[tid]; ok && p.alive(pid) && (pid == tid || isThread(pid, tid)) {
		return pid
	}
	pid := readGroup(tid)
	if pid == 0 {
		return 0
	}
	if len(p.threads) >= maxThreads {
		clear(p.threads)
	}
	p.threads[tid] = pid
	_, _ = p.open(pid)
	return pid
}

// alive tells whether the remembered process still is, so that its number can't be another's. An unknown one isn't.
func (p *processes) alive(pid int) bool {
	known := p.byID[pid]
	if known == nil {
		return false
	}
	if unix.PidfdSendSignal(known.pidfd, 0, nil, 0) == nil {
		return true
	}
	_ = unix.Close(known.pidfd)
	delete(p.byID, pid)
	return false
}

// open returns the process that group has just seen alive, opening it when it isn't remembered.
func (p *processes) open(pid int) (*process, error) {
	if known := p.byID[pid]; known != nil {
		return known, nil
	}
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, err
	}
	if len(p.byID) >= maxProcesses {
		p.forgetLocked()
	}
	known := &process{pidfd: pidfd}
	p.byID[pid] = known
	return known, nil
}

// descriptor copies a descriptor out of a process that waits for an answer.
func (p *processes) descriptor(pid, fd int) (int, unix.Errno) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known, err := p.open(pid)
	if err != nil {
		return -1, errnoOf(err)
	}
	duplicate, err := unix.PidfdGetfd(known.pidfd, fd, 0)
	if err != nil {
		return -1, errnoOf(err)
	}
	return duplicate, 0
}

// describe fills in who a process is, one of whose threads waits for an answer.
func (p *processes) describe(pid, tid int) policy.Process {
	p.mu.Lock()
	defer p.mu.Unlock()
	if pid == 0 {
		return policy.Process{PID: tid}
	}
	known, err := p.open(pid)
	if err != nil {
		return readProcess(pid)
	}
	if known.starter != 0 && (known.starter == tid && tid == pid || time.Since(known.changed) > settling) {
		known.starter, known.known = 0, false // the one that started a program is back, or is the program
	}
	if known.starter != 0 {
		return readProcess(pid)
	}
	if !known.known {
		known.about, known.known = readProcess(pid), true
	}
	return known.about
}

// starting notes that a thread is about to make its process another program.
func (p *processes) starting(pid, tid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known := p.byID[pid]; known != nil {
		known.known, known.starter, known.changed = false, tid, time.Now()
	}
}

// settled notes that a process has become another program.
func (p *processes) settled(pid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known := p.byID[pid]; known != nil {
		known.known, known.starter = false, 0
	}
}

func (p *processes) forgetLocked() {
	for _, known := range p.byID {
		_ = unix.Close(known.pidfd)
	}
	clear(p.byID)
}

func (p *processes) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forgetLocked()
}

// procPath is "/proc/ID" and what follows.
func procPath(id int, rest string) string { return "/proc/" + strconv.Itoa(id) + rest }

func isThread(pid, tid int) bool {
	return unix.Access(procPath(pid, "/task/"+strconv.Itoa(tid)), unix.F_OK) == nil
}

// readProcess reads what /proc says about a process; what can't be read stays empty.
func readProcess(pid int) policy.Process {
	about := policy.Process{PID: pid, Path: executable(pid), Command: commandLine(pid)}
	if parent := statusNumber(pid, "PPid:"); parent > 0 {
		about.Parent = executable(parent)
	}
	return about
}

// executable is the path of a process's program, without the mark of a removed one.
func executable(pid int) string {
	path, err := os.Readlink(procPath(pid, "/exe"))
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(path, deletedMark)
}

// commandLine is a process's command line with blanks between the arguments.
func commandLine(pid int) string {
	raw := readSome(procPath(pid, "/cmdline"), maxCommand)
	return string(bytes.ReplaceAll(bytes.TrimRight(raw, "\x00"), []byte{0}, []byte{' '}))
}

// readGroup reads a thread's process id, 0 when it is gone.
func readGroup(tid int) int { return statusNumber(tid, "Tgid:") }

// statusNumber reads a decimal number from /proc/ID/status, 0 when it isn't there.
func statusNumber(id int, key string) int {
	n, _ := strconv.Atoi(statusField(id, key))
	return n
}

// statusField reads a line of /proc/ID/status, "" when it isn't there. Names of programs, the only text in it that
// programs choose, are escaped there and stand in the first line.
func statusField(id int, key string) string {
	raw := readSome(procPath(id, "/status"), pageSize)
	return fieldOf(raw, key)
}

func fieldOf(status []byte, key string) string {
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte(key)); ok {
			return string(bytes.TrimSpace(rest))
		}
	}
	return ""
}

// readSome reads up to limit bytes of a small file, nil when it can't be read.
func readSome(path string, limit int) []byte {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd) //nolint:errcheck // only read
	return readAll(fd, limit)
}

// readAll reads up to limit bytes.
func readAll(fd, limit int) []byte {
	buf := make([]byte, limit)
	n := 0
	for n < limit {
		m, err := unix.Read(fd, buf[n:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || m <= 0 {
			break
		}
		n += m
	}
	return buf[:n]
}

// errnoOf finds the error number in an error; one without any is EIO.
func errnoOf(err error) unix.Errno {
	var errno unix.Errno
	switch {
	case err == nil:
		return 0
	case errors.As(err, &errno):
		return errno
	}
	return unix.EIO
}
