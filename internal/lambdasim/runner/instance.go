//go:build linux

package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"
)

// instance is one execution environment of a function: a sandbox with its
// Runtime API, its processes and its log.
type instance struct {
	fn      Function
	options Options
	log     *slog.Logger

	// task and opt are directories of this machine.
	task, opt string
	places    places
	program   runtimeProgram
	env       map[string]string

	sandbox *sandbox
	memory  *memory
	freezer *freezer
	logs    *logs
	api     *api
	// scratch is removed at the end.
	scratch string

	// output and telemetry are the processes' ends of the log pipes.
	output, telemetry, input *os.File

	life       *life
	runtime    *task
	extensions map[string]*task
	// initialised reports that the runtime waits for events.
	initialised bool
	// idle ends the instance when nobody needs it; nil while it is busy.
	idle *time.Timer
}

// newInstance makes a sandbox for a function, with nothing running in it.
func (r *Runner) newInstance(ctx context.Context, fn Function) (*instance, error) {
	i := &instance{fn: fn, options: r.options, log: r.log, places: lambdaPlaces()}
	if err := i.make(ctx, r); err != nil {
		return nil, errors.Join(err, i.close())
	}
	for _, what := range i.sandbox.isolation.Missing {
		i.log.Warn("sandbox is incomplete", "function", fn.Name, "missing", what)
	}
	return i, nil
}

// make prepares everything that lasts as long as the instance.
func (i *instance) make(ctx context.Context, r *Runner) error {
	if err := i.unpack(&r.cache); err != nil {
		return err
	}
	var err error
	if i.program, err = r.tools.program(ctx, i.fn, i.places); err != nil {
		return err
	}
	if i.scratch, err = os.MkdirTemp(r.cache.dir, "instance-"); err != nil {
		return fmt.Errorf("make instance: %w", err)
	}
	if i.sandbox, err = launch(ctx, i.plan()); err != nil {
		return err
	}
	if !i.sandbox.isolation.Namespaces {
		if err := i.settleOutside(ctx, r); err != nil {
			return err
		}
	}
	i.memory = openMemory(i.sandbox, i.fn.MemoryMB)
	i.freezer = openFreezer(i.sandbox)
	if err := i.openLogs(); err != nil {
		return err
	}
	return i.openAPI()
}

// unpack finds the function's code and layers.
func (i *instance) unpack(c *cache) error {
	code, codeSize, err := c.code(i.fn.Code)
	if err != nil {
		return err
	}
	opt, optSize, err := c.layers(i.fn.Layers)
	if err != nil {
		return err
	}
	if codeSize+optSize > maxUnpacked {
		return fmt.Errorf("%w: %w", ErrPackage, errTooLarge)
	}
	i.task, i.opt = code, opt
	return nil
}

// plan plans the sandbox.
func (i *instance) plan() plan {
	p := plan{
		uid: lambdaUID, gid: lambdaGID, tmpMB: i.fn.TmpMB, network: i.options.PrivateNetwork,
		mountpoint: i.scratch, links: i.program.links(i.places),
		binds: append([]Bind{{Source: i.task, Target: i.places.task}, {Source: i.opt, Target: i.places.opt}}, i.program.binds...),
	}
	p.binds = append(p.binds, i.options.Binds...)
	if i.program.file != "" {
		p.files = map[string]string{filepath.Join(i.places.runtime, i.program.file): i.program.content}
	}
	return p
}

// settleOutside finds places for the function where there are no namespaces:
// what would be at Lambda's own paths is where it is.
func (i *instance) settleOutside(ctx context.Context, r *Runner) error {
	i.places = places{task: i.task, opt: i.opt, runtime: filepath.Join(i.scratch, "runtime"), lang: filepath.Join(i.scratch, "lang")}
	i.sandbox.isolation.missing("code and layers are not at /var/task and /opt")
	var err error
	if i.program, err = r.tools.program(ctx, i.fn, i.places); err != nil {
		return err
	}
	if err := errors.Join(os.MkdirAll(i.places.runtime, 0o755), os.MkdirAll(filepath.Join(i.places.lang, "bin"), 0o755), os.Chmod(i.scratch, 0o755)); err != nil {
		return fmt.Errorf("place runtime: %w", err)
	}
	if i.program.interpreter != nil {
		if err := os.Symlink(i.program.interpreter.Path, i.program.path(i.places)); err != nil {
			return fmt.Errorf("place runtime: %w", err)
		}
	}
	if i.program.file == "" {
		return nil
	}
	if err := os.WriteFile(filepath.Join(i.places.runtime, i.program.file), []byte(i.program.content), 0o644); err != nil {
		return fmt.Errorf("place runtime: %w", err)
	}
	return nil
}

// openLogs opens the pipes that processes write to.
func (i *instance) openLogs() error {
	i.logs = newLogs(i.options.Output)
	var err error
	if i.output, err = i.logs.pipe(nil); err != nil {
		return err
	}
	if i.input, err = os.Open(os.DevNull); err != nil {
		return fmt.Errorf("open standard input: %w", err)
	}
	if i.fn.LogPipe {
		i.telemetry, err = i.logs.pipe((&frames{}).decode)
	}
	return err
}

// openAPI serves the Runtime API where the sandbox can reach it.
func (i *instance) openAPI() error {
	listener := i.sandbox.listener
	if listener == nil {
		var err error
		if listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return fmt.Errorf("serve Runtime API: %w", err)
		}
	}
	i.api = serveAPI(listener, i.log)
	i.env = i.fn.environment(i.places, i.program, listener.Addr().String(), newLogStream(i.fn.Version, time.Now()))
	return nil
}

// start starts a process of the function. Its log pipe is for the runtime.
func (i *instance) start(argv []string, dir string, env map[string]string, logPipe bool) (*task, error) {
	files := []*os.File{i.input, i.output, i.output}
	if logPipe {
		files = append(files, i.telemetry)
	}
	joins := append(append([]*os.File{}, i.memory.joins...), i.freezer.joins...)
	p := process{Argv: argv, Env: entries(env), Dir: dir, Profile: i.fn.Profile, LogPipe: logPipe, Cgroups: len(joins)}
	return i.sandbox.start(p, append(files, joins...)...)
}

// externalExtensions lists the programs in the layers' extensions directory.
func (i *instance) externalExtensions() ([]string, error) {
	found, err := os.ReadDir(filepath.Join(i.opt, "extensions"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list extensions: %w", err)
	}
	var names []string
	for _, f := range found {
		if !f.IsDir() {
			names = append(names, f.Name())
		}
	}
	return names, nil
}

// close ends the instance at once, and returns when nothing of it is left.
func (i *instance) close() error {
	var err error
	if i.freezer != nil {
		err = i.freezer.thaw()
	}
	if i.sandbox != nil {
		err = errors.Join(err, i.sandbox.close())
	}
	if i.api != nil {
		i.api.close()
	}
	if i.logs != nil {
		i.logs.close()
	}
	closeAll([]*os.File{i.input})
	if i.freezer != nil {
		err = errors.Join(err, i.freezer.close())
	}
	if i.memory != nil {
		err = errors.Join(err, i.memory.close())
	}
	if i.scratch != "" {
		err = errors.Join(err, os.RemoveAll(i.scratch))
	}
	return err
}
