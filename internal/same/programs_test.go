package same

// program is one program of testdata, or a command of the machine.
type program struct {
	name string
	argv []string // "@FILE" stands for a file of testdata, "@bin/NAME" for a C program built from it
	// needs are commands that must be there.
	needs []string
	// probe is a command that must succeed; nil means none.
	probe []string
	// share is what the number of starts is divided by for a program that takes long; 0 means 1.
	share int
	// quiet programs do nothing that a policy speaks of.
	quiet bool
}

// programs is the suite.
func programs() []program {
	return []program{
		{name: "python basics", argv: []string{"python3", "@python_basics.py"}, needs: []string{"python3"}, share: 5},
		{name: "python processes", argv: []string{"python3", "@python_processes.py"}, needs: []string{"python3"}, share: 20},
		{name: "python network and TLS", argv: []string{"python3", "@python_network.py"}, needs: []string{"python3", "openssl"}, share: 20},
		{name: "python signals", argv: []string{"python3", "@python_signals.py"}, needs: []string{"python3"}, share: 20},
		{name: "python native module", argv: []string{"/usr/bin/python3", "@native.py"}, probe: []string{"/usr/bin/python3", "-c", "import numpy"}, share: 20},
		{name: "pip", argv: []string{"python3", "-m", "pip", "--disable-pip-version-check", "list", "--format=freeze"}, probe: []string{"python3", "-m", "pip", "--version"}, share: 20},
		{name: "node", argv: []string{"node", "@node_all.cjs"}, needs: []string{"node"}, share: 20},
		{name: "node module that throws", argv: []string{"node", "@node_module.mjs"}, needs: []string{"node"}, share: 5},
		{name: "npm", argv: []string{"sh", "-c", `echo '{"name":"x","version":"1.0.0"}' >package.json; npm pack --offline --silent && tar tzf x-1.0.0.tgz && npm ls --offline`}, needs: []string{"npm"}, share: 20},
		{name: "ruby", argv: []string{"ruby", "@ruby_all.rb"}, needs: []string{"ruby"}, share: 5},
		{name: "java", argv: []string{"java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "@All.java"}, needs: []string{"java"}, probe: []string{"java", "--version"}, share: 20},
		{name: "shell and core tools", argv: []string{"bash", "@shell_all.sh"}, needs: []string{"bash", "perl"}, share: 5},
		{name: "git", argv: []string{"sh", "@git_all.sh"}, needs: []string{"git"}, share: 20},
		{name: "threads, vfork, cancellation", argv: []string{"@bin/threads"}, needs: []string{"gcc"}, share: 5},
		{name: "compiler", argv: []string{"sh", "-c", `printf 'int main(void){return 3;}' >a.c && gcc -O1 -o a a.c && ./a; echo $?`}, needs: []string{"gcc"}, share: 5},
		{name: "TLS client", argv: []string{"sh", "-c", `openssl s_client -connect 127.0.0.1:1 </dev/null 2>&1 | grep -c refused; curl -sS http://127.0.0.1:1/ 2>&1 | sed 's/after [0-9]* ms/after/'`}, needs: []string{"openssl", "curl"}, share: 5},
		{name: "python starts", argv: []string{"python3", "-c", "import json, urllib.request; print(1)"}, needs: []string{"python3"}},
		{name: "node starts", argv: []string{"node", "-e", "console.log(1)"}, needs: []string{"node"}},
		{name: "ruby starts", argv: []string{"ruby", "-e", "puts 1"}, needs: []string{"ruby"}},
		{name: "shell starts", argv: []string{"bash", "-c", "ls -d / && echo $(echo 1)"}},
		{name: "java starts", argv: []string{"java", "-Xshare:auto", "-version"}, needs: []string{"java"}, probe: []string{"java", "--version"}, share: 5},
		{name: "true", argv: []string{"/bin/true"}, quiet: true},
		{name: "missing program", argv: []string{"/no/such/program"}, quiet: true},
	}
}
