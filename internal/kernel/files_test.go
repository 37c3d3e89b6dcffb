package kernel

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
	"golang.org/x/sys/unix"
)

// TestOldLinks: names that files have outside of denied directories from before the start.
func TestOldLinks(t *testing.T) {
	tests := []struct {
		name, script string
		through      bool
	}{
		{"read", `cat $D/old`, true},
		{"copied", `cp $D/old $D/copy; cat $D/copy`, true},
		{"written", `echo changed > $D/old`, false},
		{"mode changed", `chmod 0 $D/old`, false},
		{"linked again", `ln $D/old $D/h; cat $D/h`, true},
		{"another link", `cat $D/twin`, false},
		{"renamed", `mv $D/old $D/h; cat $D/h`, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, effect := range []autodefend.Effect{autodefend.Prevent, autodefend.Alert} {
				s, deny, dir, secret := secretPolicy(t, effect)
				key := filepath.Join(secret, "deep", "token")
				if err := errors.Join(
					os.MkdirAll(filepath.Dir(key), 0o777), os.WriteFile(key, []byte("hunter3\n"), 0o666), os.Link(key, filepath.Join(dir, "old")),
					os.Link(filepath.Join(dir, "public"), filepath.Join(dir, "twin")),
				); err != nil {
					t.Fatal(err)
				}
				out, r := output(t, Config{Sections: s}, deny, "/bin/sh", "-c", "D="+dir+"; "+tt.script+"; cat $D/twin; echo end")
				if through := strings.Contains(out, "hunter3"); through != (tt.through && !effect.Stops()) || !strings.Contains(out, "news\nend") {
					t.Errorf("%s: %q", effect, out)
				}
				if content, _ := os.ReadFile(key); effect.Stops() && string(content) != "hunter3\n" {
					t.Errorf("changed to %q", content)
				}
				if named := r.judge.saw(func(e policy.Event) bool { return e.File == key }); named != (tt.name != "another link") {
					t.Errorf("%s: the denied name was judged: %v", effect, named)
				}
			}
		})
	}
}

// TestProcLinks: links of /proc lead where they lead for the caller, and what is judged is what they lead to.
func TestProcLinks(t *testing.T) {
	python := need(t, "python3")
	s, deny, dir, _ := secretPolicy(t, autodefend.Prevent)
	script := `
import os, threading
os.chdir("` + dir + `")
public = os.open("public", os.O_RDONLY)
high = 700
os.dup2(public, high)
os.symlink("/nothing/here", "dangling")
def roots():
    task = f"/proc/self/task/{threading.get_native_id()}"
    for way in ("/proc/self", "/proc/thread-self", task, f"/proc/{os.getpid()}/task/{threading.get_native_id()}"):
        for rest in ("/root/` + dir + `", "/cwd", "/cwd/../` + filepath.Base(dir) + `"):
            print(open(way + rest + "/public").read().strip(), end=" ")
            try: print(open(way + rest + "/secret/key").read())
            except PermissionError: print("refused")
        print(open(f"{way}/fd/{public}").read().strip(), "refused")
    for name in (task + "/comm", f"/proc/self/fdinfo/{high}", f"/dev/fd/{high}", f"/proc/self/fd/{high}", "../proc/self/../self/fd/" + str(high)):
        try: open(("" if name[0] == "/" else "/tmp/") + name).read()
        except OSError as e: print(name, e)
    for name in ("/proc/self/fd/900", "/proc/self/task/1/comm", "/proc/self/nothing", "/etc/nothing", "/bin/nothing", "nothing/x", "dangling"):
        try: open(name).read(); print(name)
        except FileNotFoundError: pass
    print("news refused")
t = threading.Thread(target=roots); t.start(); t.join(); roots()
`
	out, _ := output(t, Config{Sections: s}, deny, python, "-c", script)
	if want := strings.Repeat("news refused\n", 34); out != want {
		t.Error(out)
	}
}

func TestLinksAreBounded(t *testing.T) {
	dir := openDir(t)
	for i := range 30 {
		name := filepath.Join(dir, strconv.Itoa(i))
		if err := errors.Join(os.WriteFile(name, nil, 0o600), os.Link(name, name+"x")); err != nil {
			t.Fatal(err)
		}
	}
	var st unix.Stat_t
	if err := unix.Stat(filepath.Join(dir, "7"), &st); err != nil {
		t.Fatal(err)
	}
	l := newLinks([]string{"/", filepath.Join(dir, "missing"), dir}, 1000)
	names, complete := l.of(&st)
	if want := []string{filepath.Join(dir, "7"), filepath.Join(dir, "7x")}; !slices.Equal(names, want) || !complete {
		t.Errorf("%q, complete %v", names, complete)
	}
	l = newLinks([]string{dir}, 20)
	if _, complete := l.of(&st); complete || len(l.names[st.Dev]) == 0 {
		t.Errorf("20 of 61 files are all, %d known", len(l.names[st.Dev]))
	}
	if _, complete := l.of(&st); !complete {
		t.Error("says twice that not all is known")
	}
	st.Dev++
	if names, complete := l.of(&st); len(names) > 0 || !complete {
		t.Errorf("on another file system: %q", names)
	}
}

