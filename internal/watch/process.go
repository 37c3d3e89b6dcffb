package watch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

const (
	// processesMax bounds how many processes are known at a time.
	processesMax = 4096
	// scansToReport is how many scans a process may live before it must have reported in to the other tier.
	scansToReport = 2
)

// process is one of the function's, with one program.
type process struct {
	pid     int
	status  processStatus
	program programID
	twin    *process // whose fork it is, until that one is judged

	judged bool
	denied bool
	unheld bool // judged by us, as the other tier hadn't
	scans  int  // since then
}

// programID names a program's file.
type programID struct{ device, inode uint64 }

// sameImage reports whether p and another look at it show one program that was started once. A fork shows what its parent
// shows: the kernel places a program's stack and arguments anew, at random, only when it starts one.
func (p *process) sameImage(other *process) bool {
	return p.program == other.program && p.status.stack == other.status.stack && p.status.arguments == other.status.arguments
}

// refresh reads the list of processes and returns those of the function, parents before their children. What is no
// longer there is forgotten.
func (w *Watcher) refresh(ctx context.Context) ([]*process, error) {
	all, err := listProcesses(ctx)
	if err != nil {
		return nil, err
	}
	if root, ok := all[w.config.Root]; ok && w.rootBegan == 0 {
		w.rootBegan = root.began
	}
	known := make(map[int]*process, len(w.processes))
	var ours []*process
	for _, pid := range w.ours(all) {
		if len(known) == processesMax {
			w.config.Log.Warn("watch: too many processes", "limit", processesMax)
			break
		}
		known[pid] = w.updated(pid, all[pid], known)
		ours = append(ours, known[pid])
	}
	w.processes = known
	return ours, nil
}

// updated returns what is known of a process. A new one, or one with a new program, is unknown, unless it is the fork of
// one that is known: that shares its fate.
func (w *Watcher) updated(pid int, status processStatus, known map[int]*process) *process {
	now := &process{pid: pid, status: status, program: programOf(pid)}
	before := w.processes[pid]
	if before != nil && before.status.began == status.began {
		if before.sameImage(now) {
			before.status = status
			return before
		}
		return now
	}
	for _, parent := range []*process{known[status.parent], w.processes[status.parent]} {
		if parent != nil && parent.status.began <= status.began && parent.sameImage(now) {
			now.twin = parent
			break
		}
	}
	return now
}

// ours returns the function's processes, parents before their children.
func (w *Watcher) ours(all map[int]processStatus) []int {
	excluded := w.excluded(all)
	children := make(map[int][]int)
	for pid, status := range all {
		children[status.parent] = append(children[status.parent], pid)
	}
	var ours []int
	queue := w.heads(all, excluded)
	for seen := make(map[int]bool); len(queue) > 0; queue = queue[1:] {
		pid := queue[0]
		if seen[pid] || excluded[pid] {
			continue
		}
		seen[pid] = true
		ours = append(ours, pid)
		queue = append(queue, children[pid]...)
	}
	return ours
}

// heads returns the root process and those of the function whose parents are gone: their parent is now the first process,
// or one that Root descends from.
func (w *Watcher) heads(all map[int]processStatus, excluded map[int]bool) []int {
	var heads []int
	if status, ok := all[w.config.Root]; ok && status.began == w.rootBegan {
		heads = append(heads, w.config.Root)
	}
	var owner uint32
	if w.config.Alone {
		owner = userOf(w.config.Root)
	}
	for pid, status := range all {
		switch before := w.processes[pid]; {
		case pid == w.config.Root || excluded[pid] || status.began < w.rootBegan:
		case before != nil && before.status.began == status.began:
			heads = append(heads, pid)
		case !excluded[status.parent]: // somebody else's child, such as an extension's
		case w.config.Alone && userOf(pid) == owner, w.marked(pid):
			heads = append(heads, pid)
		}
	}
	slices.Sort(heads)
	return heads
}

