package preload

import (
	"bytes"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/autodefend/autodefend/internal/policy"
)

const (
	approvalsMax = 256  // programs that were allowed and haven't said hello
	reportedMax  = 4096 // processes that said hello
)

// hello decides whether an image that has just started may go on. One that was approved, and is that file with those
// arguments, may. Any other is judged as it is: the file was exchanged after it was judged, or nobody asked.
func (t *Tier) hello(pid int, q question) answer {
	if q.flags&flagPatched == 0 {
		t.unpatched.Store(true)
	}
	self, err := t.startable.running(pid)
	if err != nil {
		self.image.programs = []policy.Program{unseen("", nil)}
	}
	if !t.images.take(pid, self) {
		e := policy.Event{Kind: policy.Exec, Process: lookAt(pid), After: true}
		for _, e.Program = range self.image.programs {
			if t.judge(e).Deny {
				return answer{verdict: exit}
			}
		}
	}
	if t.writableLibs.Load() && t.judgeLibraries(pid) {
		return answer{verdict: exit}
	}
	if !self.image.programs[0].Opaque {
		t.images.report(pid, self)
	}
	return answer{verdict: allow, table: tableCapacity}
}

// running looks at the program that a process executes now.
func (s startable) running(pid int) (runningImage, error) {
	status, err := readStat(pid)
	if err != nil {
		return runningImage{}, err
	}
	self := runningImage{started: status.started, parent: status.parent}
	v := viewOf(pid)
	where, err := v.behind(procPath(pid, "exe"))
	if err != nil {
		return self, err
	}
	file, err := openFile(where.open)
	if err != nil {
		return self, err
	}
	defer file.close()
	line, err := readProc(procPath(pid, "cmdline"), argvMax)
	if err != nil {
		return self, err
	}
	args := question{argv: line}.args()
	p, _, err := s.program(v, file, where, args)
	if err != nil {
		return self, err
	}
	p.Given = v.calledBy(args, where)
	self.image, err = s.loading(v, image{id: file.id, args: args, programs: []policy.Program{p}})
	return self, err
}

// Look says who a process is and what it executes, for tiers that see it after it began. It is an error when that can't
// be seen; what is known is returned all the same.
func Look(pid int) (policy.Process, policy.Program, error) {
	who := lookAt(pid)
	self, err := startable{}.running(pid)
	if err != nil {
		return who, policy.Program{Path: who.Path}, fmt.Errorf("look at process %d: %w", pid, err)
	}
	return who, self.image.programs[len(self.image.programs)-1], nil
}

// calledBy guesses the path by which the program of a process was called, for lists of names: the first argument, when
// that leads to the program.
func (v view) calledBy(args []string, where found) string {
	if len(args) == 0 || args[0] == "" {
		return ""
	}
	names := []string{args[0]}
	if !strings.Contains(args[0], "/") {
		names = []string{"/usr/bin/" + args[0], "/bin/" + args[0], "/usr/sbin/" + args[0], "/sbin/" + args[0]}
	}
	for _, name := range names {
		there, err := v.resolve(unix.AT_FDCWD, name, true)
		if err == nil && there.path == where.path && name != where.path && strings.HasPrefix(name, "/") {
			return name
		}
	}
	return ""
}

// runningImage is a program in a process.
type runningImage struct {
	image   image
	started uint64 // when its process began
	parent  int
}

// images remembers which programs were approved and which processes said hello. Both are bounded. What is forgotten is
// judged again, which may audit it twice, and is never let through for that.
type images struct {
	mu        sync.Mutex
	approvals []approval // oldest first
	reported  map[int]reported
}

// approval is a program that a process may start, itself or in a child.
type approval struct {
	pid  int
	id   fileID
	args []byte
}

type reported struct {
	started uint64
	id      fileID
}

func newImages() *images {
	return &images{reported: make(map[int]reported)}
}

