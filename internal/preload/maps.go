package preload

import (
	"bytes"
	"slices"
	"strings"

	"github.com/autodefend/autodefend/internal/policy"
)

// librariesMax bounds how many files with code are looked at in one process.
const librariesMax = 1024

// judgeLibraries judges the code that was mapped into a process before the shim was there: what LD_PRELOAD, LD_AUDIT and
// LD_LIBRARY_PATH brought along. It reports whether any is denied.
func (t *Tier) judgeLibraries(pid int) bool {
	raw, err := readProc(procPath(pid, "maps"), mapsMax)
	if err != nil {
		return false // gone, or it hides: then its program was judged as unseen
	}
	v := viewOf(pid)
	e := policy.Event{Kind: policy.Exec, Process: lookAt(pid), After: true}
	for _, name := range codeFiles(raw) {
		if name == t.config.ShimPath || name == e.Process.Path {
			continue
		}
		e.Program = t.mappedCode(v, name)
		if (e.Program.Writable || e.Program.Fileless) && t.judge(e).Deny {
			return true
		}
	}
	return false
}

// mappedCode says what a file is whose code a process has mapped.
func (t *Tier) mappedCode(v view, name string) policy.Program {
	path, removed := nameOf(name)
	where, err := v.walk("/", path, true)
	if err == nil && !removed {
		if p, err := t.startable.mapped(v, where); err == nil {
			return p
		}
	}
	return policy.Program{Path: path, Args: []string{path}, Fileless: true}
}

// codeFiles lists the files of /proc/PID/maps that are mapped as code, in the kernel's words. Anonymous memory has no
// name or one in brackets.
func codeFiles(maps []byte) []string {
	const permissions, name = 1, 5
	var files []string
	for line := range bytes.Lines(maps) {
		fields := bytes.SplitN(bytes.TrimSuffix(line, []byte{'\n'}), []byte{' '}, name+1)
		if len(fields) <= name || len(fields[permissions]) < 3 || fields[permissions][2] != 'x' {
			continue
		}
		file := strings.ReplaceAll(strings.TrimLeft(string(fields[name]), " "), `\012`, "\n")
		if strings.HasPrefix(file, "/") && !slices.Contains(files, file) {
			files = append(files, file)
		}
		if len(files) == librariesMax {
			break
		}
	}
	return files
}
