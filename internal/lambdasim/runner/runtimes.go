//go:build linux

package runner

import (
	"context"
	_ "embed" // the bootstraps
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// The bootstraps speak the Runtime API and call the handler.
var (
	//go:embed bootstrap/bootstrap.py
	pythonBootstrap string
	//go:embed bootstrap/bootstrap.mjs
	nodeBootstrap string
	//go:embed bootstrap/bootstrap.rb
	rubyBootstrap string
)

// ErrNoRuntime is the cause when this machine can't run a function's runtime.
var ErrNoRuntime = errors.New("no such runtime here")

// runtimeProgram is how a runtime is started.
type runtimeProgram struct {
	// interpreter is the language's program, nil for provided runtimes.
	interpreter *Interpreter
	// name is what the interpreter is called in the sandbox.
	name string
	// file and content are the bootstrap; file is empty with a client.
	file, content string
	// args come after the interpreter.
	args []string
	// defaults are the language's own variables, below the owner's.
	defaults map[string]string
	binds    []Bind
}

// language is a family of runtimes.
type language struct {
	prefix, command string
	file, content   string
	flags           []string
	defaults        func(p places, runtime string) map[string]string
	// client returns the arguments that start the runtime interface client.
	client func(ctx context.Context, i Interpreter) ([]string, []Bind, error)
}

// languages are the families that this machine may have.
func languages() []language {
	return []language{
		{
			prefix: "python", command: "python3", file: "bootstrap.py", content: pythonBootstrap, client: pythonClient,
			defaults: func(p places, _ string) map[string]string {
				env := map[string]string{"PYTHONPATH": p.runtime}
				if p.opt != lambdaPlaces().opt {
					env["_AUTODEFEND_OPT"] = p.opt
				}
				return env
			},
		},
		{
			prefix: "nodejs", command: "node", file: "bootstrap.mjs", content: nodeBootstrap, client: nodeClient,
			flags: []string{"--expose-gc", "--max-http-header-size", "81920"},
			defaults: func(p places, runtime string) map[string]string {
				major, _, _ := strings.Cut(strings.TrimPrefix(runtime, "nodejs"), ".")
				return map[string]string{
					"NODE_PATH": p.opt + "/nodejs/node" + major + "/node_modules:" + p.opt + "/nodejs/node_modules:" + p.runtime + "/node_modules:" + p.runtime + ":" + p.task,
				}
			},
		},
		{
			prefix: "ruby", command: "ruby", file: "bootstrap.rb", content: rubyBootstrap, client: rubyClient,
			defaults: func(p places, runtime string) map[string]string {
				version := strings.TrimPrefix(runtime, "ruby") + ".0"
				return map[string]string{
					"GEM_PATH": p.task + "/vendor/bundle/ruby/" + version + ":" + p.opt + "/ruby/gems/" + version,
					"RUBYLIB":  p.runtime + "/lib:" + p.opt + "/ruby/lib",
				}
			},
		},
	}
}

// toolbox finds interpreters, each once. It is safe for concurrent use.
type toolbox struct {
	mu    sync.Mutex // held while an interpreter is looked for
	found map[string]Interpreter
}

// interpreter returns the interpreter for a runtime: of that version if it can
// be found, else of any.
func (t *toolbox) interpreter(ctx context.Context, runtime string, l language) (Interpreter, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i, ok := t.found[runtime]; ok {
		return i, nil
	}
	i, err := FindInterpreter(ctx, runtime, l.command)
	if err != nil {
		return i, fmt.Errorf("%w: %s: %w", ErrNoRuntime, runtime, err)
	}
	if t.found == nil {
		t.found = map[string]Interpreter{}
	}
	t.found[runtime] = i
	return i, nil
}

// program returns how a function's runtime is started.
func (t *toolbox) program(ctx context.Context, f Function, p places) (runtimeProgram, error) {
	if strings.HasPrefix(f.Runtime, "provided") {
		return runtimeProgram{}, nil
	}
	for _, l := range languages() {
		if !strings.HasPrefix(f.Runtime, l.prefix) {
			continue
		}
		i, err := t.interpreter(ctx, f.Runtime, l)
		if err != nil {
			return runtimeProgram{}, err
		}
		program := runtimeProgram{
			interpreter: &i, name: l.command, file: l.file, content: l.content,
			args: append(l.flags, filepath.Join(p.runtime, l.file)), defaults: l.defaults(p, f.Runtime),
		}
		if l.prefix == "python" {
			program.name = f.Runtime
		}
		program.binds = append(i.Binds(), i.lang(p, program.name)...)
		if !f.Client {
			return program, nil
		}
		args, binds, err := l.client(ctx, i)
		if err != nil {
			return program, fmt.Errorf("start the runtime interface client of %s: %w", f.Runtime, err)
		}
		program.file, program.args = "", append(append(l.flags, args...), f.Handler)
		program.binds = append(program.binds, binds...)
		return program, nil
	}
	return runtimeProgram{}, fmt.Errorf("%w: %s", ErrNoRuntime, f.Runtime)
}

// pythonClient finds awslambdaric.
func pythonClient(ctx context.Context, i Interpreter) ([]string, []Bind, error) {
	if err := exec.CommandContext(ctx, i.Path, "-I", "-c", "import awslambdaric").Run(); err != nil {
		return nil, nil, fmt.Errorf("import awslambdaric: %w", err)
	}
	return []string{"-m", "awslambdaric"}, nil, nil
}

// nodeClient finds aws-lambda-ric.
func nodeClient(context.Context, Interpreter) ([]string, []Bind, error) {
	path, err := exec.LookPath("aws-lambda-ric")
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return nil, nil, err
	}
	return []string{path}, []Bind{{Source: filepath.Dir(filepath.Dir(path))}}, nil
}