// approve remembers that pid may start img. An image that nobody could look at isn't remembered.
func (i *images) approve(pid int, img image) {
	if img.id == (fileID{}) {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.approvals) == approvalsMax {
		i.approvals = append(i.approvals[:0], i.approvals[1:]...)
	}
	i.approvals = append(i.approvals, approval{pid: pid, id: img.id, args: joined(img.args)})
}

// take reports whether what runs in pid was approved, for pid or its parent, and uses that up. A process that doesn't let
// us see what it runs has no image, and nothing was approved for it.
func (i *images) take(pid int, self runningImage) bool {
	args := joined(self.image.args)
	i.mu.Lock()
	defer i.mu.Unlock()
	for at, a := range i.approvals {
		if a.id == self.image.id && (a.pid == pid || a.pid == self.parent) && sameArgs(a.args, args) {
			i.approvals = append(i.approvals[:at], i.approvals[at+1:]...)
			return true
		}
	}
	return false
}

func (i *images) report(pid int, self runningImage) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.reported) >= reportedMax {
		i.sweep()
	}
	i.reported[pid] = reported{started: self.started, id: self.image.id}
}

// sweep forgets processes that have ended, and any when none has.
func (i *images) sweep() {
	for pid := range i.reported {
		if unix.Kill(pid, 0) == unix.ESRCH {
			delete(i.reported, pid)
		}
	}
	for pid := range i.reported {
		if len(i.reported) < reportedMax {
			return
		}
		delete(i.reported, pid)
	}
}

func (i *images) has(pid int, r reported) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.reported[pid] == r
}

// any reports whether a process said hello.
func (i *images) any() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.reported) > 0
}

// joined is a command line as /proc/PID/cmdline has it, cut at argvMax.
func joined(args []string) []byte {
	line := []byte(strings.Join(args, "\x00"))
	return line[:min(len(line), argvMax)]
}

// sameArgs compares command lines of which either may have been cut.
func sameArgs(a, b []byte) bool {
	const cut = argvMax - 64 // what doesn't fit is cut at different places: scripts add arguments
	if len(a) < cut && len(b) < cut {
		return bytes.Equal(a, b)
	}
	n := min(len(a), len(b))
	return bytes.Equal(a[:n], b[:n])
}

// forget drops all approvals: another policy judged them.
func (i *images) forget() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.approvals = i.approvals[:0]
}

// Expect approves the program that this process is about to start: the function's runtime. It isn't judged when it says
// hello, if it is that file with those arguments in a child of this process.
func (t *Tier) Expect(program string, args []string) error {
	self := unix.Getpid()
	img, err := t.wanted(viewOf(self), question{dirfd: unix.AT_FDCWD, text: program, argv: append(joined(args), 0)})
	if err != nil {
		return fmt.Errorf("look at %s: %w", program, err)
	}
	t.images.approve(self, img)
	return nil
}

// CanEnter reports whether the shim can enter a program that this process would start, by looking at the program's file.
func (t *Tier) CanEnter(program string) (bool, error) {
	img, err := t.wanted(viewOf(unix.Getpid()), question{dirfd: unix.AT_FDCWD, text: program})
	if err != nil {
		return false, fmt.Errorf("look at %s: %w", program, err)
	}
	return !img.programs[0].Opaque, nil
}

// Unpatched reports whether the shim of any process couldn't change the C library's code, so that it only sees calls that
// programs make by name.
func (t *Tier) Unpatched() bool { return t.unpatched.Load() }

// ReportedIn reports whether the shim is in the program that a process executes now: the process said hello, or is the
// fork of one that did. A program that was started and never reports in isn't held by this tier.
func (t *Tier) ReportedIn(pid int) bool {
	status, err := readStat(pid)
	if err != nil {
		return false
	}
	var st unix.Stat_t
	if err := unix.Stat(procPath(pid, "exe"), &st); err != nil {
		return false
	}
	if t.images.has(pid, reported{started: status.started, id: fileID{st.Dev, st.Ino}}) {
		return true
	}
	return hasMapped(pid, t.config.ShimPath)
}
