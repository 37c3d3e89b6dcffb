package kernel

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/autodefend/autodefend/internal/policy"
	"golang.org/x/sys/unix"
)

// Bounds of what is looked at of a program.
const (
	maxArguments    = 256     // of argv
	maxArgumentSize = 8 << 10 // bytes of all arguments
	maxScriptDepth  = 5       // scripts that interpret scripts; the kernel's own limit
	firstLine       = 256     // bytes that the kernel reads of a script's first line
)

// program is a file about to be started, as it was judged.
type program struct {
	event       policy.Program
	device, ino uint64   // of the binary that the kernel loads: the last interpreter of a script
	args        []string // as that binary will see them
}

func programHandlers() map[string]handler {
	return map[string]handler{
		"execve": func(s *Supervisor, c *call) answer {
			return s.start(c, unix.AT_FDCWD, c.args[0], c.args[1], 0)
		},
		"execveat": func(s *Supervisor, c *call) answer {
			return s.start(c, c.arg(0), c.args[1], c.args[2], c.arg(4))
		},
	}
}

// start judges a program about to be started. Where the policy stops acts, what is started is compared with what was
// judged; see verify.
func (s *Supervisor) start(c *call, dirfd int, address, argv uint64, flags int) answer {
	m := c.rules.processes
	if m == off {
		s.mainSeen.Store(true)
		s.processes.starting(s.pidOf(c), c.tid)
		return pass()
	}
	p, given, errno := s.inspect(c, dirfd, address, argv, flags)
	if errno != 0 {
		return c.refuse(m, errno)
	}
	p.event.Main = s.isLaunch(c)
	if given != p.event.Path {
		p.event.Given = given
	}
	if !s.listener.waits(c) {
		return later()
	}
	denied := s.ask(c, policy.Event{Kind: policy.Exec, Program: p.event})
	s.processes.starting(s.pidOf(c), c.tid)
	switch {
	case m != stop:
		return pass()
	case denied:
		return fail(unix.EACCES)
	}
	return s.away(c, m, func(c *call) answer { return s.startWatched(c, p) })
}

// isLaunch tells whether the launcher is about to become the runtime.
func (s *Supervisor) isLaunch(c *call) bool {
	return int64(s.pidOf(c)) == s.launched.Load() && !s.mainSeen.Swap(true)
}

// inspect finds out what would be started, and by which name it was called.
func (s *Supervisor) inspect(c *call, dirfd int, address, argv uint64, flags int) (program, string, unix.Errno) {
	text, errno := s.readPath(c, address)
	if errno != 0 {
		return program{}, "", errno
	}
	args, errno := readStrings(c.tid, argv, maxArguments, maxArgumentSize)
	if errno != 0 {
		return program{}, "", errno
	}
	place, errno := s.executablePlace(c, dirfd, text, flags)
	if errno != 0 {
		return program{}, "", errno
	}
	defer place.close()
	p, errno := s.describeProgram(c, place.fd, text, args)
	return p, s.absolute(c, dirfd, text, p.event.Path), errno
}

// executablePlace opens the place of the file to be started.
func (s *Supervisor) executablePlace(c *call, dirfd int, text string, flags int) (place, unix.Errno) {
	if text == "" && flags&unix.AT_EMPTY_PATH != 0 {
		fd, errno := openDescriptor(c.tid, dirfd)
		return place{dir: -1, fd: fd}, errno
	}
	p, errno := s.target(c, dirfd, text, flags&unix.AT_SYMLINK_NOFOLLOW == 0, 0)
	if errno == errTouches {
		errno = unix.EACCES
	}
	return p, errno
}

// absolute is the path by which a program was called, with its links; where it isn't one, it is the program's own.
func (s *Supervisor) absolute(c *call, dirfd int, text, own string) string {
	switch {
	case strings.HasPrefix(text, "/"):
		return path.Clean(text)
	case text == "":
		return own
	}
	base, errno := openDescriptor(c.tid, dirfd)
	if errno != 0 {
		return own
	}
	defer unix.Close(base) //nolint:errcheck // only a place
	dir, err := linkOf(base)
	if err != nil {
		return own
	}
	return path.Join(dir, text)
}

// describeProgram fills in what the judge and the comparison need. Interpreters of scripts are followed to the binary
// that the kernel will load.
func (s *Supervisor) describeProgram(c *call, fd int, text string, args []string) (program, unix.Errno) {
	var p program
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return p, errnoOf(err)
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFLNK:
		return p, unix.ELOOP
	default:
		return p, unix.EACCES
	}
	name, err := linkOf(fd)
	if err != nil {
		return p, errnoOf(err)
	}
	p.event = describeFile(name, &st)
	p.event.Args, p.args = args, args
	p.device, p.ino = st.Dev, st.Ino
	head, errno := headOf(fd)
	if errno != 0 {
		return p, errno // verdict: the first bytes say what is started
	}
	if isLoader(p.event.Path) {
		s.followLoader(c, &p)
		return p, 0
	}
	return p, s.followScript(c, &p, head, text, 0)
}

