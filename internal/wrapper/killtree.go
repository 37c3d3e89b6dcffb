package wrapper

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// KillTree ends a process and all that descend from it. They are stopped first, round by round, so that none can have
// another child while we look. One that was adopted by another parent before is not found.
func KillTree(pid int) {
	if pid <= 1 {
		return
	}
	const rounds = 8
	stopped := map[int]bool{}
	for range rounds {
		fresh := descendants(pid, stopped)
		for _, victim := range fresh {
			_ = syscall.Kill(victim, syscall.SIGSTOP)
			stopped[victim] = true
		}
		if len(fresh) == 0 {
			break
		}
	}
	for victim := range stopped {
		_ = syscall.Kill(victim, syscall.SIGKILL)
	}
}

// killGroup ends this process and its whole group, when it leads one. That is so in Lambda.
func killGroup() {
	if syscall.Getpgrp() == syscall.Getpid() {
		_ = syscall.Kill(0, syscall.SIGKILL)
	}
}

// descendants lists root and what descends from it or from a process in known, parents first.
func descendants(root int, known map[int]bool) []int {
	children := map[int][]int{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return []int{root}
	}
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			if parent := parentOf(pid); parent > 0 {
				children[parent] = append(children[parent], pid)
			}
		}
	}
	queue := []int{root}
	for pid := range known {
		queue = append(queue, pid)
	}
	for i := 0; i < len(queue); i++ {
		queue = append(queue, children[queue[i]]...)
	}
	var fresh []int
	for _, pid := range queue {
		if !known[pid] {
			fresh = append(fresh, pid)
		}
	}
	return fresh
}

// parentOf returns 0 for a process that is gone.
func parentOf(pid int) int {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	text := string(stat)
	fields := strings.Fields(text[strings.LastIndex(text, ")")+1:])
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(fields[1])
	return parent
}
