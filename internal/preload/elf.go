package preload

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"strings"
)

// Of the ELF format: what says whether and by whom a file is loaded. Files are foreign bytes: everything is bounded and
// nothing is trusted.
const (
	elfHeaderSize  = 64
	elfProgramSize = 56
	elfProgramsMax = 128
	elfInterpMax   = 512
	elfDynamicMax  = 64 << 10
	elfSectionSize = 64
	elfSectionsMax = 4096
	elfNamesMax    = 64 << 10
	elfNoteMax     = 16 << 10

	elfTypeExec   = 2
	elfTypeShared = 3

	programLoad    = 1
	programDynamic = 2
	programInterp  = 3
	programNote    = 4

	dynamicNeeded  = 1
	dynamicStrings = 5
	dynamicDepends = 0x6ffffefb // DT_DEPAUDIT
	dynamicAudit   = 0x6ffffefc // DT_AUDIT

	machineAMD64 = 62
	machineARM64 = 183
)

var errELF = errors.New("not a program for this machine")

// elf is a 64-bit little-endian ELF file.
type elf struct {
	machine  uint16
	kind     uint16
	programs []elfProgram
	sections elfSections
	file     io.ReaderAt
}

// elfSections is where the table of sections is, and which of them has their names. Programs run without sections.
type elfSections struct {
	offset             uint64
	size, count, names uint16
}

type elfProgram struct {
	kind                uint32
	offset, vaddr, size uint64
}

// ourMachine is the machine number of programs that this processor runs natively.
func ourMachine() uint16 {
	if runtime.GOARCH == "arm64" {
		return machineARM64
	}
	return machineAMD64
}

// parseELF reads the headers of a file.
func parseELF(file io.ReaderAt) (elf, error) {
	header := make([]byte, elfHeaderSize)
	if _, err := file.ReadAt(header, 0); err != nil {
		return elf{}, errELF
	}
	const class64, littleEndian = 2, 1
	if !bytes.HasPrefix(header, []byte("\x7fELF")) || header[4] != class64 || header[5] != littleEndian {
		return elf{}, errELF
	}
	le := binary.LittleEndian
	offset, size, count := le.Uint64(header[32:]), le.Uint16(header[54:]), int(le.Uint16(header[56:]))
	if size != elfProgramSize || count > elfProgramsMax || offset > 1<<40 {
		return elf{}, errELF
	}
	table := make([]byte, count*elfProgramSize)
	if _, err := file.ReadAt(table, int64(offset)); err != nil {
		return elf{}, errELF
	}
	e := elf{kind: le.Uint16(header[16:]), machine: le.Uint16(header[18:]), file: file, sections: elfSections{
		offset: le.Uint64(header[40:]), size: le.Uint16(header[58:]), count: le.Uint16(header[60:]), names: le.Uint16(header[62:]),
	}}
	for ; len(table) > 0; table = table[elfProgramSize:] {
		e.programs = append(e.programs, elfProgram{
			kind: le.Uint32(table), offset: le.Uint64(table[8:]), vaddr: le.Uint64(table[16:]), size: le.Uint64(table[32:]),
		})
	}
	return e, nil
}

// interpreter is the path of the program's loader, "" when it has none.
func (e elf) interpreter() string {
	for _, p := range e.programs {
		if p.kind == programInterp {
			raw, err := e.read(p.offset, p.size, elfInterpMax)
			if err != nil {
				return ""
			}
			path, _, _ := bytes.Cut(raw, []byte{0})
			return string(path)
		}
	}
	return ""
}

// needs reports whether the file asks for a library whose name begins with prefix.
func (e elf) needs(prefix string) bool {
	for _, p := range e.programs {
		if p.kind != programDynamic {
			continue
		}
		dynamic, err := e.read(p.offset, p.size, elfDynamicMax)
		if err != nil {
			return false
		}
		strs := e.strings(dynamic)
		return e.eachNeeded(dynamic, func(at uint64) bool {
			return at < uint64(len(strs)) && strings.HasPrefix(string(strs[at:]), prefix)
		})
	}
	return false
}

