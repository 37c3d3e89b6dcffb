package kernel

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

func TestRuns(t *testing.T) {
	for _, effect := range []autodefend.Effect{"", autodefend.Alert, autodefend.Prevent} {
		out, r := output(t, Config{Sections: sections(effect), Refresh: true}, nil, "/bin/sh", "-c", "echo hello; /bin/true && echo $(id -u | tr -d x)")
		if r.status.ExitStatus() != 0 {
			t.Errorf("%q: status %v", effect, r.status)
		}
		contains(t, out, "hello\n")
	}
}

func TestDeniedProgram(t *testing.T) {
	id := real(t, "/usr/bin/id")
	out, r := output(t, Config{Sections: sections(autodefend.Prevent)}, denyPath(id), "/bin/sh", "-c", "/usr/bin/id; echo status $?")
	contains(t, out, "status 126", "denied")
	if !r.judge.saw(func(e policy.Event) bool { return e.Kind == policy.Exec && e.Program.Main }) {
		t.Error("the runtime's start wasn't called main")
	}
}

func TestScripts(t *testing.T) {
	dir := real(t, openDir(t))
	id, sh, python := real(t, "/usr/bin/id"), real(t, "/bin/sh"), need(t, "python3")
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("good.sh", "#!/bin/sh\necho script $0 $1\n")
	bad := write("bad.sh", "#!/bin/sh\necho through uid=\n")
	byID := write("byid", "#!"+id+" -u\n")
	chain := write("chain", "#!"+good+" word\n")
	evil := write("evil", "#!"+byID+"\n")
	loaders, _ := filepath.Glob("/lib*/ld-linux-*")
	if len(loaders) == 0 {
		t.Skip("SKIPPED: no dynamic loader here")
	}
	memfd := "import os; f=os.memfd_create('x'); os.write(f, open('" + id + "','rb').read()); "
	tests := []struct{ name, script, want string }{
		{"script", good + " arg", "script " + good + " arg"},
		{"script by a script", chain + " more", "script " + good + " word"},
		{"relative", "cd " + dir + "; ./good.sh x", "script ./good.sh x"},
		{"denied script", bad, "denied"},
		{"denied interpreter", byID, "denied"},
		{"denied interpreter's interpreter", evil, "denied"},
		{"by link", "ln -sf " + id + " " + dir + "/l; " + dir + "/l", "denied"},
		{"loader", loaders[0] + " " + id, "denied"},
		{"loader with options", loaders[0] + " --library-path /lib --argv0 x " + id, "denied"},
		{"loader of something else", loaders[0] + " /bin/echo fine", "fine"},
		{"through a descriptor", "exec 9<" + id + "; /proc/self/fd/9; true", "denied"},
		{"env -i", "env -i " + id, "denied"},
		{"memfd", python + ` -c "` + memfd + `os.execve(f, ['id'], {})"`, "PermissionError"},
		{"memfd by path", python + ` -c "` + memfd + `os.execv('/proc/self/fd/%d' % f, ['id'])"`, "PermissionError"},
		{"descriptor", python + ` -c "import os; os.execve(os.open('` + id + `', os.O_RDONLY), ['id'], {})"`, "PermissionError"},
		{"place", python + ` -c "import os; os.execve(os.open('` + id + `', os.O_PATH), ['id'], {})"`, "PermissionError"},
		{"removed", "cp " + id + " " + dir + "/r; exec 9<" + dir + "/r; rm " + dir + "/r; /proc/self/fd/9; true", "denied"},
		{"vfork", python + ` -c "import subprocess; subprocess.run(['` + id + `'])"`, "PermissionError"},
		{"posix_spawn", python + ` -c "import os; os.waitpid(os.posix_spawn('` + id + `', ['id'], {}), 0)"`, "PermissionError"},
		{"another thread", python + ` -c "import os,threading; t=threading.Thread(target=lambda: os.execv('/bin/echo',['echo','from a thread'])); t.start(); t.join()"`, "from a thread"},
		{"a shell's failures", "/nothing; " + dir + "; " + sh + " -c 'exit 3'; echo $?", "3\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			deny := func(e policy.Event) bool { return denyPath(id, bad)(e) || e.Program.Fileless }
			out, _ := output(t, Config{Sections: sections(autodefend.Prevent)}, deny, "/bin/sh", "-c", tt.script+" 2>&1")
			if strings.Contains(out, "uid=") {
				t.Errorf("the denied program ran: %s", out)
			}
			if !strings.Contains(strings.ToLower(out), strings.ToLower(tt.want)) {
				t.Errorf("no %q in %q", tt.want, out)
			}
		})
	}
}

