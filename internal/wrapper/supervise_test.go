package wrapper

import (
	"syscall"
	"testing"
)

// TestNote: of the stops that a parent is told of, only those by job control are its business. A tracer in the same process
// makes others.
func TestNote(t *testing.T) {
	const execEvent, stopEvent = 4, 128
	stop := func(event, signal syscall.Signal) syscall.WaitStatus {
		return syscall.WaitStatus(uint32(event)<<16 | uint32(signal)<<8 | 0x7f)
	}
	const continued = syscall.WaitStatus(0xffff)
	tests := []struct {
		name              string
		statuses          []syscall.WaitStatus
		stopped, finished bool
	}{
		{"stopped by SIGSTOP", []syscall.WaitStatus{stop(0, syscall.SIGSTOP)}, true, false},
		{"stopped by the terminal", []syscall.WaitStatus{stop(0, syscall.SIGTSTP)}, true, false},
		{"stopped for reading", []syscall.WaitStatus{stop(0, syscall.SIGTTIN)}, true, false},
		{"stopped for writing", []syscall.WaitStatus{stop(0, syscall.SIGTTOU)}, true, false},
		{"a program begins", []syscall.WaitStatus{stop(execEvent, syscall.SIGTRAP)}, false, false},
		{"stopped under a tracer", []syscall.WaitStatus{stop(stopEvent, syscall.SIGSTOP)}, false, false},
		{"interrupted by a tracer", []syscall.WaitStatus{stop(stopEvent, syscall.SIGTRAP)}, false, false},
		{"about to get a signal", []syscall.WaitStatus{stop(0, syscall.SIGTERM)}, false, false},
		{"trapped", []syscall.WaitStatus{stop(0, syscall.SIGTRAP)}, false, false},
		{"continued", []syscall.WaitStatus{stop(0, syscall.SIGSTOP), continued}, false, false},
		{"looked at while stopped", []syscall.WaitStatus{stop(0, syscall.SIGSTOP), stop(execEvent, syscall.SIGTRAP)}, true, false},
		{"ended", []syscall.WaitStatus{stop(execEvent, syscall.SIGTRAP), 3 << 8}, false, true},
		{"killed", []syscall.WaitStatus{syscall.WaitStatus(syscall.SIGKILL)}, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var c child
			for _, status := range tt.statuses {
				c.note(status)
			}
			if c.stopped != tt.stopped || c.hasFinished != tt.finished {
				t.Errorf("stopped %v, finished %v", c.stopped, c.hasFinished)
			}
		})
	}
}