// describeFile says what a file's name and state tell.
func describeFile(name string, st *unix.Stat_t) policy.Program {
	p := policy.Program{Path: name}
	if st.Nlink == 0 {
		p.Path, p.Fileless = strings.TrimSuffix(name, deletedMark), true
	}
	if rest, ok := strings.CutPrefix(p.Path, "/memfd:"); ok {
		p.Path, p.Fileless = "memfd:"+rest, true
	}
	p.Writable = strings.HasPrefix(p.Path, "/") && (usuallyWritable(p.Path) || writable(p.Path, unix.Geteuid()))
	return p
}

// writable tells whether a user, who is the supervisor's own, could change or replace a file. Of root, who could do so with
// any, that says nothing about a file.
func writable(name string, user int) bool {
	if user == 0 {
		return false
	}
	for at := name; ; at = path.Dir(at) {
		if writes(at, user) {
			return true
		}
		if at == "/" || at == "." {
			return false
		}
	}
}

// writes tells whether a user can write one file or directory, be it after changing its mode.
func writes(name string, user int) bool {
	var fs unix.Statfs_t
	var st unix.Stat_t
	if unix.Statfs(name, &fs) != nil || fs.Flags&unix.ST_RDONLY != 0 || unix.Stat(name, &st) != nil {
		return false
	}
	return int(st.Uid) == user || unix.Faccessat(unix.AT_FDCWD, name, unix.W_OK, 0) == nil
}

// usuallyWritable tells whether a file lies where a function can write.
func usuallyWritable(name string) bool {
	for _, dir := range []string{"/tmp", "/var/tmp", "/dev/shm", "/run", "/mnt"} {
		if below(name, dir) {
			return true
		}
	}
	return false
}

// headOf reads the first bytes of a file by its place.
func headOf(fd int) ([]byte, unix.Errno) {
	file, err := unix.Open(ownPath(fd), unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, errnoOf(err)
	}
	defer unix.Close(file) //nolint:errcheck // only read
	head := make([]byte, firstLine)
	n, err := unix.Pread(file, head, 0)
	if err != nil {
		return nil, errnoOf(err)
	}
	return head[:n], 0
}

// interpreterLine takes interpreter and argument out of a script's first line; "" when it is no script.
func interpreterLine(head []byte) (string, string) {
	line, ok := bytes.CutPrefix(head, []byte("#!"))
	if !ok {
		return "", ""
	}
	line, _, _ = bytes.Cut(line, []byte("\n"))
	line, _, _ = bytes.Cut(line, []byte{0})
	text := strings.Trim(string(line), " \t")
	name, argument, _ := strings.Cut(strings.ReplaceAll(text, "\t", " "), " ")
	return name, strings.Trim(argument, " \t")
}

// followScript finds the interpreter of a script, and the interpreter's when that is a script as well.
func (s *Supervisor) followScript(c *call, p *program, head []byte, text string, depth int) unix.Errno {
	name, argument := interpreterLine(head)
	if name == "" {
		return 0
	}
	if depth == maxScriptDepth {
		return unix.ELOOP
	}
	place, errno := s.target(c, unix.AT_FDCWD, name, true, 0)
	if errno != 0 {
		return errno
	}
	defer place.close()
	var st unix.Stat_t
	if err := unix.Fstat(place.fd, &st); err != nil {
		return errnoOf(err)
	}
	link, err := linkOf(place.fd)
	if err != nil {
		return errnoOf(err)
	}
	p.event.Interpreter = link
	p.device, p.ino = st.Dev, st.Ino
	rest := []string{text}
	if len(p.args) > 1 {
		rest = append(rest, p.args[1:]...)
	}
	p.args = []string{name}
	if argument != "" {
		p.args = append(p.args, argument)
	}
	p.args = append(p.args, rest...)
	if head, errno = headOf(place.fd); errno != 0 {
		return errno
	}
	return s.followScript(c, p, head, name, depth+1)
}

// isLoader tells whether a file is a dynamic loader, which starts any program that it is given as an argument.
func isLoader(name string) bool {
	base := path.Base(name)
	for _, prefix := range []string{"ld-linux", "ld-musl", "ld-2.", "ld64.so", "ld.so", "libc.musl-"} {
		if strings.HasPrefix(base, prefix) {
			return true
		}
	}
	return false
}

// followLoader makes the program that a loader is told to start the one that is judged.
func (s *Supervisor) followLoader(c *call, p *program) {
	given, args := loaded(p.args)
	if given == "" {
		return
	}
	place, errno := s.target(c, unix.AT_FDCWD, given, true, 0)
	if errno != 0 {
		return // nor will the loader find it
	}
	defer place.close()
	var st unix.Stat_t
	name, err := linkOf(place.fd)
	if err != nil || unix.Fstat(place.fd, &st) != nil {
		return
	}
	loader := p.event.Path
	p.event = describeFile(name, &st)
	p.event.Interpreter, p.event.Args = loader, args
}

// loaded finds the program and its arguments among the arguments of a dynamic loader.
func loaded(args []string) (string, []string) {
	withValue := []string{"--library-path", "--preload", "--audit", "--inhibit-rpath", "--argv0", "--glibc-hwcaps-prepend", "--glibc-hwcaps-mask"}
	for i := 1; i < len(args); i++ {
		switch {
		case slices.Contains(withValue, args[i]):
			i++
		case !strings.HasPrefix(args[i], "--"):
			return args[i], args[i:]
		}
	}
	return "", nil
}
