//go:build linux

package runner

import (
	"context"
	"errors"
	"time"
)

// initialise starts the extensions, then the runtime, and waits until all of
// them wait for events. It returns what went wrong with the function, or an
// error of this side.
func (i *instance) initialise(ctx context.Context) (*failure, error) {
	names, err := i.externalExtensions()
	if err != nil {
		return nil, err
	}
	i.life = newLife(i.fn, names)
	i.api.life.Store(i.life)
	i.extensions = map[string]*task{}
	if failed, err := i.startExtensions(ctx, names); failed != nil || err != nil {
		return failed, err
	}
	if failed := i.startRuntime(); failed != nil {
		return failed, nil
	}
	if failed, err := i.outcome(ctx, i.life.ready(ctx)); failed != nil || err != nil {
		return failed, err
	}
	i.initialised = true
	i.logs.drain()
	for _, line := range i.life.extensionLines() {
		i.logs.printf("%s", line)
	}
	return nil, nil
}

// outcome turns the end of a wait into a failure of the function, if it is one.
func (i *instance) outcome(ctx context.Context, err error) (*failure, error) {
	switch {
	case err == nil:
		return nil, nil
	case errors.Is(err, errFailed), errors.Is(err, errEnded):
		return i.life.why(), nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &failure{kind: "Sandbox.Timedout", reason: "TIMEOUT"}, nil
	}
	return nil, err
}

// startExtensions starts what is in /opt/extensions and waits until each has
// registered.
func (i *instance) startExtensions(ctx context.Context, names []string) (*failure, error) {
	l, env := i.life, extensionEnvironment(i.env)
	for _, name := range names {
		t, err := i.start([]string{i.places.opt + "/extensions/" + name}, "/", env, false)
		if err != nil {
			return &failure{kind: "Extension.LaunchError", message: "Error: " + err.Error(), reason: "FAILURE"}, nil
		}
		i.extensions[name] = t
		go func() {
			<-t.done
			l.change(func() {
				if l.extensions[name] == nil {
					l.extensions[name] = &extension{name: name, external: true}
				}
				l.extensions[name].status = &t.status
			})
		}()
	}
	return i.outcome(ctx, l.registered(ctx))
}

// startRuntime starts the runtime, through the owner's wrapper if there is one.
func (i *instance) startRuntime() *failure {
	argv, err := i.program.command(i.fn, i.places, i.opt, i.task)
	if err != nil {
		return &failure{kind: "Runtime.InvalidEntrypoint", message: "Error: " + err.Error(), reason: "FAILURE"}
	}
	t, err := i.start(argv, i.places.task, i.env, i.fn.LogPipe)
	if err != nil {
		return &failure{kind: "Runtime.InvalidEntrypoint", message: "Error: " + err.Error(), reason: "FAILURE"}
	}
	l := i.life
	i.runtime = t
	go func() {
		<-t.done
		l.change(func() { l.ended = &t.status })
	}()
	return nil
}

// initialiseFirst is the initialisation before an invocation, under its own
// limit of time. A failure is only logged: the invocation will try again.
func (i *instance) initialiseFirst(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, i.options.InitTimeout)
	defer cancel()
	if err := i.memory.begin(); err != nil {
		return 0, err
	}
	started := time.Now()
	failed, err := i.initialise(ctx)
	took := time.Since(started)
	if err != nil {
		return 0, err
	}
	if failed == nil {
		return took, nil
	}
	i.logs.drain()
	i.logs.printf("INIT_REPORT Init Duration: %s ms\tPhase: init\tStatus: %s", millis(took), failed.status())
	return 0, i.reset(failed.reason)
}
