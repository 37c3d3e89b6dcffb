//go:build linux

package runner

import (
	"os"
	"strconv"
)

// memory limits and measures the memory of a sandbox: by a cgroup, or by
// looking at its processes.
type memory struct {
	sandbox *sandbox
	limit   int64 // bytes; 0 is none
	group   *cgroup
	// kills is how many processes the kernel has ended for want of memory.
	kills int64
	// joins are the files by which a process joins the group.
	joins []*os.File
}

// openMemory prepares a limit in MiB; 0 is none. What this machine doesn't
// permit is noted in the sandbox's isolation.
func openMemory(s *sandbox, mb int) *memory {
	m := &memory{sandbox: s, limit: int64(mb) << 20}
	if mb == 0 {
		return m
	}
	if m.group = memoryCgroup(m.limit); m.group != nil {
		if f, err := m.group.join(); err == nil {
			m.joins = append(m.joins, f)
			s.isolation.MemoryCgroup = true
			return m
		}
	}
	s.isolation.missing("memory is watched, not limited by the kernel: no memory cgroup can be made here")
	return m
}

// memoryCgroup makes a group with a limit, or returns nil.
func memoryCgroup(limit int64) *cgroup {
	text := strconv.FormatInt(limit, 10)
	if g := newCgroup("", "memory.max"); g != nil {
		if g.write("memory.max", text) == nil {
			_ = g.write("memory.swap.max", "0") // absent without swap accounting
			return g
		}
		_ = g.remove()
	}
	if g := newCgroup("memory", "memory.limit_in_bytes"); g != nil {
		if g.write("memory.limit_in_bytes", text) == nil {
			_ = g.write("memory.memsw.limit_in_bytes", text)
			return g
		}
		_ = g.remove()
	}
	return nil
}

// begin begins to watch, where that is needed.
func (m *memory) begin() error {
	if m.limit == 0 || m.joined() {
		return nil
	}
	return m.sandbox.control.send(message{Kind: kindMeasure, Bytes: m.limit})
}

// joined reports whether a cgroup limits the memory.
func (m *memory) joined() bool { return len(m.joins) > 0 }

// end ends watching. It returns the most memory that was in use, in bytes, and
// whether the limit was passed since the last time.
func (m *memory) end() (int64, bool) {
	switch {
	case m.limit == 0:
		return 0, false
	case m.joined():
		before := m.kills
		m.kills = m.group.kills()
		return m.group.peak(), m.kills > before
	}
	return m.sandbox.measuredMemory()
}

// measuredMemory asks the sandbox's first process for what it measured.
func (s *sandbox) measuredMemory() (int64, bool) {
	if err := s.control.send(message{Kind: kindMeasure}); err != nil {
		return 0, false
	}
	most := int64(0)
	select {
	case most = <-s.measured:
	case <-s.ended:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	over := s.over
	s.over = false
	return most, over
}

// peak returns the most memory that the group had in use, in bytes.
func (g *cgroup) peak() int64 {
	if !g.unified {
		return g.number("memory.max_usage_in_bytes", "")
	}
	if n := g.number("memory.peak", ""); n > 0 {
		return n
	}
	return g.number("memory.current", "") // before Linux 5.19
}

// kills returns how many processes of the group the kernel has ended for want
// of memory.
func (g *cgroup) kills() int64 {
	if g.unified {
		return g.number("memory.events", "oom_kill")
	}
	return g.number("memory.oom_control", "oom_kill")
}

// close removes the group.
// Preconditions: the sandbox has ended.
func (m *memory) close() error {
	closeAll(m.joins)
	if m.group == nil {
		return nil
	}
	return m.group.remove()
}
