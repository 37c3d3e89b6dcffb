package preload

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/autodefend/autodefend/internal/policy"
)

// attempt is one way to do what the rule denies, in one language, and what the program must print.
type attempt struct {
	name   string
	code   string
	want   string // what is printed, or "" when denial is enough
	denied string // what the policy must have denied, or "" for nothing
}

func (w *world) try(t *testing.T, attempts []attempt, command func(code string) []string) {
	t.Helper()
	for _, a := range attempts {
		w.take()
		got := w.run(t, command(a.code)...)
		denied := w.denials()
		if a.want != "" && got != a.want {
			t.Errorf("%s: printed %q, want %q", a.name, got, a.want)
		}
		if a.denied == "" && len(denied) > 0 || a.denied != "" && !slices.Contains(denied, a.denied) {
			t.Errorf("%s: denied %q, want %q; it printed %q", a.name, denied, a.denied, got)
		}
		if strings.Contains(got, "secret content") || strings.Contains(got, "uid=") {
			t.Errorf("%s: it happened: %q", a.name, got)
		}
	}
}

const (
	deniedID     = "exec /usr/bin/id"
	deniedSecret = "open DIR/secret"
)

func TestPython(t *testing.T) {
	python := needs(t, "/usr/bin/python3")
	attempts := []attempt{
		{"allowed", "import subprocess; print(open('open').read(), subprocess.run(['true']).returncode)", "open content 0", ""},
		{"environment", "import os; print([k for k in os.environ if 'PRELOAD' in k or 'SHIM' in k])", "[]", ""},
		{"open", "try: print(open('secret').read())\nexcept PermissionError: print('no')", "no", deniedSecret},
		{"os.open", "import os\ntry: print(os.read(os.open('./secret', os.O_RDONLY), 99))\nexcept PermissionError: print('no')", "no", deniedSecret},
		{"link", "import os,tempfile\nd=tempfile.mkdtemp(); os.symlink(os.path.abspath('secret'), d+'/l')\ntry: print(open(d+'/l').read())\nexcept PermissionError: print('no')", "no", deniedSecret},
		{"ctypes", "import ctypes,os\nl=ctypes.CDLL(None,use_errno=True)\nprint(l.open(b'secret',0), ctypes.get_errno())", "-1 13", deniedSecret},
		{"ctypes by name", "import ctypes\nl=ctypes.CDLL('libc.so.6',use_errno=True)\nprint(l.open(b'secret',0), ctypes.get_errno())", "-1 13", deniedSecret},
		{"ctypes syscall", "import ctypes\nl=ctypes.CDLL('libc.so.6',use_errno=True)\nprint(l.syscall(257,-100,b'secret',0), ctypes.get_errno())", "-1 13", deniedSecret},
		{"subprocess", "import subprocess\ntry: print(subprocess.run(['id']))\nexcept PermissionError: print('no')", "no", deniedID},
		{"os.system", "import os; print(os.system('id 2>/dev/null'))", "32256", deniedID},
		{"os.execve", "import os\ntry: os.execve('/usr/bin/id', ['id'], {})\nexcept PermissionError: print('no')", "no", deniedID},
		{"posix_spawn", "import os\ntry: print(os.posix_spawn('/usr/bin/id', ['id'], {}))\nexcept PermissionError: print('no')", "no", deniedID},
		{"empty environment", "import subprocess; print(subprocess.run(['env','-i','/bin/sh','-c','id 2>/dev/null']).returncode)", "126", deniedID},
		{"connect", "import socket\ntry: socket.create_connection(('192.0.2.1',80),3)\nexcept PermissionError: print('no')", "no", "connect 192.0.2.1:80"},
		{"sendto", "import socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\ntry: s.sendto(b'x',('192.0.2.1',53))\nexcept PermissionError: print('no')", "no", "connect 192.0.2.1:53"},
		{"mapped", "import socket\ns=socket.socket(socket.AF_INET6)\ns.settimeout(3)\ntry: s.connect(('::ffff:192.0.2.1',80))\nexcept PermissionError: print('no')", "no", "connect 192.0.2.1:80"},
		{"listen", "import socket\ns=socket.socket()\ntry: s.bind(('127.0.0.1',4444)); s.listen(); print('yes')\nexcept PermissionError: print('no')", "no", "listen 127.0.0.1:4444"},
		{"resolve", "import socket\ntry: socket.getaddrinfo('Denied.Example',80); print('yes')\nexcept socket.gaierror: print('no')", "no", "resolve denied.example"},
	}
	asUser(t, func(t *testing.T, w *world) {
		w.try(t, attempts, func(code string) []string { return []string{python, "-c", code} })
	})
}

