//go:build linux

package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Limits of a function's processes.
const (
	maxOpenFiles = 1024
	maxProcesses = 1024
)

// enter is the life of a process before it is its program: it takes the user
// and the limits, gives up every privilege, takes the profile and becomes the
// program. It returns only when that fails, which it tells on the socket.
func enter() int {
	// Capabilities, user and filter belong to the thread, which becomes the
	// program.
	runtime.LockOSThread()
	given := os.NewFile(controlFD, "start")
	defer runtime.KeepAlive(given) // its number will be somebody else's
	var p process
	if err := json.NewDecoder(given).Decode(&p); err != nil {
		return tell(given, fmt.Errorf("read what to start: %w", err))
	}
	fd, err := p.arrangeFiles()
	if err != nil {
		return tell(given, err)
	}
	control := os.NewFile(uintptr(fd), "start")
	steps := []func() error{p.joinCgroups, p.limit, p.changeDir, p.dropPrivileges, p.takeProfile}
	for _, step := range steps {
		if err := step(); err != nil {
			return tell(control, err)
		}
	}
	return tell(control, p.become())
}

// tell reports a failure to whoever waits.
func tell(control *os.File, err error) int {
	_ = json.NewEncoder(control).Encode(failed(kindStarted, 0, err))
	return 127
}

// firstExtra is where the descriptors after the start socket begin.
const firstExtra = controlFD + 1

// arrangeFiles moves the start socket out of the way and the log pipe to
// number 3, and has everything else closed with the start of the program. It
// returns the socket's number.
func (p *process) arrangeFiles() (int, error) {
	moved, err := unix.FcntlInt(controlFD, unix.F_DUPFD_CLOEXEC, 64)
	if err != nil {
		return 0, fmt.Errorf("move start socket: %w", err)
	}
	if err := unix.CloseRange(controlFD, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return 0, fmt.Errorf("close descriptors: %w", err)
	}
	if p.LogPipe {
		if err := unix.Dup3(firstExtra, controlFD, 0); err != nil {
			return 0, fmt.Errorf("place log pipe: %w", err)
		}
	}
	return moved, nil
}

// joinCgroups makes this process, and so all it starts, count in the
// function's cgroups.
func (p *process) joinCgroups() error {
	first := firstExtra
	if p.LogPipe {
		first++
	}
	for i := range p.Cgroups {
		if _, err := unix.Write(first+i, []byte("0")); err != nil {
			return fmt.Errorf("join cgroup: %w", err)
		}
	}
	return nil
}

// limit sets the resource limits.
func (p *process) limit() error {
	// By package syscall: it restores its own idea of this limit at exec unless
	// told here.
	files := syscall.Rlimit{Cur: maxOpenFiles, Max: maxOpenFiles}
	if err := syscall.Setrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return fmt.Errorf("limit open files: %w", err)
	}
	if !p.Namespaces {
		return nil // the limit would count the user's processes outside
	}
	processes := unix.Rlimit{Cur: maxProcesses, Max: maxProcesses}
	if err := unix.Setrlimit(unix.RLIMIT_NPROC, &processes); err != nil {
		return fmt.Errorf("limit processes: %w", err)
	}
	core := unix.Rlimit{}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &core); err != nil {
		return fmt.Errorf("limit core files: %w", err)
	}
	return nil
}

// changeDir enters the working directory.
func (p *process) changeDir() error {
	unix.Umask(0o022)
	if p.Dir == "" {
		return nil
	}
	if err := unix.Chdir(p.Dir); err != nil {
		return fmt.Errorf("enter %s: %w", p.Dir, err)
	}
	return nil
}

// become replaces this process by the program.
func (p *process) become() error {
	path, err := p.program()
	if err != nil {
		return err
	}
	return fmt.Errorf("start %s: %w", p.Argv[0], syscall.Exec(path, p.Argv, p.Env))
}

// program finds the program on the PATH of its own environment.
func (p *process) program() (string, error) {
	name := p.Argv[0]
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, dir := range filepath.SplitList(lookupEnv(p.Env, "PATH")) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && !info.IsDir() && unix.Access(path, unix.X_OK) == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("start %s: %w", name, syscall.ENOENT)
}

// lookupEnv returns the value of the last entry of a variable.
func lookupEnv(env []string, name string) string {
	value := ""
	for _, entry := range env {
		if v, ok := strings.CutPrefix(entry, name+"="); ok {
			value = v
		}
	}
	return value
}

// ignorable drops an error that a sandbox without privileges expects.
func ignorable(err error) error {
	if errors.Is(err, unix.EPERM) {
		return nil
	}
	return err
}
