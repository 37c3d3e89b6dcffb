package preload

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/autodefend/autodefend/internal/policy"
)

const (
	scriptsMax    = 5   // scripts whose interpreter is a script, as in the kernel
	scriptLineMax = 255 // bytes of a script's first line, as in the kernel
)

// image is a program as the kernel starts it, and what the policy is told of it.
type image struct {
	id   fileID
	args []string // the command line that the new image has: a script's interpreter gets more than the script was given
	// programs are judged one by one: what was executed, then the program that a loader was told to load.
	programs []policy.Program
}

// startable says how the shim can enter programs.
type startable struct {
	// glibc: the shim needs glibc, so programs of another C library can't be entered.
	glibc bool
	// known remembers what was found; nil for nothing.
	known *enterable
}

// startableWith reads from the shim itself which programs it can enter.
func startableWith(shim string) (startable, error) {
	file, err := os.Open(shim)
	if err != nil {
		return startable{}, fmt.Errorf("shim: %w", err)
	}
	defer func() { _ = file.Close() }()
	e, err := parseELF(file)
	if err != nil {
		return startable{}, fmt.Errorf("shim %s: %w", shim, err)
	}
	if e.machine != ourMachine() || e.kind != elfTypeShared {
		return startable{}, fmt.Errorf("shim %s: %w", shim, errELF)
	}
	return startable{glibc: e.needs("libc.so.6"), known: newEnterable()}, nil
}

// image looks at what would start if the process of v executed the file at where, which it calls given. What the
// interpreters of a script are is said of the script: none of its own words is run by anything else.
func (s startable) image(v view, where found, given string, args []string) (image, error) {
	result := image{args: args}
	name := given
	for range scriptsMax + 1 {
		p, script, id, err := s.look(v, where, args)
		if err != nil {
			return image{}, err
		}
		result.id = id
		result.add(p)
		if script == nil {
			return s.loading(v, result)
		}
		result.args = script.args(name, result.args)
		name = script.interpreter
		if where, err = v.resolve(unix.AT_FDCWD, name, true); err != nil {
			return image{}, err
		}
	}
	return image{}, refusal(unix.ELOOP)
}

// add notes what was found: first what is executed, then its interpreters.
func (i *image) add(p policy.Program) {
	if len(i.programs) == 0 {
		i.programs = []policy.Program{p}
		return
	}
	first := &i.programs[0]
	first.Interpreter = p.Path
	first.Fileless = first.Fileless || p.Fileless
	first.Writable = first.Writable || p.Writable
	first.Opaque = first.Opaque || p.Opaque
}

// look opens a file that is to be executed and says what it is.
func (s startable) look(v view, where found, args []string) (policy.Program, *script, fileID, error) {
	file, err := openFile(where.open)
	if err != nil {
		return policy.Program{}, nil, fileID{}, err
	}
	defer file.close()
	if !file.executable() {
		return policy.Program{}, nil, fileID{}, refusal(unix.EACCES)
	}
	p, script, err := s.program(v, file, where, args)
	return p, script, file.id, err
}

// mapped says what a file is whose code is mapped into a process.
func (s startable) mapped(v view, where found) (policy.Program, error) {
	file, err := openFile(where.open)
	if err != nil {
		return policy.Program{}, err
	}
	defer file.close()
	p, _, err := s.program(v, file, where, []string{where.path})
	p.Opaque = false // whatever is mapped is entered already
	return p, err
}

// loading adds the program that a loader, started as a program itself, is told to load.
func (s startable) loading(v view, img image) (image, error) {
	if !isLoader(img.programs[0].Path) && !isLoader(img.programs[0].Interpreter) {
		return img, nil
	}
	args, audited := loaderProgram(img.args)
	if len(args) == 0 {
		img.programs[0].Opaque = img.programs[0].Opaque || audited
		return img, nil
	}
	where, err := v.resolve(unix.AT_FDCWD, args[0], true)
	if err != nil {
		return image{}, err
	}
	file, err := openFile(where.open)
	if err != nil {
		return image{}, err
	}
	defer file.close()
	loaded, _, err := s.program(v, file, where, args)
	if err != nil {
		return image{}, err
	}
	loaded.Opaque = loaded.Opaque || audited // the auditor runs before the shim
	img.programs = append(img.programs, loaded)
	return img, nil
}

// program looks at one file. For a script it returns how that is started, too.
func (s startable) program(v view, file *openedFile, where found, args []string) (policy.Program, *script, error) {
	p := policy.Program{Path: where.path, Args: args}
	p.Fileless = file.links == 0 || strings.HasPrefix(where.path, "memfd:")
	user, err := userOf(v.pid)
	if err != nil {
		return policy.Program{}, nil, err
	}
	p.Writable = !p.Fileless && user.canWrite(v.root, where.path)
	head, err := file.head()
	if err != nil {
		p.Opaque = true // it can be started without being readable; nobody can say what it is
		return p, nil, nil
	}
	if script := parseScript(head); script != nil {
		return p, script, nil
	}
	p.Opaque = file.changesUser(user) || bytes.HasPrefix(head, []byte("\x7fELF")) && !s.known.enters(v, user, file, func() bool { return s.enters(v, user, file, where.path) })
	return p, nil, nil
}

// loaderProgram returns what a loader's arguments tell it to start, the program and its arguments, and whether an auditor
// is loaded with it. There are none when the loader starts nothing.
func loaderProgram(args []string) ([]string, bool) {
	audited, starts := false, true
	rest := len(args)
	for i := 1; i < len(args); i++ {
		switch option, _, joined := strings.Cut(args[i], "="); option {
		case "--list", "--verify", "--list-tunables", "--list-diagnostics", "--help", "--version":
			starts = false
		case "--library-path", "--inhibit-rpath", "--audit", "--preload", "--argv0", "--glibc-hwcaps-prepend", "--glibc-hwcaps-mask":
			audited = audited || option == "--audit"
			if !joined {
				i++
			}
		case "--inhibit-cache":
		case "--":
			rest, i = i+1, len(args)
		default:
			rest, i = i, len(args)
		}
	}
	if !starts {
		return nil, audited
	}
	return args[min(rest, len(args)):], audited
}

// script is the first line of a script.
type script struct{ interpreter, argument string }

// parseScript reads the line as the kernel does: an interpreter and at most one argument. It is nil for what is no script.
func parseScript(head []byte) *script {
	line, ok := bytes.CutPrefix(head[:min(len(head), scriptLineMax)], []byte("#!"))
	if !ok {
		return nil
	}
	line, _, _ = bytes.Cut(line, []byte{'\n'})
	text := strings.Trim(string(line), " \t")
	if end := strings.IndexByte(text, 0); end >= 0 {
		text = text[:end]
	}
	interpreter, argument := text, ""
	if blank := strings.IndexAny(text, " \t"); blank >= 0 {
		interpreter, argument = text[:blank], strings.Trim(text[blank:], " \t")
	}
	if interpreter == "" {
		return nil
	}
	return &script{interpreter: interpreter, argument: argument}
}

// args are the interpreter's arguments when the script at name is started with args.
func (s script) args(name string, args []string) []string {
	result := []string{s.interpreter}
	if s.argument != "" {
		result = append(result, s.argument)
	}
	result = append(result, name)
	return append(result, args[min(1, len(args)):]...)
}
