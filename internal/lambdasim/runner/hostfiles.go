//go:build linux

package runner

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// The user and group that Lambda runs functions as.
const (
	lambdaUID = 993
	lambdaGID = 990
)

// systemDirs are the directories of programs and libraries; on many machines
// some are links into /usr.
func systemDirs() []string {
	return []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}
}

// etcEntries are the files of /etc that libraries and runtimes read and that
// tell nothing about this machine's people.
func etcEntries() []string {
	return []string{
		"resolv.conf", "nsswitch.conf", "host.conf", "gai.conf", "protocols", "services", "mime.types",
		"localtime", "timezone", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives",
		"ssl", "pki", "ca-certificates", "ca-certificates.conf", "crypto-policies",
		"java-8-openjdk", "java-11-openjdk", "java-17-openjdk", "java-21-openjdk", "java-25-openjdk",
		"fonts", "magic", "mime", "sysconfig/clock",
	}
}

// deviceNames are the devices of a sandbox.
func deviceNames() []string { return []string{"null", "zero", "full", "random", "urandom"} }

// hostPlan plans a root directory that shows what any runtime needs of this
// machine.
func hostPlan(mountpoint string, uid, gid int) *rootPlan {
	p := &rootPlan{
		Mountpoint: mountpoint, UID: uid, GID: gid, TmpMB: 512, Hostname: "169",
		Links: map[string]string{
			"/dev/fd": "/proc/self/fd", "/dev/stdin": "/proc/self/fd/0",
			"/dev/stdout": "/proc/self/fd/1", "/dev/stderr": "/proc/self/fd/2",
		},
		Files: map[string]string{
			"/etc/hosts":    "127.0.0.1 localhost\n::1 localhost\n",
			"/etc/hostname": "169\n",
			"/etc/passwd":   passwdFile(uid, gid),
			"/etc/group":    fmt.Sprintf("root:x:0:\nsbx:x:%d:\n", gid),
		},
	}
	for _, dir := range systemDirs() {
		p.show(dir)
	}
	for _, name := range etcEntries() {
		p.show("/etc/" + name)
	}
	for _, name := range deviceNames() {
		p.Binds = append(p.Binds, Bind{Source: "/dev/" + name, Target: "/dev/" + name, Device: true})
	}
	return p
}

// passwdFile names the users of a sandbox.
func passwdFile(uid, gid int) string {
	text := "root:x:0:0:root:/root:/sbin/nologin\n"
	if uid != 0 {
		text += fmt.Sprintf("sbx_user1051:x:%d:%d::/home/sbx_user1051:/sbin/nologin\n", uid, gid)
	}
	return text
}

// show shows a path of this machine at the same place, if it is there: a link
// into a directory that is shown stays a link, one that leads elsewhere is
// replaced by what it leads to.
func (p *rootPlan) show(path string) {
	info, err := os.Lstat(path)
	if err != nil {
		return
	}
	if info.Mode()&os.ModeSymlink != 0 {
		if to, err := os.Readlink(path); err == nil && p.shows(to, path) {
			p.Links[path] = to
			return
		}
		if source, err := filepath.EvalSymlinks(path); err == nil {
			p.Binds = append(p.Binds, Bind{Source: source, Target: path})
		}
		return
	}
	p.Binds = append(p.Binds, Bind{Source: path, Target: path})
}

// shows reports whether a link's target is within a directory that is shown.
func (p *rootPlan) shows(to, from string) bool {
	if !filepath.IsAbs(to) {
		to = filepath.Join(filepath.Dir(from), to)
	}
	for _, b := range p.Binds {
		if within(to, b.Target) {
			return true
		}
	}
	return false
}

// within reports whether a path is a directory or something in it.
func within(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

// add shows further files and directories and checks that they are there.
func (p *rootPlan) add(binds []Bind) error {
	for _, b := range binds {
		target, err := b.cleanTarget()
		if err != nil {
			return err
		}
		if _, err := os.Stat(b.Source); err != nil {
			return fmt.Errorf("show %s: %w", target, errors.Unwrap(err))
		}
		if p.covered(b, target) {
			continue
		}
		b.Target = target
		p.Binds = append(p.Binds, b)
	}
	return nil
}

// covered reports whether a bind shows nothing that isn't shown already.
func (p *rootPlan) covered(b Bind, target string) bool {
	if b.Writable || b.Source != target {
		return false
	}
	for _, shown := range p.Binds {
		if shown.Source == shown.Target && within(target, shown.Target) {
			return true
		}
	}
	return false
}
