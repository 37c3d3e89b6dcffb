package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/preload"
)

// askerOf finds the process whose socket has a local address, by /proc: the socket's inode, and who has it open. The
// first of likely is looked at first, then everybody. It returns the zero value when nobody is found: the socket may be
// closed by now.
func askerOf(source netip.AddrPort, tcp bool, likely int) policy.Process {
	inode := inodeOf(source, tcp)
	if inode == "" {
		return policy.Process{}
	}
	link := "socket:[" + inode + "]"
	if likely > 0 && hasOpen(likely, link) {
		return processOf(likely)
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return policy.Process{}
	}
	for i := len(entries) - 1; i >= 0; i-- { // what was started last asks first
		pid, err := strconv.Atoi(entries[i].Name())
		if err == nil && pid != os.Getpid() && hasOpen(pid, link) {
			return processOf(pid)
		}
	}
	return policy.Process{}
}

// inodeOf looks a socket up in the kernel's tables.
func inodeOf(source netip.AddrPort, tcp bool) string {
	table := "udp"
	if tcp {
		table = "tcp"
	}
	suffix := fmt.Sprintf(":%04X", source.Port())
	for _, name := range []string{table, table + "6"} {
		text, err := os.ReadFile("/proc/self/net/" + name)
		if err != nil {
			continue
		}
		if inode := inodeIn(text, suffix); inode != "" {
			return inode
		}
	}
	return ""
}

// inodeIn finds the socket with a local port in a table of /proc/net: the second field is the local address, the tenth
// the inode, which is 0 for a socket that nobody has open.
func inodeIn(table []byte, suffix string) string {
	const local, inode = 1, 9
	for line := range bytes.Lines(table) {
		fields := strings.Fields(string(line))
		if len(fields) > inode && strings.HasSuffix(fields[local], suffix) && fields[inode] != "0" {
			return fields[inode]
		}
	}
	return ""
}

// hasOpen tells whether a process has a file open that its descriptors' links name so.
func hasOpen(pid int, link string) bool {
	dir := "/proc/" + strconv.Itoa(pid) + "/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, entry := range entries {
		if target, err := os.Readlink(filepath.Join(dir, entry.Name())); err == nil && target == link {
			return true
		}
	}
	return false
}

// processOf describes a process.
func processOf(pid int) policy.Process {
	p, _, err := preload.Look(pid)
	if err != nil {
		return policy.Process{PID: pid}
	}
	return p
}