func TestNode(t *testing.T) {
	node := needs(t, "/usr/bin/node")
	attempts := []attempt{
		{"allowed", "console.log(require('fs').readFileSync('open','utf8'), require('child_process').spawnSync('true').status)", "open content 0", ""},
		{"environment", "console.log(Object.keys(process.env).filter(k=>/PRELOAD|SHIM/.test(k)).length)", "0", ""},
		{"readFile", "require('fs').readFile('secret',(e,d)=>console.log(e?e.code:String(d)))", "EACCES", deniedSecret},
		{"binding", "const b=process.binding('fs');const r=new b.FSReqCallback();r.oncomplete=e=>console.log(e?e.code:'yes');b.open('secret',0,438,r)", "EACCES", deniedSecret},
		{"spawn", "require('child_process').spawn('id').on('error',e=>console.log(e.code)).on('exit',c=>console.log(c))", "EACCES", deniedID},
		{"exec", "require('child_process').exec('id',(e)=>console.log(e.code))", "126", deniedID},
		{"spawn binding", "const{Process}=process.binding('process_wrap');const p=new Process();p.onexit=()=>{};console.log(p.spawn({file:'/usr/bin/id',args:['id'],stdio:[{type:'ignore'},{type:'inherit',fd:1},{type:'ignore'}]}))", "-13", deniedID},
		{"connect", "require('net').connect(80,'192.0.2.1').on('error',e=>console.log(e.code))", "EACCES", "connect 192.0.2.1:80"},
		{"listen", "require('net').createServer().on('error',e=>console.log(e.code)).listen(4444,'127.0.0.1',()=>{console.log('yes');process.exit()})", "EACCES", "listen 127.0.0.1:4444"},
		{"lookup", "require('dns').lookup('denied.example',e=>console.log(e?'no':'yes'))", "no", "resolve denied.example"},
		{"worker", "new(require('worker_threads').Worker)(\"try{require('fs').readFileSync('secret');console.log('yes')}catch(e){console.log(e.code)}\",{eval:true})", "EACCES", deniedSecret},
	}
	asUser(t, func(t *testing.T, w *world) {
		w.try(t, attempts, func(code string) []string { return []string{node, "--no-deprecation", "-e", code} })
	})
}

func TestRuby(t *testing.T) {
	ruby := needs(t, "/usr/bin/ruby")
	attempts := []attempt{
		{"allowed", "puts File.read('open')+' '+system('true').to_s", "open content true", ""},
		{"read", "begin; puts File.read('secret'); rescue Errno::EACCES; puts 'no'; end", "no", deniedSecret},
		{"fork", "pid=fork{begin; File.read('secret'); rescue Errno::EACCES; puts 'no'; end}; Process.wait(pid)", "no", deniedSecret},
		{"system", "p system('id')", "nil", deniedID},
		{"backticks", "begin; puts `id`; rescue Errno::EACCES; puts 'no'; end", "no", deniedID},
		{"syscall", "begin; syscall(257,-100,'secret',0); puts 'yes'; rescue SystemCallError=>e; puts e.class; end", "Errno::EACCES", deniedSecret},
		{"connect", "require 'socket'; begin; TCPSocket.new('192.0.2.1',80); rescue Errno::EACCES; puts 'no'; end", "no", "connect 192.0.2.1:80"},
	}
	asUser(t, func(t *testing.T, w *world) {
		w.try(t, attempts, func(code string) []string { return []string{ruby, "-W0", "-e", code} })
	})
}

func TestShell(t *testing.T) {
	shell := needs(t, "/bin/bash")
	attempts := []attempt{
		{"allowed", "cat open; echo; /bin/true && echo fine", "open content\nfine", ""},
		{"environment", "env | grep -c 'PRELOAD\\|SHIM'", "0 [exit status 1]", ""},
		{"read", "read x <secret; echo \"$x\"", "", deniedSecret},
		{"cat", "cat secret 2>/dev/null; echo $?", "1", deniedSecret},
		{"id", "id 2>/dev/null; echo $?", "126", deniedID},
		{"exec", "exec id 2>/dev/null", "", deniedID},
		{"without variables", "unset LD_PRELOAD AUTODEFEND_SHIM; env -i cat secret 2>/dev/null; echo $?", "1", deniedSecret},
		{"other loader variables", "LD_PRELOAD= env -u LD_PRELOAD cat secret 2>/dev/null; echo $?", "1", deniedSecret},
		{"loader", "/lib64/ld-linux-x86-64.so.2 /usr/bin/id 2>/dev/null; echo $?", "126", ""},
		{"network", "(echo >/dev/tcp/192.0.2.1/80) 2>/dev/null; echo $?", "1", "connect 192.0.2.1:80"},
		{"pipes", "echo a | tr a b | cat", "b", ""},
		{"background", "cat secret 2>/dev/null & wait $!; echo $?", "1", deniedSecret},
	}
	asUser(t, func(t *testing.T, w *world) {
		for i := range attempts {
			if attempts[i].name == "loader" && !exists("/lib64/ld-linux-x86-64.so.2") {
				attempts[i].code, attempts[i].want = "true", ""
			}
		}
		for _, a := range attempts {
			if a.name == "loader" { // the loader itself is denied, or what it loads
				w.take()
				if got := w.run(t, shell, "-c", a.code); a.want != "" && got != a.want || len(w.denials()) == 0 && a.want != "" {
					t.Errorf("loader: printed %q", got)
				}
				continue
			}
			w.try(t, []attempt{a}, func(code string) []string { return []string{shell, "-c", code} })
		}
	})
}

