// Command defender is the program of Autodefend's Lambda layer. Lambda starts it in the place of a function's runtime,
// because AWS_LAMBDA_EXEC_WRAPPER names it, and it starts the runtime as its child.
//
//	defender PROGRAM [ARGUMENT...]           as Lambda calls it
//	defender wrap -- PROGRAM [ARGUMENT...]   the same, spelled out
//	defender version
//
// It writes one JSON line to standard error for each thing that went wrong and nothing else, unless AUTODEFEND_LOG=debug
// asks for a line at the start.
package main

import (
	"io"
	"log/slog"
	"os"

	"github.com/autodefend/autodefend/internal/wrapper"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout))
}

func run(args []string, stdout io.Writer) int {
	if wantsVersion(args) {
		return printVersion(stdout)
	}
	if len(args) > 2 && args[0] == "wrap" && args[1] == "--" {
		args = args[2:]
	}
	level, problem := logLevel(os.Getenv(envLog))
	log := slog.New(slog.NewJSONHandler(wrapper.Stderr{}, &slog.HandlerOptions{Level: level}))
	if problem != nil {
		log.Error("read configuration", "error", problem.Error())
	}
	w := wrapper.Wrapper{Log: log}
	return w.Run(args, wrapper.Environ())
}

// wantsVersion reports whether nobody asked for a program to be run.
func wantsVersion(args []string) bool {
	return len(args) == 0 || len(args) == 1 && (args[0] == "version" || args[0] == "--version")
}
