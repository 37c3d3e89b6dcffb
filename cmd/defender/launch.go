package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/autodefend/autodefend/internal/kernel"
	"github.com/autodefend/autodefend/internal/wrapper"
)

// launchRuntime becomes the runtime under the filter of tier kernel. It is not done when the arguments aren't a supervisor's.
func launchRuntime(args []string) (int, bool) {
	const separator = "--"
	if len(args) < 5 || args[3] != separator {
		return 0, false
	}
	environ := wrapper.Environ()
	err := kernel.LaunchMain(args, func(argv []string) error {
		path, env := takeProgram(argv[0], environ)
		return wrapper.Become(path, argv, env)
	})
	if errors.Is(err, kernel.ErrStopped) {
		return 1, true
	}
	c, _ := readConfig(environ)
	newLog(c.level).Error("launch runtime", "error", err.Error())
	return wrapper.ExitCode(err), true
}

// envProgram tells the launcher which file to start, where that isn't the runtime's first argument.
const envProgram = wrapper.EnvPrefix + "PROGRAM"

// withProgram returns env with the file to start, when it isn't name.
func withProgram(path, name string, env []string) []string {
	if path == name {
		return env
	}
	return append(slices.Clone(env), envProgram+"="+path)
}

// takeProgram is the inverse of withProgram.
func takeProgram(name string, env []string) (string, []string) {
	if len(env) == 0 {
		return name, env
	}
	last := len(env) - 1
	if path, ok := strings.CutPrefix(env[last], envProgram+"="); ok {
		return path, env[:last]
	}
	return name, env
}
