package kernel

import (
	"sync"

	"golang.org/x/sys/unix"
)

// umaskLock serialises what makes files with the mask of somebody else: the mask belongs to the whole process.
//
//nolint:gochecknoglobals // so does what it guards
var umaskLock sync.Mutex

// withUmask makes something with the mask of a thread under the filter.
func (s *Supervisor) withUmask(tid int, make func() (int, error)) (int, error) {
	umaskLock.Lock()
	defer umaskLock.Unlock()
	former := unix.Umask(int(umaskOf(tid)))
	defer unix.Umask(former)
	return make()
}