// rubyClient finds aws_lambda_ric.
func rubyClient(context.Context, Interpreter) ([]string, []Bind, error) {
	path, err := exec.LookPath("aws_lambda_ric")
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return nil, nil, err
	}
	return []string{path}, []Bind{{Source: filepath.Dir(path)}}, nil
}

// command returns what starts a function's runtime, and its working directory.
func (r runtimeProgram) command(f Function, p places, opt, task string) ([]string, error) {
	if r.interpreter == nil {
		for _, c := range []struct{ here, there string }{{task, p.task}, {opt, p.opt}} {
			if info, err := os.Stat(filepath.Join(c.here, "bootstrap")); err == nil && !info.IsDir() {
				return []string{c.there + "/bootstrap"}, nil
			}
		}
		return nil, errors.New("couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]")
	}
	argv := append([]string{r.path(p)}, r.args...)
	if wrapper := f.Env["AWS_LAMBDA_EXEC_WRAPPER"]; wrapper != "" {
		if rest, ok := strings.CutPrefix(wrapper, lambdaPlaces().opt+"/"); ok {
			wrapper = filepath.Join(p.opt, rest)
		}
		argv = append([]string{wrapper}, argv...)
	}
	return argv, nil
}

// path is where the interpreter is for the function.
func (r runtimeProgram) path(p places) string {
	return p.lang + "/bin/" + r.name
}

// links are further names of the interpreter.
func (r runtimeProgram) links(p places) map[string]string {
	if !strings.HasPrefix(r.name, "python") {
		return nil
	}
	return map[string]string{p.lang + "/bin/python3": r.name, p.lang + "/bin/python": r.name}
}

// lang shows the interpreter, and its libraries unless they are the system's,
// where AWS has its own.
func (i Interpreter) lang(p places, name string) []Bind {
	binds := []Bind{{Source: i.Path, Target: p.lang + "/bin/" + name}}
	home := filepath.Dir(filepath.Dir(i.Path))
	if info, err := os.Stat(filepath.Join(home, "lib")); err == nil && info.IsDir() && !within(home, "/usr") {
		binds = append(binds, Bind{Source: filepath.Join(home, "lib"), Target: p.lang + "/lib"})
	}
	return binds
}
