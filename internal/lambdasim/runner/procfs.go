//go:build linux

package runner

import (
	"bytes"
	"os"
	"strconv"
)

// processes returns the ids and parents of all processes in sight.
func processes() map[int]int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	parents := map[int]int{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if state, parent, ok := processState(pid); ok && state != 'Z' {
			parents[pid] = parent
		}
	}
	return parents
}

// processState reads a process's state and parent.
func processState(pid int) (byte, int, bool) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, 0, false
	}
	// The name comes in parentheses and may hold anything.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 || len(fields[0]) != 1 {
		return 0, 0, false
	}
	parent, err := strconv.Atoi(string(fields[1]))
	return fields[0][0], parent, err == nil
}

// descendants returns the living descendants of a process.
func descendants(ancestor int) []int {
	parents := processes()
	var found []int
	for pid := range parents {
		for p := parents[pid]; p > 0; p = parents[p] {
			if p == ancestor {
				found = append(found, pid)
				break
			}
		}
	}
	return found
}

// residentBytes returns the resident memory of a process that isn't shared
// with files.
func residentBytes(pid int) int64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text)
	if len(fields) < 3 {
		return 0
	}
	resident, _ := strconv.ParseInt(string(fields[1]), 10, 64)
	shared, _ := strconv.ParseInt(string(fields[2]), 10, 64)
	return max(0, resident-shared) * int64(os.Getpagesize())
}
