package bpf

import "fmt"

// Arch is one of the two architectures of AWS Lambda.
type Arch struct {
	name  string
	audit uint32 // the kernel's AUDIT_ARCH value
	x32   bool   // has calls of the x32 convention under the same AUDIT_ARCH value
	index int    // column in the table of calls
}

// x32Bit marks calls of the x32 convention on amd64.
const x32Bit = 0x40000000

// AMD64 is x86-64.
func AMD64() Arch { return Arch{name: "amd64", audit: 0xc000003e, x32: true, index: 0} }

// ARM64 is aarch64.
func ARM64() Arch { return Arch{name: "arm64", audit: 0xc00000b7, index: 1} }

// ArchOf returns the architecture that Go calls goarch, "amd64" or "arm64".
func ArchOf(goarch string) (Arch, error) {
	for _, arch := range []Arch{AMD64(), ARM64()} {
		if arch.name == goarch {
			return arch, nil
		}
	}
	return Arch{}, fmt.Errorf("no system call numbers for architecture %q", goarch)
}

// String is Go's name of the architecture.
func (a Arch) String() string { return a.name }

// Audit is the value by which the kernel names the architecture to filters.
func (a Arch) Audit() uint32 { return a.audit }

// Number returns the number of a call, and false when the architecture doesn't have it.
func (a Arch) Number(name string) (uint32, bool) {
	c, known := lookUp(name)
	if !known || c.numbers[a.index] < 0 {
		return 0, false
	}
	return uint32(c.numbers[a.index]), true
}

// Names returns the calls this package knows, by number.
func (a Arch) Names() map[uint32]string {
	names := make(map[uint32]string)
	for _, c := range knownCalls {
		if number := c.numbers[a.index]; number >= 0 {
			names[uint32(number)] = c.name
		}
	}
	return names
}

func (a Arch) foreign(number uint32) bool { return a.x32 && number >= x32Bit }
