package main

import (
	"os"

	"github.com/autodefend/autodefend/internal/wrapper"
)

// supervise runs the runtime on behalf of a guardian. It is not done when the arguments aren't a guardian's.
func supervise(args []string) (int, bool) {
	settings, argv, ok := parseSupervision(args)
	if !ok {
		return 0, false
	}
	environ := wrapper.Environ()
	c, _ := readConfig(environ) // the guardian has reported what was wrong
	log := newLog(c.level)
	control := wrapper.OpenControl(settings.control)
	settings.sockets.Keep()
	pid := 0
	w := wrapper.Wrapper{
		Log: log,
		Prepare: func() wrapper.Start {
			_ = control.Mode(false)
			_ = control.Starting()
			return wrapper.Beside
		},
		Started: func(p int) error {
			pid = p
			go func() {
				control.AwaitGuardian()
				wrapper.KillTree(pid)
				os.Exit(1)
			}()
			return control.Runtime(p)
		},
		Leaving:    func() { _ = control.Done() },
		FailClosed: func() bool { return false },
	}
	return w.Run(argv, environ), true
}
