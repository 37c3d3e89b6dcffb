// Command defender is the program of Autodefend's Lambda layer. Lambda starts it in the place of a function's runtime,
// because AWS_LAMBDA_EXEC_WRAPPER names it, and it starts the runtime below itself.
//
//	defender PROGRAM [ARGUMENT...]           as Lambda calls it
//	defender wrap -- PROGRAM [ARGUMENT...]   the same, spelled out
//	defender extension                       the external extension: Lambda then gives time to end in order
//	defender probe [--json]                  what this sandbox permits, and which tier each section of a rule would get
//	defender filter                          the seccomp program of tier kernel
//	defender version
//
// It starts itself with other words: supervise, launch and probe-kernel. The first it mostly needn't: its entry point divides
// it into a guardian and a supervisor.
//
// Without a policy it writes one JSON line to standard error for each thing that went wrong and nothing else, unless
// AUTODEFEND_LOG=debug asks for a line at the start. With a policy there are a line at the start and the audits.
package main

import (
	"io"
	"log/slog"
	"os"
	"runtime"

	"github.com/autodefend/autodefend/internal/kernel"
	"github.com/autodefend/autodefend/internal/wrapper"
)

func main() {
	makeRoom()
	os.Exit(run(os.Args[1:], os.Stdout))
}

// makeRoom makes the stack as large as it will get. Go doubles it whenever it is full, and looks through all that is on it
// each time; while there is nothing on it, one step does.
//
//go:noinline
func makeRoom() {
	var room [24 << 10]byte
	runtime.KeepAlive(&room)
}

func run(args []string, stdout io.Writer) int {
	if len(args) == 0 {
		return printVersion(stdout)
	}
	if command, ok := commands()[args[0]]; ok {
		if code, done := command(args[1:], stdout); done {
			return code
		}
	}
	return wrap(args)
}

// commands are the words that aren't programs to run. A command that isn't done takes its word for a program's name.
func commands() map[string]func(args []string, stdout io.Writer) (int, bool) {
	version := func(args []string, stdout io.Writer) (int, bool) {
		if len(args) > 0 {
			return 0, false
		}
		return printVersion(stdout), true
	}
	return map[string]func([]string, io.Writer) (int, bool){
		"version":   version,
		"--version": version,
		"wrap": func(args []string, _ io.Writer) (int, bool) {
			if len(args) < 2 || args[0] != "--" {
				return 0, false
			}
			return wrap(args[1:]), true
		},
		"extension": func([]string, io.Writer) (int, bool) { return extension(), true },
		"filter":    func(_ []string, stdout io.Writer) (int, bool) { return printFilter(stdout), true },
		"probe": func(args []string, stdout io.Writer) (int, bool) {
			asJSON := len(args) == 1 && args[0] == "--json"
			if len(args) > 0 && !asJSON {
				return 0, false
			}
			return probe(asJSON, stdout), true
		},
		kernel.ProbeWord: func(args []string, _ io.Writer) (int, bool) { return kernel.ProbeMain(args), true },
		"launch":         func(args []string, _ io.Writer) (int, bool) { return launchRuntime(args) },
		"supervise":      func(args []string, _ io.Writer) (int, bool) { return supervise(args) },
	}
}

// wrap runs a runtime: below a supervisor when there is a policy, and else as it is.
func wrap(argv []string) int {
	environ := wrapper.Environ()
	config, problem := readConfig(environ)
	log := newLog(config.level)
	if problem != nil && !wrapper.Awoken() { // else the supervisor has said so
		log.Error("read configuration", "error", problem.Error())
	}
	if control, ok := wrapper.Forked(); ok {
		return superviseFor(control, config, log, argv, environ)
	}
	if config.policy == "" {
		w := wrapper.Wrapper{Log: log}
		return w.Run(argv, environ)
	}
	return guard(config, log, argv, environ)
}

// newLog returns a log of JSON lines on standard error.
func newLog(level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(wrapper.Stderr{}, &slog.HandlerOptions{Level: level}))
}
