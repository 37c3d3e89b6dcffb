package preload

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// linksMax is how many links a path may lead through, as in the kernel.
const linksMax = 40

// view is the file system as one process sees it.
type view struct {
	pid  int
	root string // put before a path of the process: leads to its root directory
	// rootName is how the kernel names that directory to us: "" but for a process that changed its root.
	rootName string
}

// viewOf returns the view of a process. One that doesn't let us see its root directory gets ours.
func viewOf(pid int) view {
	v := view{pid: pid}
	root := procPath(pid, "root")
	if name, err := readlink(root); err == nil {
		v.root, v.rootName = root, strings.TrimSuffix(name, "/")
	}
	return v
}

// found is where a path leads.
type found struct {
	path string // absolute and free of links, as the process would name it
	// open names the object for our own calls. It differs from path for what only a link in /proc leads to.
	open    string
	missing bool // nothing is there, but its directory is
}

// resolve follows a path as the process would, beginning at its descriptor dirfd (or its working directory) when the path
// is relative. With follow, a link at the end is followed too. An empty path is dirfd itself.
//
// Links are followed one by one, because the links of /proc mean another thing to us than to the process: self is the
// process, and where /proc/PID/fd/N leads can't be said by a path.
func (v view) resolve(dirfd int32, name string, follow bool) (found, error) {
	switch {
	case strings.HasPrefix(name, "/"):
		return v.walk("/", name, follow)
	case dirfd == unix.AT_FDCWD && name == "":
		return found{}, unix.ENOENT
	}
	base := procPath(v.pid, "cwd")
	if dirfd != unix.AT_FDCWD {
		base = procPath(v.pid, "fd/"+strconv.Itoa(int(dirfd)))
	}
	if name == "" {
		return v.behind(base)
	}
	directory, err := v.behind(base)
	if err != nil {
		return found{}, err
	}
	if !strings.HasPrefix(directory.path, "/") {
		return found{}, fmt.Errorf("resolve %s: %w", name, unix.ENOTDIR)
	}
	return v.walk(directory.path, name, follow)
}

// walk follows the components of name from the directory cur, which is free of links.
func (v view) walk(cur, name string, follow bool) (found, error) {
	pending := strings.Split(name, "/")
	for links := 0; len(pending) > 0; {
		part := pending[0]
		pending = pending[1:]
		if part == "" || part == "." {
			continue
		}
		last := onlyDots(pending)
		next := v.own(path.Join(cur, part)) // for .. that is cur's directory, as cur is free of links
		target, err := readlink(v.root + next)
		switch {
		case errors.Is(err, unix.EINVAL), err == nil && last && !follow: // no link, or one that is meant itself
			cur = next
			continue
		case errors.Is(err, unix.ENOENT) && last:
			return found{path: next, open: v.root + next, missing: true}, nil
		case err != nil:
			return found{}, err
		}
		if links++; links > linksMax {
			return found{}, fmt.Errorf("resolve %s: %w", name, unix.ELOOP)
		}
		if isMagic(next) {
			there, err := v.behind(v.root + next)
			if err != nil || last {
				return there, err
			}
			target = there.path
		}
		if cur, err = start(cur, target, isMagic(next)); err != nil {
			return found{}, fmt.Errorf("resolve %s: %w", name, err)
		}
		pending = append(strings.Split(target, "/"), pending...)
	}
	return found{path: cur, open: v.root + cur}, nil
}

// start is where a link's target is followed from. What a link of /proc leads to must be a directory's name.
func start(directory, target string, magic bool) (string, error) {
	switch {
	case strings.HasPrefix(target, "/"):
		return "/", nil
	case magic:
		return "", unix.ENOTDIR
	default:
		return directory, nil
	}
}

// onlyDots reports whether nothing that could be named follows.
func onlyDots(parts []string) bool {
	for _, part := range parts {
		if part != "" && part != "." {
			return false
		}
	}
	return true
}

// own replaces the links of /proc that mean whoever looks.
func (v view) own(name string) string {
	switch pid := strconv.Itoa(v.pid); name {
	case "/proc/self":
		return "/proc/" + pid
	case "/proc/thread-self":
		return "/proc/" + pid + "/task/" + pid
	default:
		return name
	}
}

// isMagic reports whether a path is a link of /proc that leads to an object rather than to a path.
func isMagic(name string) bool {
	rest, ok := strings.CutPrefix(name, "/proc/")
	if !ok {
		return false
	}
	parts := strings.Split(rest, "/")
	if len(parts) > 3 && parts[1] == "task" {
		parts = append(parts[:1:1], parts[3:]...)
	}
	switch len(parts) {
	case 2:
		return parts[1] == "exe" || parts[1] == "cwd" || parts[1] == "root"
	case 3:
		return parts[1] == "fd" || parts[1] == "map_files"
	default:
		return false
	}
}

// behind returns what a link of /proc leads to.
func (v view) behind(link string) (found, error) {
	target, err := readlink(link)
	if err != nil {
		return found{}, err
	}
	name, _ := nameOf(target)
	if v.rootName != "" && strings.HasPrefix(name, "/") {
		name = "/" + strings.TrimPrefix(strings.TrimPrefix(name, v.rootName), "/")
	}
	return found{path: name, open: link}, nil
}
