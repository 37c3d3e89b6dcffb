package wrapper

import (
	"fmt"
	"os/exec"
	"strings"
)

// command is one program to start.
type command struct {
	path   string
	args   []string // args[0] included
	env    []string
	script bool // may be a script without an interpreter line, which Lambda's shell would run
}

// launch says what to start for the arguments and environment that Lambda gave us.
type launch struct {
	commands []command // to be tried in order; the last one is the runtime itself
	problems []error   // what had to be left out
}

// resolve decides what to start: the owner's own wrapper, when one is chained, and else the runtime itself.
func resolve(argv, environ []string) launch {
	var result launch
	next := Lookup(environ, EnvNextWrapper)
	if next != "" && next == Lookup(environ, EnvExecWrapper) {
		result.problems = append(result.problems, fmt.Errorf("chain %s: it names this wrapper itself", EnvNextWrapper))
		next = ""
	}
	env := childEnviron(environ, next)
	if next != "" {
		args := append([]string{next}, argv...)
		result.commands = append(result.commands, command{path: findProgram(next), args: args, env: env, script: true})
	}
	result.commands = append(result.commands, command{path: findProgram(argv[0]), args: argv, env: env})
	return result
}

// findProgram looks for a name without a slash in PATH, as the shell that starts wrappers in Lambda does. A name that
// is not found is returned as it is, for the kernel to refuse.
func findProgram(name string) string {
	if strings.Contains(name, "/") {
		return name
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return name
	}
	return path
}

// asScript returns the command that runs cmd's program as a shell script.
func asScript(cmd command) command {
	const shell = "/bin/bash"
	cmd.args = append([]string{shell, cmd.path}, cmd.args[1:]...)
	cmd.path = shell
	return cmd
}
