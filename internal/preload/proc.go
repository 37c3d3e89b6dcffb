package preload

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/autodefend/autodefend/internal/policy"
)

// commandMax bounds policy.Process.Command, in bytes.
const commandMax = 1024

// mapsMax bounds how much of a process's map of memory is read.
const mapsMax = 2 << 20

// procPath names a file of a process in /proc.
func procPath(pid int, name string) string {
	return "/proc/" + strconv.Itoa(pid) + "/" + name
}

// lookAt says who a process is, as far as it can be seen. A process that is gone, or hides, has a PID and nothing else.
func lookAt(pid int) policy.Process {
	p := policy.Process{PID: pid, Path: executable(pid), Command: command(pid)}
	if stat, err := readStat(pid); err == nil && stat.parent > 0 {
		p.Parent = executable(stat.parent)
	}
	return p
}

// executable is the path of a process's program: "memfd:name" for one without a file, "" when it can't be seen.
func executable(pid int) string {
	link, err := readlink(procPath(pid, "exe"))
	if err != nil {
		return ""
	}
	path, _ := nameOf(link)
	return path
}

// nameOf takes the kernel's remarks off the target of a link in /proc, and reports whether the file was removed or
// never had a name. A file that is really called "x (deleted)" is taken for a removed one; stat tells them apart.
func nameOf(link string) (string, bool) {
	path, removed := strings.CutSuffix(link, " (deleted)")
	if name, ok := strings.CutPrefix(path, "/memfd:"); ok {
		return "memfd:" + name, true
	}
	return path, removed
}

// command is a process's command line with blanks between the arguments, at most commandMax bytes.
func command(pid int) string {
	raw, err := readProc(procPath(pid, "cmdline"), commandMax)
	if err != nil {
		return ""
	}
	raw = bytes.TrimRight(raw, "\x00")
	return strings.ToValidUTF8(string(bytes.ReplaceAll(raw, []byte{0}, []byte{' '})), "?")
}

// stat is what we use of /proc/PID/stat.
type stat struct {
	parent  int
	started uint64 // clock ticks after boot: with the process id it names a process for good
}

func readStat(pid int) (stat, error) {
	raw, err := readProc(procPath(pid, "stat"), 1024)
	if err != nil {
		return stat{}, err
	}
	return parseStat(raw)
}

var errStat = errors.New("malformed process status")

// parseStat reads a line of /proc/PID/stat. The process chooses its own name, the second field, and may put blanks and
// parentheses into it; the last parenthesis is the kernel's.
func parseStat(line []byte) (stat, error) {
	const parentField, startedField = 1, 19 // after the name
	end := bytes.LastIndexByte(line, ')')
	if end < 0 {
		return stat{}, errStat
	}
	fields := bytes.Fields(line[end+1:])
	if len(fields) <= startedField {
		return stat{}, errStat
	}
	parent, err := strconv.Atoi(string(fields[parentField]))
	if err != nil || parent < 0 {
		return stat{}, errStat
	}
	started, err := strconv.ParseUint(string(fields[startedField]), 10, 64)
	if err != nil {
		return stat{}, errStat
	}
	return stat{parent: parent, started: started}, nil
}

// hasMapped reports whether a process has a file in its memory.
func hasMapped(pid int, path string) bool {
	raw, err := readProc(procPath(pid, "maps"), mapsMax)
	return err == nil && bytes.Contains(raw, []byte(" "+path+"\n"))
}

// readProc reads at most limit bytes of a file of /proc. Such files come in pieces that may be shorter than what was asked
// for, so only an empty piece is the end.
func readProc(path string, limit int) ([]byte, error) {
	fd, err := retry(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	defer func() { _ = unix.Close(fd) }()
	buffer := make([]byte, 0, min(limit, 4096))
	for len(buffer) < limit {
		if len(buffer) == cap(buffer) {
			buffer = append(buffer, 0)[:len(buffer)]
		}
		space := buffer[len(buffer):min(cap(buffer), limit)]
		n, err := retry(func() (int, error) { return unix.Read(fd, space) })
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		if n == 0 {
			break
		}
		buffer = buffer[:len(buffer)+n]
	}
	return buffer, nil
}

// readlink returns the target of a symbolic link.
func readlink(path string) (string, error) {
	buffer := make([]byte, 512)
	for {
		n, err := retry(func() (int, error) { return unix.Readlink(path, buffer) })
		if err != nil {
			return "", fmt.Errorf("read link %s: %w", path, err)
		}
		if n < len(buffer) {
			return string(buffer[:n]), nil
		}
		if len(buffer) > unix.PathMax {
			return "", fmt.Errorf("read link %s: %w", path, unix.ENAMETOOLONG)
		}
		buffer = make([]byte, 2*len(buffer))
	}
}

// retry calls again what a signal interrupted.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}
