//go:build linux

package runner

import (
	"os"
	"syscall"
	"time"
)

// measureEvery is how often memory is measured where no cgroup does it.
const measureEvery = 25 * time.Millisecond

// measure obeys kindMeasure: a limit above 0 begins measuring, 0 ends it and
// answers the most that was seen so far. Processes that pass the limit are ended,
// which is told at once.
func (a *agent) measure() {
	var limit, most int64
	ticker := time.NewTicker(measureEvery)
	ticker.Stop()
	defer ticker.Stop()
	for {
		select {
		case limit = <-a.measures:
			most = max(most, a.residentBytes())
			if limit > 0 {
				ticker.Reset(measureEvery)
				continue
			}
			ticker.Stop()
			a.say(message{Kind: kindMeasured, Bytes: most})
		case <-ticker.C:
			most = max(most, a.residentBytes())
			if most > limit {
				ticker.Stop()
				a.say(message{Kind: kindMeasured, Bytes: limit, Over: true})
				a.everybody(syscall.SIGKILL)
				most = 0
			}
		}
	}
}

// residentBytes returns the memory of all processes of the sandbox but this
// one.
func (a *agent) residentBytes() int64 {
	self, total := os.Getpid(), int64(0)
	if self != 1 {
		for _, pid := range descendants(self) {
			total += residentBytes(pid)
		}
		return total
	}
	for pid := range processes() {
		if pid != self {
			total += residentBytes(pid)
		}
	}
	return total
}
