package consoletest

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/store"
)

// TestBrokenDisk fills the disk up, breaks it and makes it read-only: writing is refused for now, reading goes on, and
// when the disk is well again so is the store, without having been opened again.
func TestBrokenDisk(t *testing.T) {
	for name, errno := range map[string]syscall.Errno{"full": syscall.ENOSPC, "broken": syscall.EIO, "read-only": syscall.EROFS} {
		t.Run(name, func(t *testing.T) {
			disk := mountForgetful(t)
			s, err := store.Open(t.Context(), store.Config{Address: filepath.Join(disk.dir, "console.db")})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}()
			put := func(id string) error {
				_, err := s.AppendAudits(t.Context(), []api.AuditRecord{audit(id)})
				return err
			}
			if err := put("before"); err != nil {
				t.Fatal(err)
			}
			disk.breakDisk(t, errno)
			for range 20 {
				if err := put("during"); autodefend.ErrorCode(err) != autodefend.CodeUnavailable {
					t.Fatalf("an audit to a disk that is %s: %v", name, err)
				}
				if there := storedAudits(t.Context(), t, s); len(there) != 1 || there["before"] != 1 {
					t.Fatalf("read meanwhile: %v", there)
				}
			}
			disk.breakDisk(t, 0)
			for _, id := range []string{"during", "after"} {
				if err := put(id); err != nil {
					t.Fatalf("an audit to the disk that is well again: %v", err)
				}
			}
			if there := storedAudits(t.Context(), t, s); len(there) != 3 {
				t.Errorf("in the end there are %v", there)
			}
		})
	}
}
