package kernel

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
	"golang.org/x/sys/unix"
)

// TestDeath: the supervisor stops answering in the middle of a call, and a guardian with a copy of the listener and the
// journal takes over: the call that had been received goes on too.
func TestDeath(t *testing.T) {
	journal, err := NewJournal()
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	asked, dead := make(chan struct{}, 1), make(chan struct{})
	deny := func(e policy.Event) bool {
		if e.File == "/etc/hostname" {
			asked <- struct{}{}
			<-dead // never answers while the supervisor lives
		}
		return true
	}
	s := sections(autodefend.Prevent)
	s.Files.DenyRead, s.Processes.Effect = []string{"/etc/hostname"}, autodefend.Disable
	r := begin(t, Config{Sections: s, Journal: journal}, deny, "/bin/sh", "-c", "read x < /etc/hostname; echo read; cat /etc/hostname > /dev/null && echo lives")
	<-asked
	guardian, err := unix.FcntlInt(uintptr(r.supervisor.listener.fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	passed := make(chan error, 1)
	go func() { passed <- PassThrough(guardian, journal) }()
	contains(t, r.wait(), "read\nlives")
	close(dead)
	if err := <-passed; err != nil {
		t.Error(err)
	}
	unix.Close(guardian)
}

// TestClose: with the supervisor closed and no guardian, calls fail rather than hang.
func TestClose(t *testing.T) {
	s := sections(autodefend.Prevent)
	s.Processes.Effect = autodefend.Disable
	ready := filepath.Join(openDir(t), "ready")
	r := begin(t, Config{Sections: s}, nil, "/bin/sh", "-c", ": > "+ready+"; read x; cat /etc/hostname; echo end $?")
	for {
		if _, err := os.Stat(ready); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	r.supervisor.Close()
	if err := <-r.served; err != nil {
		t.Error(err)
	}
	r.serving = false
	contains(t, r.wait(), "end ")
}
