//go:build linux

package runner

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cgroup is a control group that was made for one sandbox.
type cgroup struct {
	dir string
	// unified reports version 2.
	unified bool
}

// cgroupParents returns directories below which a group may be made for a
// controller, the likeliest first: where this process is, and the top. An empty
// controller asks for version 2.
func cgroupParents(controller string) []string {
	mount := cgroupMount(controller)
	if mount == "" {
		return nil
	}
	own := ownCgroup(controller)
	if own == "" || own == "/" {
		return []string{mount}
	}
	return []string{filepath.Join(mount, own), mount}
}

// cgroupMount returns where a controller's hierarchy is mounted, or "".
func cgroupMount(controller string) string {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	defer shut(f)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		before, after, found := strings.Cut(lines.Text(), " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !found || len(left) < 5 || len(right) < 3 {
			continue
		}
		if controller == "" && right[0] == "cgroup2" || controller != "" && right[0] == "cgroup" && hasItem(right[2], controller) {
			return left[4]
		}
	}
	return ""
}

// ownCgroup returns this process's group in a controller's hierarchy, or "".
func ownCgroup(controller string) string {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) == 3 && (controller == "" && parts[0] == "0" || controller != "" && hasItem(parts[1], controller)) {
			return parts[2]
		}
	}
	return ""
}

// hasItem reports whether a list with commas has an item.
func hasItem(list, item string) bool {
	return strings.Contains(","+list+",", ","+item+",")
}

// newCgroup makes a group that has a control file, or returns nil.
func newCgroup(controller, file string) *cgroup {
	for _, parent := range cgroupParents(controller) {
		dir, err := os.MkdirTemp(parent, "autodefend-"+strconv.Itoa(os.Getpid())+"-")
		if err != nil {
			continue
		}
		g := &cgroup{dir: dir, unified: controller == ""}
		if _, err := os.Stat(filepath.Join(dir, file)); err == nil {
			return g
		}
		_ = g.remove()
	}
	return nil
}

// join opens the file that a process joins the group by.
func (g *cgroup) join() (*os.File, error) {
	return os.OpenFile(filepath.Join(g.dir, "cgroup.procs"), os.O_WRONLY, 0)
}

// write sets a control file.
func (g *cgroup) write(file, value string) error {
	return os.WriteFile(filepath.Join(g.dir, file), []byte(value), 0)
}

// number reads a control file that holds a number, or a line of a file that
// holds names and numbers; 0 when there is none.
func (g *cgroup) number(file, name string) int64 {
	text, err := os.ReadFile(filepath.Join(g.dir, file))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 1 && name == "" || len(fields) == 2 && fields[0] == name {
			n, _ := strconv.ParseInt(fields[len(fields)-1], 10, 64)
			return n
		}
	}
	return 0
}

// remove removes the group. The kernel takes a moment to let go of the last
// processes that ended in it.
func (g *cgroup) remove() error {
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		err := unix.Rmdir(g.dir)
		if err == nil || errors.Is(err, unix.ENOENT) {
			return nil
		}
		if !errors.Is(err, unix.EBUSY) || time.Now().After(deadline) {
			return fmt.Errorf("remove cgroup %s: %w", g.dir, err)
		}
	}
}
