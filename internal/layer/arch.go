package layer

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Arch is an instruction set architecture by Lambda's name.
type Arch string

// The architectures that Lambda has.
const (
	X8664 Arch = "x86_64"
	ARM64 Arch = "arm64"
)

// machine returns the ELF machine and Go's name of the architecture.
func (a Arch) machine() (elf.Machine, string, error) {
	switch a {
	case X8664:
		return elf.EM_X86_64, "amd64", nil
	case ARM64:
		return elf.EM_AARCH64, "arm64", nil
	}
	return 0, "", fmt.Errorf("architecture %q: unknown, Lambda has %s and %s", a, X8664, ARM64)
}

// Arches lists the architectures in the order in which they are shown.
func Arches() []Arch { return []Arch{X8664, ARM64} }

// Locate returns what make build put into dir for arch: the defender and, where there was a compiler for it, the shim.
// An empty dir means the directory of the running executable.
func Locate(dir string, arch Arch) (Spec, error) {
	_, goarch, err := arch.machine()
	if err != nil {
		return Spec{}, err
	}
	if dir == "" {
		self, err := os.Executable()
		if err != nil {
			return Spec{}, fmt.Errorf("locate defender: %w", err)
		}
		dir = filepath.Dir(self)
	}
	spec := Spec{Arch: arch, Binary: filepath.Join(dir, "defender-linux-"+goarch)}
	if err := isFile(spec.Binary); err != nil {
		return Spec{}, fmt.Errorf("locate defender for %s: %w; run `make build`", arch, err)
	}
	shim := filepath.Join(dir, "shim-linux-"+goarch+".so")
	err = isFile(shim)
	if err == nil {
		spec.Shim = shim
	} else if !errors.Is(err, fs.ErrNotExist) {
		return Spec{}, fmt.Errorf("locate shim for %s: %w; run `make build`", arch, err)
	}
	return spec, nil
}

func isFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &fs.PathError{Op: "find", Path: path, Err: fs.ErrNotExist}
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a file", path)
	}
	return nil
}

// checkBinary refuses everything but a statically linked executable for arch: Lambda would start it, and every
// invocation of the function would fail.
func checkBinary(binary io.ReaderAt, arch Arch) error {
	file, err := parse(binary, arch)
	if err != nil {
		return err
	}
	if file.Type != elf.ET_EXEC && file.Type != elf.ET_DYN {
		return fmt.Errorf("of type %s, want an executable", file.Type)
	}
	if file.Entry == 0 {
		return errors.New("a shared library, want an executable")
	}
	for _, segment := range file.Progs {
		if segment.Type == elf.PT_INTERP {
			return errors.New("dynamically linked; build it with CGO_ENABLED=0")
		}
	}
	return nil
}

// checkShim refuses everything but a shared library for arch: the dynamic linker would, with a line in the log of every
// process.
func checkShim(library io.ReaderAt, arch Arch) error {
	file, err := parse(library, arch)
	if err == nil && file.Type != elf.ET_DYN {
		err = fmt.Errorf("of type %s, want a shared library", file.Type)
	}
	return err
}

// parse reads the headers of an ELF file for arch.
func parse(content io.ReaderAt, arch Arch) (*elf.File, error) {
	machine, _, err := arch.machine()
	if err != nil {
		return nil, err
	}
	file, err := elf.NewFile(content)
	if err != nil {
		return nil, fmt.Errorf("not an ELF file: %w", err)
	}
	if file.Machine != machine || file.Class != elf.ELFCLASS64 || file.Data != elf.ELFDATA2LSB {
		return nil, fmt.Errorf("built for %s, want %s", file.Machine, machine)
	}
	return file, nil
}