func TestMultithread(t *testing.T) {
	for _, tt := range []struct{ program, flag, code, want string }{
		{"python3", "-c", "import multiprocessing as m\nif __name__=='__main__':\n  with m.get_context('fork').Pool(3) as p: print(sum(p.map(abs, range(100))))", "4950"},
		{"python3", "-c", "from concurrent.futures import ThreadPoolExecutor as E; import subprocess\nwith E(8) as e: print(sum(e.map(lambda i: int(subprocess.run(['echo',str(i)],capture_output=True).stdout), range(40))))", "780"},
		{"python3", "-c", "import asyncio\nasync def main():\n  r=await asyncio.gather(*[asyncio.create_subprocess_exec('true') for _ in range(10)])\n  print(sum([await p.wait() for p in r]), 'fine')\nasyncio.run(main())", "0 fine"},
		{"python3", "-c", "import sqlite3,tempfile,os\nd=tempfile.mkdtemp(); c=sqlite3.connect(d+'/x'); c.execute('create table t(a)'); c.execute('insert into t values(5)'); c.commit(); print(c.execute('select a from t').fetchall(), os.listdir(d))", "[(5,)] ['x']"},
		{"node", "-e", "const {Worker}=require('worker_threads'),cp=require('child_process');let n=4;for(let i=0;i<4;i++)new Worker('require(\"fs\").readFileSync(\"/etc/passwd\")',{eval:true}).on('exit',c=>{if(!--n)cp.exec('echo all',(e,o)=>console.log(e,o))})", "all"},
		{"node", "-e", "const cp=require('child_process');const f=require('fs').mkdtempSync('/tmp/k')+'/c.js';require('fs').writeFileSync(f,'process.on(\"message\",m=>{process.send(m+1);process.disconnect()})');const c=cp.fork(f);c.on('message',m=>console.log('got',m));c.send(1)", "got 2"},
		{"ruby", "-e", "puts (0..5).map{|i| r,w=IO.pipe; fork{ w.puts i*2; exit!(0)}; w.close; r.read.to_i}.sum; Process.waitall; puts `echo back`", "30\nback"},
	} {
		t.Run(tt.program, func(t *testing.T) {
			out, _ := output(t, Config{Sections: sections(autodefend.Prevent)}, nil, need(t, tt.program), tt.flag, tt.code)
			contains(t, out, tt.want)
		})
	}
}

// TestWritable: as root only usual places count; again as nobody, what nobody owns or may write does too.
func TestWritable(t *testing.T) {
	user := os.Geteuid()
	dir := openDir(t)
	for _, file := range []struct {
		name string
		mode os.FileMode
	}{{"own", 0o555}, {"open", 0o755}} {
		name := filepath.Join(dir, file.name)
		if err := os.WriteFile(name, nil, file.mode); err != nil {
			t.Fatal(err)
		}
		if got := writable(name, user); got != (user != 0) {
			t.Errorf("%s for user %d: %v", file.name, user, got)
		}
	}
	if writable("/etc/passwd", user) {
		t.Errorf("/etc/passwd for user %d", user)
	}
	for name, want := range map[string]bool{"/tmp/x": true, "/tmpx": false, "/dev/shm/a/b": true, "/usr/bin/env": false} {
		if got := usuallyWritable(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
