package policy

import (
	"path"
	"strconv"
	"strings"
)

// fileSection is the compiled section filesystem.
type fileSection struct {
	level                 level
	allow, deny, readOnly paths
}

func (k *compiler) files(rule *Rule) fileSection {
	return fileSection{
		level:    levelOf(rule.Filesystem.Effect),
		allow:    k.paths("filesystem.whitelist", "whitelist", rule.Filesystem.Allow),
		deny:     k.paths("filesystem.blacklist", "blacklist", rule.Filesystem.Deny),
		readOnly: k.paths("autodefend.readOnly", "autodefend.readOnly", rule.Own.ReadOnly),
	}
}

// open judges a use of a file.
func (c *Compiled) open(e *Event) (finding, string) {
	s := &c.files
	if s.level == off {
		return finding{}, passOff
	}
	if kernelObject(e.File) {
		return finding{}, passRuntime
	}
	file := fromRoot(e.File)
	if entry := s.deny.find(file); entry != "" {
		return finding{s.level, deniedFile, entry, "is in the deny list"}, ""
	}
	writes := e.Access&Write != 0
	if entry := s.readOnly.find(file); entry != "" && writes {
		return finding{s.level, deniedFile, entry, "may only be read"}, ""
	}
	if len(s.allow) == 0 {
		return finding{}, passNothing
	}
	if entry := s.allow.find(file); entry != "" {
		return finding{}, entry
	}
	if neededByRuntime(ownProcess(file, e.Process.PID), writes) {
		return finding{}, passRuntime
	}
	return finding{s.level, deniedFile, "whitelist", "isn't in the allow list"}, ""
}

// kernelObject tells that a descriptor isn't a file: pipe:[123], socket:[45], anon_inode:[eventpoll].
func kernelObject(name string) bool {
	return name != "" && name[0] != '/' && strings.Contains(name, ":")
}

// fromRoot takes away what leads back to the root: /proc/1/root/etc is /etc.
func fromRoot(file string) string {
	for strings.HasPrefix(file, "/proc/") {
		rest, ok := afterRoot(file[len("/proc/"):])
		if !ok {
			return file
		}
		file = "/" + strings.TrimLeft(rest, "/")
	}
	return file
}

// afterRoot returns what follows root in PID/root or PID/task/TID/root.
func afterRoot(s string) (string, bool) {
	_, s, ok := strings.Cut(s, "/")
	if ok && strings.HasPrefix(s, "task/") {
		_, s, ok = strings.Cut(s[len("task/"):], "/")
	}
	if !ok || !strings.HasPrefix(s, "root") {
		return "", false
	}
	s = s[len("root"):]
	return s, s == "" || s[0] == '/'
}

// ownProcess writes /proc/PID of the process itself as /proc/self.
func ownProcess(file string, pid int) string {
	rest, ok := strings.CutPrefix(file, "/proc/")
	if !ok || pid <= 0 {
		return file
	}
	number, rest, _ := strings.Cut(rest, "/")
	if n, err := strconv.Atoi(number); err != nil || n != pid {
		return file
	}
	if rest == "" {
		return "/proc/self"
	}
	return "/proc/self/" + rest
}

// paths is a list of absolute paths with the labels of their entries.
type paths []labelledPath

type labelledPath struct {
	path  string // without final slash: the root is ""
	label string
}

func (k *compiler) paths(at, list string, entries []string) paths {
	var all paths
	for i, e := range entries {
		dir := strings.TrimSuffix(strings.TrimSuffix(e, "*"), "*")
		if dir != e && !strings.HasSuffix(dir, "/") || strings.ContainsAny(dir, "*?") {
			k.fail(at, i, "a path means all that is below it too", "%q has a wildcard, and paths have none", e)
			continue
		}
		if !strings.HasPrefix(dir, "/") {
			k.fail(at, i, "a path begins with a slash", "%q isn't an absolute path", e)
			continue
		}
		all = append(all, labelledPath{strings.TrimSuffix(path.Clean(dir), "/"), label(list, i)})
	}
	return all
}

// below tells whether a file is a path or under it.
func below(file, dir string) bool {
	return strings.HasPrefix(file, dir) && (len(file) == len(dir) || file[len(dir)] == '/')
}

// find returns the label of the first path that a file is below of.
func (p paths) find(file string) string {
	for i := range p {
		if below(file, p[i].path) {
			return p[i].label
		}
	}
	return ""
}

func (p paths) list() []string {
	all := make([]string, len(p))
	for i := range p {
		all[i] = p[i].path
	}
	return all
}