// secretPolicy denies a directory below dir and returns its sections, the denial and the secret's path.
func secretPolicy(t testing.TB, effect autodefend.Effect) (policy.Sections, func(policy.Event) bool, string, string) {
	t.Helper()
	dir := real(t, openDir(t))
	secret := filepath.Join(dir, "secret")
	if err := os.Mkdir(secret, 0o777); err != nil {
		t.Fatal(err)
	}
	_ = os.Chmod(secret, 0o777)
	if err := os.WriteFile(filepath.Join(secret, "key"), []byte("hunter2\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "public"), []byte("news\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	s := sections(effect)
	s.Files.DenyRead, s.Files.DenyWrite = []string{secret}, []string{secret}
	deny := func(e policy.Event) bool { return effect.Stops() && e.Kind == policy.Open && below(e.File, secret) }
	return s, deny, dir, secret
}

func TestFiles(t *testing.T) {
	tests := []struct{ name, script string }{
		{"by its name", `cat $D/secret/key`},
		{"with dots", `cat $D/secret/../secret/./key`},
		{"relative", `cd $D; cat secret/key`},
		{"from inside", `cd $D/secret; cat key`},
		{"symbolic link", `ln -s $D/secret/key $D/l; cat $D/l`},
		{"link to the directory", `ln -s secret $D/l2; cat $D/l2/key`},
		{"the root of oneself", `cat /proc/self/root/$D/secret/key`},
		{"the root of another", `sleep 5 & cat /proc/$!/root/$D/secret/key; kill $!`},
		{"the directory of oneself", `cd $D; cat /proc/self/cwd/secret/key`},
		{"hard link", `ln $D/secret/key $D/h; cat $D/h`},
		{"renamed", `mv $D/secret/key $D/k; cat $D/k`},
		{"the directory renamed", `mv $D/secret $D/s2; cat $D/s2/key`},
		{"linked to", `cp -l $D/secret/key $D/h2; cat $D/h2`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, deny, dir, _ := secretPolicy(t, autodefend.Prevent)
			out, _ := output(t, Config{Sections: s}, deny, "/bin/sh", "-c", "D="+dir+"; "+tt.script+"; echo end")
			if strings.Contains(out, "hunter2") || !strings.Contains(out, "end") {
				t.Errorf("%q", out)
			}
		})
	}
}

// TestFilesGoOn does all kinds of harmless things to files and compares with what happens without supervision.
func TestFilesGoOn(t *testing.T) {
	script := `cd $D; umask 027
echo a > a; cat a; echo b >> a; cat a; mkdir d; stat -c '%a %F' d a; mkdir -p x/y/z; ls -R x
ln -s a l; readlink l; cat l; echo c > l; cat a; ln a h; stat -c %h a; mv h h2; rm h2; chmod 640 a; stat -c %a a
touch -d @1000 a; stat -c %Y a; touch -h -d @2000 l; stat -c %Y l; truncate -s 1 a; stat -c %s a
ln -s nowhere dangling; echo through > dangling; cat nowhere; cat < /dev/null; echo x > /dev/null
mkfifo f; (echo fifo > f) & cat f; wait
cat /proc/self/comm; readlink /proc/self/exe > /dev/null && echo exe; ls /proc/self/fd > /dev/null && echo fds
head -c 4 /dev/zero | od -c | head -1; ls nothing; cat nothing; rmdir d; rm -r x; ls; echo err >&2; cat /dev/fd/0 < a; : > a; wc -c a
mkdir e/; rmdir e/; cat a/; cat x/../a; set -C; echo y > a; set +C; cp a b; cp -p a c; mv -T b c; ls; cat ''; stat -c %n .; ls -d ..
printf '#!/bin/sh\necho script $0 $1\n' > s.sh; chmod +x s.sh; ./s.sh arg; sh ./s.sh; echo bad > t; chmod +x t; ./t; ./nothing; ./d`
	run := func(t *testing.T, effect autodefend.Effect) string {
		s, deny, dir, _ := secretPolicy(t, effect)
		out, _ := output(t, Config{Sections: s, Refresh: true}, deny, "/bin/sh", "-c", "D="+dir+"; "+script)
		return strings.ReplaceAll(out, dir, "DIR")
	}
	bare := run(t, autodefend.Disable)
	contains(t, bare, "fifo", "through", "script ./s.sh arg")
	for _, effect := range []autodefend.Effect{autodefend.Alert, autodefend.Prevent} {
		if got := run(t, effect); got != bare {
			t.Errorf("%s:\n%s\nwithout:\n%s", effect, got, bare)
		}
	}
}

// TestIdentity: a function that gave up its rights doesn't get them back through the supervisor.
func TestIdentity(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: needs rights to give up")
	}
	program := compile(t, `
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <grp.h>
int main(int argc, char **argv) {
	char path[300];
	printf("root reads: %s\n", open(argv[1], O_RDONLY) < 0 ? strerror(errno) : "yes");
	setgroups(0, 0); setgid(65534); setuid(65534);
	printf("nobody reads: %s\n", open(argv[1], O_RDONLY) < 0 ? strerror(errno) : "yes");
	printf("nobody removes: %s\n", unlink(argv[1]) < 0 ? strerror(errno) : "yes");
	snprintf(path, sizeof path, "%s/new", argv[2]);
	close(open(path, O_CREAT | O_WRONLY, 0666));
	struct stat st; stat(path, &st);
	printf("owner %d %d\n", st.st_uid, st.st_gid);
	return 0;
}`)
	dir := openDir(t)
	file := filepath.Join(t.TempDir(), "private")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	out, _ := output(t, Config{Sections: sections(autodefend.Prevent)}, nil, program, file, dir)
	contains(t, out, "root reads: yes", "nobody reads: Permission denied", "nobody removes: Permission denied", "owner 65534 65534")
}
