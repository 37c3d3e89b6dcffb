package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes this test binary stand in for the program: started under the
// name autodefend, it is main.
func TestMain(m *testing.M) {
	sandboxMain()
	testscript.Main(m, map[string]func(){"autodefend": main})
}

// TestScripts runs the scripts in testdata/script against a simulated AWS.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setUpScript,
		Cmds:                scriptCommands(),
		Condition:           condition,
	})
}

// condition tells scripts whether there are pseudo-terminals.
func condition(name string) (bool, error) {
	if name != "pty" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	f, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		return false, nil //nolint:nilerr // that's the answer
	}
	return true, f.Close()
}

// writePrograms puts stand-ins of the layer's programs into a directory: they
// have the form of static executables, and the simulator runs nothing.
func writePrograms(dir string) error {
	for name, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		if err := os.WriteFile(filepath.Join(dir, "defender-linux-"+name), staticProgram(machine), 0o700); err != nil {
			return err
		}
	}
	return nil
}

// buildPrograms builds the layer's programs for this machine in the place of their stand-ins; the shim needs a compiler.
func buildPrograms(dir string) error {
	target := filepath.Join(dir, "defender-linux-"+runtime.GOARCH)
	commands := []*exec.Cmd{
		exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -E autodefendEntry", "-o", target, "../defender"),
	}
	if _, err := exec.LookPath("cc"); err == nil {
		commands = append(commands, exec.Command("sh", "../../internal/preload/shim/build.sh", filepath.Join(dir, "shim-linux-"+runtime.GOARCH+".so")))
	}
	for _, cmd := range commands {
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", cmd, err, out)
		}
	}
	return nil
}

// staticProgram is an ELF executable of one segment.
func staticProgram(machine elf.Machine) []byte {
	const base, header, size = 0x400000, 64, 120
	var b bytes.Buffer
	for _, part := range []any{
		elf.Header64{
			Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
			Type:  uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT),
			Entry: base + size, Phoff: header, Ehsize: header, Phentsize: size - header, Phnum: 1,
		},
		elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X), Vaddr: base, Paddr: base, Filesz: size, Memsz: size, Align: 0x1000},
	} {
		_ = binary.Write(&b, binary.LittleEndian, part) // a buffer takes everything
	}
	return b.Bytes()
}