// hasAuditor reports whether the loader is to load a library before all others, which runs in a world of its own.
func (e elf) hasAuditor() bool {
	for _, p := range e.programs {
		if p.kind != programDynamic {
			continue
		}
		dynamic, err := e.read(p.offset, p.size, elfDynamicMax)
		if err != nil {
			return true
		}
		for ; len(dynamic) >= 16; dynamic = dynamic[16:] {
			if tag := binary.LittleEndian.Uint64(dynamic); tag == dynamicAudit || tag == dynamicDepends {
				return true
			}
		}
	}
	return false
}

// eachNeeded calls is with the place of each needed library's name, until it says yes.
func (e elf) eachNeeded(dynamic []byte, is func(at uint64) bool) bool {
	for ; len(dynamic) >= 16; dynamic = dynamic[16:] {
		if binary.LittleEndian.Uint64(dynamic) == dynamicNeeded && is(binary.LittleEndian.Uint64(dynamic[8:])) {
			return true
		}
	}
	return false
}

// strings returns the table of names that the dynamic section points to.
func (e elf) strings(dynamic []byte) []byte {
	for ; len(dynamic) >= 16; dynamic = dynamic[16:] {
		if binary.LittleEndian.Uint64(dynamic) != dynamicStrings {
			continue
		}
		at := binary.LittleEndian.Uint64(dynamic[8:])
		for _, p := range e.programs {
			if p.kind == programLoad && at >= p.vaddr && at-p.vaddr < p.size {
				size := min(p.size-(at-p.vaddr), elfDynamicMax)
				raw, err := e.read(p.offset+at-p.vaddr, size, elfDynamicMax)
				if err != nil {
					return nil
				}
				return raw
			}
		}
	}
	return nil
}

// isGo reports whether a program was made by Go's linker: it says so in a note, and in the name of a section. Whoever
// removes both could as well write a program in another language that makes its calls itself.
func (e elf) isGo() bool {
	for _, p := range e.programs {
		if p.kind != programNote {
			continue
		}
		if notes, err := e.read(p.offset, p.size, elfNoteMax); err == nil && hasNote(notes, "Go\x00\x00") {
			return true
		}
	}
	return bytes.Contains(e.sectionNames(), []byte("\x00.go.buildinfo\x00"))
}

// hasNote reports whether one of the notes has this owner, padded with zeroes to a multiple of four bytes.
func hasNote(notes []byte, owner string) bool {
	const head = 12
	aligned := func(size uint32) uint64 { return (uint64(size) + 3) &^ 3 }
	for len(notes) >= head {
		name, content := aligned(binary.LittleEndian.Uint32(notes)), aligned(binary.LittleEndian.Uint32(notes[4:]))
		rest := notes[head:]
		if bytes.HasPrefix(rest, []byte(owner)) && name == uint64(len(owner)) {
			return true
		}
		if name+content > uint64(len(rest)) {
			return false
		}
		notes = rest[name+content:]
	}
	return false
}

// sectionNames returns the names of the sections, with a zero after each.
func (e elf) sectionNames() []byte {
	s := e.sections
	if s.size != elfSectionSize || s.count > elfSectionsMax || s.names >= s.count || s.offset > 1<<40 {
		return nil
	}
	header, err := e.read(s.offset+uint64(s.names)*elfSectionSize, elfSectionSize, elfSectionSize)
	if err != nil {
		return nil
	}
	names, err := e.read(binary.LittleEndian.Uint64(header[24:]), binary.LittleEndian.Uint64(header[32:]), elfNamesMax)
	if err != nil {
		return nil
	}
	return names
}

// read returns size bytes at offset, and refuses more than limit.
func (e elf) read(offset, size uint64, limit int) ([]byte, error) {
	if size > uint64(limit) || offset > 1<<40 {
		return nil, errELF
	}
	raw := make([]byte, size)
	if _, err := e.file.ReadAt(raw, int64(offset)); err != nil {
		return nil, errELF
	}
	return raw, nil
}
