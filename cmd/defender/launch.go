package main

import (
	"errors"

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
		return wrapper.Become(argv[0], argv[1:], environ)
	})
	if errors.Is(err, kernel.ErrStopped) {
		return 1, true
	}
	c, _ := readConfig(environ)
	newLog(c.level).Error("launch runtime", "error", err.Error())
	return wrapper.ExitCode(err), true
}