// marked reports whether a process carries the function's mark.
func (w *Watcher) marked(pid int) bool {
	if w.config.Mark == "" {
		return false
	}
	raw, err := readBounded(procPath(pid, "environ"), 64<<10)
	return err == nil && bytes.Contains(append([]byte{0}, raw...), []byte("\x00"+w.config.Mark+"\x00"))
}

// excluded are the Defender's processes, and all that Root descends from.
func (w *Watcher) excluded(all map[int]processStatus) map[int]bool {
	excluded := map[int]bool{0: true, 1: true, os.Getpid(): true}
	for _, pid := range w.config.Protected {
		excluded[pid] = true
	}
	for pid := all[w.config.Root].parent; pid > 1 && !excluded[pid]; pid = all[pid].parent {
		excluded[pid] = true
	}
	return excluded
}

// processStatus is what we use of /proc/PID/stat.
type processStatus struct {
	ended     bool // only its parent doesn't know yet
	parent    int
	began     uint64 // clock ticks after boot: with the process id it names a process for good
	stack     uint64 // where its program's stack begins
	arguments uint64 // and its arguments; both are 0 for a process that hides
}

// listProcesses reads /proc.
func listProcesses(ctx context.Context) (map[int]processStatus, error) {
	directory, err := os.Open("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	defer func() { _ = directory.Close() }()
	names, err := directory.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	all := make(map[int]processStatus, len(names))
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil || ctx.Err() != nil {
			continue
		}
		raw, err := readBounded(procPath(pid, "stat"), 1024)
		if err != nil {
			continue
		}
		if status, ok := parseStat(raw); ok && !status.ended {
			all[pid] = status
		}
	}
	return all, nil
}

// parseStat reads a line of /proc/PID/stat. The second field is chosen by the process and may hold blanks and
// parentheses; the last parenthesis is the kernel's.
func parseStat(line []byte) (processStatus, bool) {
	const stateField, parentField, beganField, stackField, argumentsField = 0, 1, 19, 25, 45 // after the name
	end := bytes.LastIndexByte(line, ')')
	fields := bytes.Fields(line[end+1:])
	if end < 0 || len(fields) <= argumentsField {
		return processStatus{}, false
	}
	var numbers [3]uint64
	for i, field := range []int{beganField, stackField, argumentsField} {
		var err error
		if numbers[i], err = strconv.ParseUint(string(fields[field]), 10, 64); err != nil {
			return processStatus{}, false
		}
	}
	parent, err := strconv.Atoi(string(fields[parentField]))
	if err != nil || parent < 0 {
		return processStatus{}, false
	}
	state := fields[stateField][0]
	return processStatus{
		ended: state == 'Z' || state == 'X', parent: parent, began: numbers[0], stack: numbers[1], arguments: numbers[2],
	}, true
}

// programOf is zero for a process that hides or is gone.
func programOf(pid int) programID {
	var st unix.Stat_t
	if unix.Stat(procPath(pid, "exe"), &st) != nil {
		return programID{}
	}
	return programID{st.Dev, st.Ino}
}

// userOf returns whom a process acts as. One that hides seems to be root's.
func userOf(pid int) uint32 {
	var st unix.Stat_t
	if unix.Stat(procPath(pid, "."), &st) != nil {
		return 0
	}
	return st.Uid
}

// procPath names a file of a process.
func procPath(pid int, name string) string { return "/proc/" + strconv.Itoa(pid) + "/" + name }

// readBounded reads at most limit bytes of a file.
func readBounded(path string, limit int) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	defer func() { _ = unix.Close(fd) }()
	raw := make([]byte, 0, min(limit, 1024))
	for len(raw) < limit {
		raw = slices.Grow(raw, 1)
		n, err := unix.Read(fd, raw[len(raw):min(cap(raw), limit)])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		if n == 0 {
			break
		}
		raw = raw[:len(raw)+n]
	}
	return raw, nil
}

// ending reports whether a process has given its program up, as it does some time before it's gone. One that hides has it
// still: reading it is another error then.
func ending(pid int) bool {
	_, err := os.Readlink(procPath(pid, "exe"))
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH)
}
