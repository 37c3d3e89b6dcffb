package shimtest

import (
	"debug/elf"
	"slices"
	"strings"
	"testing"
)

// TestFile: the library loads into every C library since glibc 2.17 and is hardened.
func TestFile(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			file, err := elf.Open(shimFile(t, arch))
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			checkNeeds(t, file)
			checkHardening(t, file)
			checkExports(t, file)
		})
	}
}

func checkNeeds(t *testing.T, file *elf.File) {
	t.Helper()
	if needed, _ := file.DynString(elf.DT_NEEDED); len(needed) > 0 {
		t.Errorf("needs %q, want nothing", needed)
	}
	for _, tag := range []elf.DynTag{elf.DT_VERNEED, elf.DT_VERDEF, elf.DT_TEXTREL, elf.DT_RPATH, elf.DT_RUNPATH} {
		if values, _ := file.DynValue(tag); len(values) > 0 {
			t.Errorf("has %v, want none", tag)
		}
	}
	imported, err := file.ImportedSymbols()
	if err != nil {
		t.Fatal(err)
	}
	known := []string{"environ", "gnu_get_libc_version", "__errno_location", "_r_debug", "_dl_debug_addr"}
	for _, symbol := range imported {
		if !slices.Contains(known, symbol.Name) || symbol.Version != "" {
			t.Errorf("imports %s@%s, which it wasn't meant to", symbol.Name, symbol.Version)
		}
	}
	symbols, err := file.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, symbol := range symbols {
		if symbol.Section == elf.SHN_UNDEF && elf.ST_BIND(symbol.Info) != elf.STB_WEAK {
			t.Errorf("%s is needed; every import must be weak", symbol.Name)
		}
	}
}

func checkHardening(t *testing.T, file *elf.File) {
	t.Helper()
	relro := false
	for _, segment := range file.Progs {
		if segment.Flags&elf.PF_X != 0 && segment.Flags&elf.PF_W != 0 {
			t.Errorf("a %v segment is writable and executable", segment.Type)
		}
		relro = relro || segment.Type == elf.PT_GNU_RELRO
	}
	if !relro {
		t.Error("no RELRO")
	}
	flags, _ := file.DynValue(elf.DT_FLAGS_1)
	const now, initFirst = 1, 0x20
	if len(flags) != 1 || flags[0]&now == 0 || flags[0]&initFirst == 0 {
		t.Errorf("DT_FLAGS_1 is %x, want NOW and INITFIRST", flags)
	}
	if section := file.Section(".rela.plt"); section != nil {
		t.Error("has a procedure linkage table: something is called by name")
	}
}

// checkExports: nothing of ours is visible but the hooks.
func checkExports(t *testing.T, file *elf.File) {
	t.Helper()
	symbols, err := file.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, symbol := range symbols {
		if symbol.Section != elf.SHN_UNDEF && (strings.HasPrefix(symbol.Name, "ad_") || strings.HasPrefix(symbol.Name, "mem")) {
			t.Errorf("exports %s", symbol.Name)
		}
	}
}
