package fleet

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/autodefend/autodefend/internal/plan"
)

func TestRunID(t *testing.T) {
	start := time.Date(2026, 12, 31, 23, 59, 58, 999, time.FixedZone("east", 3600))
	if got := RunID(start, 0); got != "20261231T225958-0000" {
		t.Errorf("RunID = %q, want UTC to the second", got)
	}
	form := regexp.MustCompile(`^\d{8}T\d{6}-[0-9a-z]{4}$`)
	var ids []string
	for i := range 100 {
		id := RunID(start.Add(time.Duration(i)*time.Second), uint64(1)<<63-uint64(i)*7919)
		if len(id) != plan.RunIDLength || !form.MatchString(id) {
			t.Errorf("RunID = %q with %d characters, want %d of the form %s", id, len(id), plan.RunIDLength, form)
		}
		ids = append(ids, id)
	}
	if !slices.IsSorted(ids) {
		t.Error("the ids of later runs don't sort after those of earlier ones")
	}
}

// TestRunIDSpreads: runs that start in the same second have different ids.
func TestRunIDSpreads(t *testing.T) {
	seen := map[string]bool{}
	for i := range 4096 {
		seen[RunID(time.Time{}, uint64(i)*257)] = true
	}
	if len(seen) != 4096 {
		t.Errorf("%d different ids, want 4096", len(seen))
	}
}
