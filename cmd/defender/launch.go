package main

import (
	"errors"

	"github.com/autodefend/autodefend/internal/kernel"
	"github.com/autodefend/autodefend/internal/wrapper"
)

// launchRuntime becomes the runtime under the filter of tier kernel, where the program was linked without its own entry
// point, which does the same. It is not done when the arguments aren't a supervisor's.
func launchRuntime(args []string) (int, bool) {
	const separator = "--"
	if len(args) < 4 || args[2] != separator {
		return 0, false
	}
	environ := wrapper.Environ()
	err := kernel.LaunchMain(args, func(path string, argv []string) error {
		return wrapper.Become(path, argv, environ)
	})
	if errors.Is(err, kernel.ErrStopped) {
		return 1, true
	}
	return wrapper.ExitCode(err), true
}
