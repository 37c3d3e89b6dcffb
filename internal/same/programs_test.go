package same

// program is one program of testdata, or a command of the machine.
type program struct {
	name string
	argv []string // "@FILE" stands for a file of testdata, "@bin/NAME" for a C program built from it
	// needs are commands that must be there.
	needs []string
	// probe is a command that must succeed; nil means none.
	probe []string
	// slow programs are started less often in the long test.
	slow bool
	// quiet programs do nothing that a policy speaks of.
	quiet bool
}

// programs is the suite.
func programs() []program {
	return []program{
		{name: "python basics", argv: []string{"python3", "@python_basics.py"}, needs: []string{"python3"}},
		{name: "python processes", argv: []string{"python3", "@python_processes.py"}, needs: []string{"python3"}, slow: true},
		{name: "python network and TLS", argv: []string{"python3", "@python_network.py"}, needs: []string{"python3", "openssl"}, slow: true},
		{name: "python signals", argv: []string{"python3", "@python_signals.py"}, needs: []string{"python3"}, slow: true},
		{name: "python native module", argv: []string{"/usr/bin/python3", "@native.py"}, probe: []string{"/usr/bin/python3", "-c", "import numpy"}, slow: true},
		{name: "pip", argv: []string{"python3", "-m", "pip", "--disable-pip-version-check", "list", "--format=freeze"}, probe: []string{"python3", "-m", "pip", "--version"}, slow: true},
		{name: "node", argv: []string{"node", "@node_all.cjs"}, needs: []string{"node"}, slow: true},
		{name: "node module that throws", argv: []string{"node", "@node_module.mjs"}, needs: []string{"node"}},
		{name: "npm", argv: []string{"sh", "-c", `echo '{"name":"x","version":"1.0.0"}' >package.json; npm pack --offline --silent && tar tzf x-1.0.0.tgz && npm ls --offline`}, needs: []string{"npm"}, slow: true},
		{name: "ruby", argv: []string{"ruby", "@ruby_all.rb"}, needs: []string{"ruby"}},
		{name: "java", argv: []string{"java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "@All.java"}, needs: []string{"java"}, probe: []string{"java", "--version"}, slow: true},
		{name: "shell and core tools", argv: []string{"bash", "@shell_all.sh"}, needs: []string{"bash", "perl"}},
		{name: "git", argv: []string{"sh", "@git_all.sh"}, needs: []string{"git"}, slow: true},
		{name: "threads, vfork, cancellation", argv: []string{"@bin/threads"}, needs: []string{"gcc"}},
		{name: "compiler", argv: []string{"sh", "-c", `printf 'int main(void){return 3;}' >a.c && gcc -O1 -o a a.c && ./a; echo $?`}, needs: []string{"gcc"}},
		{name: "TLS client", argv: []string{"sh", "-c", `openssl s_client -connect 127.0.0.1:1 </dev/null 2>&1 | grep -c refused; curl -sS http://127.0.0.1:1/ 2>&1 | sed 's/after [0-9]* ms/after/'`}, needs: []string{"openssl", "curl"}},
		{name: "true", argv: []string{"/bin/true"}, quiet: true},
		{name: "missing program", argv: []string{"/no/such/program"}, quiet: true},
	}
}
