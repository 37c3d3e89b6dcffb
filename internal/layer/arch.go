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

// Locate returns the path of the defender binary for arch in dir. An empty dir means the directory of the running
// executable, where make build puts it.
func Locate(dir string, arch Arch) (string, error) {
	_, goarch, err := arch.machine()
	if err != nil {
		return "", err
	}
	if dir == "" {
		self, err := os.Executable()
		if err != nil {
			return "", fmt.Errorf("locate defender: %w", err)
		}
		dir = filepath.Dir(self)
	}
	path := filepath.Join(dir, "defender-linux-"+goarch)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("locate defender for %s: %s does not exist; run `make build`", arch, path)
	}
	if err != nil {
		return "", fmt.Errorf("locate defender for %s: %w", arch, err)
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("locate defender for %s: %s is not a file; run `make build`", arch, path)
	}
	return path, nil
}

// checkBinary refuses everything but a statically linked executable for arch: Lambda would start it, and every
// invocation of the function would fail.
func checkBinary(binary io.ReaderAt, arch Arch) error {
	machine, _, err := arch.machine()
	if err != nil {
		return err
	}
	file, err := elf.NewFile(binary)
	if err != nil {
		return fmt.Errorf("not an ELF executable: %w", err)
	}
	if file.Machine != machine || file.Class != elf.ELFCLASS64 || file.Data != elf.ELFDATA2LSB {
		return fmt.Errorf("built for %s, want %s", file.Machine, machine)
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
