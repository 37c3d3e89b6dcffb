//go:build linux

package runner

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Roles that the running program is started in again; they come as the only
// argument.
const (
	roleAgent = "__autodefend-sandbox-agent"
	roleEnter = "__autodefend-sandbox-enter"
)

// controlFD is the descriptor that a process in one of the roles is told on
// what to do.
const controlFD = 3

// exitSetup is the exit code of a role that could not do its work.
const exitSetup = 125

// SandboxMain is what a program calls first of all when it uses this package.
// When the program was started to be part of a sandbox, that is done and
// SandboxMain doesn't return; otherwise it returns at once.
func SandboxMain() {
	if len(os.Args) != 2 {
		return
	}
	switch os.Args[1] {
	case roleAgent:
		os.Exit(runAgent())
	case roleEnter:
		os.Exit(enter())
	}
}

// errUnprepared is the cause when the running program can't be part of a
// sandbox.
var errUnprepared = errors.New("the program does not call runner.SandboxMain first")

// prepared keeps a program that doesn't call SandboxMain from starting itself
// without end.
func prepared() error {
	if len(os.Args) == 2 && (os.Args[1] == roleAgent || os.Args[1] == roleEnter) {
		return errUnprepared
	}
	return nil
}

// runAgent is the life of a sandbox's first process: it makes the sandbox,
// starts and signals processes as it is told, and ends with the socket.
func runAgent() int {
	control, err := newLink(os.NewFile(controlFD, "control"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitSetup
	}
	a := newAgent(control)
	for {
		m, files, err := control.receive()
		if err != nil {
			a.killAll()
			if errors.Is(err, io.EOF) {
				return 0
			}
			fmt.Fprintln(os.Stderr, err)
			return exitSetup
		}
		a.obey(m, files)
		closeAll(files)
	}
}
