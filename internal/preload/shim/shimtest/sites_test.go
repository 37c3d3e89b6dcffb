package shimtest

import (
	"bufio"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// instruction is one line of a disassembly.
type instruction struct {
	at, length uint64
	text       string
}

// site is what the shim would change: the bytes from at on, for the system call instruction at call.
type site struct{ at, call, length uint64 }

// disassemble gives a file's instructions as objdump sees them.
func disassemble(t *testing.T, objdump, file string) []instruction {
	t.Helper()
	line := regexp.MustCompile(`^\s*([0-9a-f]+):\t((?:[0-9a-f]{2,8} )+)\s*\t?(.*)$`)
	cmd := exec.Command(objdump, "-d", "-w", file)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var list []instruction
	scanner := bufio.NewScanner(out)
	for scanner.Scan() {
		m := line.FindStringSubmatch(scanner.Text())
		if m == nil {
			continue
		}
		at, err := strconv.ParseUint(m[1], 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, instruction{at, uint64(len(strings.ReplaceAll(m[2], " ", "")) / 2), strings.TrimSpace(m[3])})
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return list
}

func findSites(t *testing.T, driver, file string) []site {
	t.Helper()
	var sites []site
	for line := range strings.Lines(output(t, driver, file)) {
		var s site
		if _, err := fmt.Sscanf(line, "%x %x %d", &s.at, &s.call, &s.length); err != nil {
			t.Fatal(err)
		}
		sites = append(sites, s)
	}
	return sites
}

// libraries are the C libraries and loaders of this machine.
func libraries(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{
		"/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/libresolv.so.2",
		"/lib/x86_64-linux-gnu/libpthread.so.0", "/lib/ld-musl-x86_64.so.1", "/lib64/libc.so.6", "/lib64/libpthread.so.0",
	} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, files...)
	}
	return found
}

// branchTarget is where a branch leads, if it says so.
func branchTarget(text string) (uint64, bool) {
	words := strings.Fields(text)
	for i, word := range words {
		if strings.HasPrefix(word, "j") && i+1 < len(words) {
			target, err := strconv.ParseUint(words[i+1], 16, 64)
			return target, err == nil
		}
	}
	return 0, false
}

// harmless are calls that aren't led to the gate, and don't matter: of musl, the O_PATH open within fchmodat, the unlink
// within tmpfile of a file just made, and a timer's signal to its own thread. One of each.
func harmless(file string) map[uint64]int {
	if strings.HasPrefix(filepath.Base(file), "ld-musl") {
		return map[uint64]int{257: 1, 87: 1, 200: 1}
	}
	return map[uint64]int{}
}

// TestSites: what is changed in the C libraries of this machine begins and ends with whole instructions, and no branch
// leads into the middle of it.
func TestSites(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("SKIPPED: on arm64 exactly the instruction itself is replaced")
	}
	objdump := needs(t, "objdump")
	driver := withShimSources(t, "sites", libraryFree())
	for _, file := range libraries(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			sites := findSites(t, driver, file)
			list := disassemble(t, objdump, file)
			starts, calls, inside := map[uint64]bool{}, map[uint64]bool{}, map[uint64]site{}
			for _, i := range list {
				starts[i.at] = true
				calls[i.at] = i.text == "syscall"
			}
			for _, s := range sites {
				if !starts[s.at] || !starts[s.at+s.length] || !calls[s.call] {
					t.Errorf("%+v isn't made of whole instructions", s)
				}
				for at := s.at + 1; at < s.at+s.length; at++ {
					inside[at] = s
				}
			}
			for _, i := range list {
				if target, ok := branchTarget(i.text); ok {
					if s, hit := inside[target]; hit {
						t.Errorf("%x: %s leads into %+v", i.at, i.text, s)
					}
				}
			}
			t.Logf("%d sites", len(sites))
			checkComplete(t, list, sites, harmless(file))
		})
	}
}

// checkComplete: every system call of interest whose number stands right before it is led to the gate.
func checkComplete(t *testing.T, list []instruction, sites []site, but map[uint64]int) {
	t.Helper()
	led := map[uint64]bool{}
	for _, s := range sites {
		led[s.call] = true
	}
	load := regexp.MustCompile(`^mov\s+\$0x([0-9a-f]+),%[er]ax`)
	for i, in := range list {
		if in.text != "syscall" || led[in.at] {
			continue
		}
		for back := i - 1; back >= 0 && back > i-8; back-- {
			m := load.FindStringSubmatch(list[back].text)
			if m == nil {
				continue
			}
			number, _ := strconv.ParseUint(m[1], 16, 64)
			if but[number]--; ofInterest(number) && but[number] < 0 {
				t.Errorf("%x: system call %d isn't led to the gate", in.at, number)
			}
			break
		}
	}
}

// ofInterest are the amd64 numbers that must not be missed: files, network, programs, signals.
func ofInterest(number uint64) bool {
	switch number {
	case 2, 257, 85, 437, // open
		42, 44, 46, 307, 49, 50, // connect, send, bind, listen
		59, 322, // exec
		62, 200, 234, 129, 297, 101, 310, 311, // signals and tracing
		87, 263, 82, 264, 316, 86, 265, 88, 266, 76, 83, 258, 84, 80: // names
		return true
	default:
		return false
	}
}