// TestLibraries: native code from where the function can write isn't loaded, in whichever language.
func TestLibraries(t *testing.T) {
	addon, err := os.ReadFile(compile(t, "addon.c", "-shared", "-fPIC"))
	if err != nil {
		t.Fatal(err)
	}
	const denied = "exec DIR/addon.so"
	attempts := []attempt{
		{"python", "/usr/bin/python3 -c 'import addon' 2>&1 | grep -c 'Permission denied\\|failed to map'", "1", denied},
		{"ctypes", "/usr/bin/python3 -c 'import ctypes; ctypes.CDLL(\"./addon.so\")' 2>&1 | grep -c 'Permission denied\\|failed to map'", "1", denied},
		{"node", "/usr/bin/node -e 'try{process.dlopen({exports:{}},\"./addon.so\")}catch(e){console.log(e.code)}'", "ERR_DLOPEN_FAILED", denied},
		{"ruby", "/usr/bin/ruby -e 'begin; require \"./addon.so\"; rescue LoadError; puts :no; end'", "no", denied},
		{"LD_PRELOAD", "LD_PRELOAD=./addon.so cat open; echo $?", "126", denied},
	}
	asUser(t, func(t *testing.T, w *world) {
		if err := os.WriteFile(filepath.Join(w.dir, "addon.so"), addon, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, a := range attempts {
			if program, _, found := strings.Cut(a.code, " "); found && strings.HasPrefix(program, "/usr/") && !exists(program) {
				continue
			}
			w.try(t, []attempt{a}, func(code string) []string { return []string{"/bin/bash", "-c", code} })
		}
	})
}

// TestRoot: what holds for others holds for root.
func TestRoot(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	w := newWorld(t, 0)
	w.try(t, []attempt{
		{"read", "cat secret 2>/dev/null; echo $?", "1", deniedSecret},
		{"id", "id 2>/dev/null; echo $?", "126", deniedID},
		{"network", "(echo >/dev/tcp/192.0.2.1/80) 2>/dev/null; echo $?", "1", "connect 192.0.2.1:80"},
	}, func(code string) []string { return []string{"/bin/bash", "-c", code} })
}

// TestExpectedScript: the start of a runtime that is a script isn't judged again, and what the script starts is judged
// once, before it starts.
func TestExpectedScript(t *testing.T) {
	asUser(t, func(t *testing.T, w *world) {
		script := filepath.Join(w.dir, "bootstrap")
		if err := os.WriteFile(script, []byte("#!/bin/bash -e\ncat open; echo \" $1\"; exec /bin/sh -c 'echo over; true'\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := w.tier.Expect(script, []string{script, "argument"}); err != nil {
			t.Fatal(err)
		}
		if got := w.run(t, script, "argument"); got != "open content argument\nover" {
			t.Errorf("printed %q", got)
		}
		var started []string
		for _, e := range w.take() {
			if e.Kind == policy.Exec {
				started = append(started, fmt.Sprint(filepath.Base(e.Program.Path), " ", e.After))
			}
		}
		if want := []string{"cat false", filepath.Base(real(t, "/bin/sh")) + " false"}; !slices.Equal(started, want) {
			t.Errorf("judged %q, want %q", started, want)
		}
	})
}

// TestReportsIn: a program with the shim in it, its forks and its children, and nothing else, is held.
func TestReportsIn(t *testing.T) {
	asUser(t, func(t *testing.T, w *world) {
		got := w.run(t, needs(t, "/bin/bash"), "-c", "cat open >/dev/null; echo $$")
		if got == "" || w.tier.Unpatched() {
			t.Errorf("printed %q, unpatched %v", got, w.tier.Unpatched())
		}
		if !w.tier.images.any() {
			t.Error("nobody reported in")
		}
	})
}
