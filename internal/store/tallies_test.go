package store

import (
	"database/sql"
	"maps"
	"slices"
	"testing"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// unpacked are the counts of a row.
func unpacked(t interface{ Fatal(args ...any) }, part int64, packed []byte) map[int64]int64 {
	counts := make(map[int64]int64)
	if err := eachPacked(part, packed, func(key, n int64) { counts[key] = n }); err != nil {
		t.Fatal(err)
	}
	return counts
}

// TestMerged: a row after any additions and removals has what a map has.
func TestMerged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.Int64Range(0, 1<<40).Draw(t, "part")
		want, packed := make(map[int64]int64), []byte(nil)
		for range rapid.IntRange(1, 6).Draw(t, "times") {
			change := rapid.MapOf(rapid.Int64Range(0, 1<<partBits-1), rapid.Int64Range(-3, 1<<40)).Draw(t, "change")
			var added []counted
			for _, low := range slices.Sorted(maps.Keys(change)) {
				key := part<<partBits + low
				n := max(change[low], -want[key]) // nothing that isn't there is taken off
				added = append(added, counted{countKey{key: key}, n})
				if want[key] += n; want[key] == 0 {
					delete(want, key)
				}
			}
			var err error
			if packed, err = merged(part, packed, added); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, unpacked(t, part, packed)); diff != "" {
				t.Fatalf("counts (-want +got):\n%s", diff)
			}
		}
	})
}

// FuzzPacked: bytes that aren't counts are refused, and those that are mean the same when they are written again.
func FuzzPacked(f *testing.F) {
	f.Add(int64(3), pack(3, []keyCount{{3 << partBits, 1}, {3<<partBits + 7, 1 << 60}, {4<<partBits - 1, 300}}))
	f.Add(int64(0), []byte{1})
	f.Add(int64(0), []byte{0xff, 0x7f, 1, 1, 1})
	f.Add(int64(1), []byte{1, 0x80})
	f.Add(int64(1), []byte{1, 0})
	f.Fuzz(func(t *testing.T, part int64, packed []byte) {
		part &= 1<<50 - 1
		var all []keyCount
		if eachPacked(part, packed, func(key, n int64) { all = append(all, keyCount{key, n}) }) != nil {
			return
		}
		for i, c := range all {
			if c.key>>partBits != part || c.n <= 0 || i > 0 && c.key < all[i-1].key {
				t.Fatalf("part %d has %+v", part, all)
			}
		}
		var again []keyCount
		err := eachPacked(part, pack(part, all), func(key, n int64) { again = append(again, keyCount{key, n}) })
		if diff := cmp.Diff(all, again, cmp.AllowUnexported(keyCount{})); err != nil || diff != "" {
			t.Errorf("%v, (-want +got):\n%s", err, diff)
		}
	})
}

// TestCountsAreMadeAnew: a database from before the counts were packed has the same ones afterwards.
func TestCountsAreMadeAnew(t *testing.T) {
	eachDialect(t, func(t *testing.T, c Config) {
		c.uncounted = 100
		s, err := Open(t.Context(), c)
		must(t, err)
		m := filled(t, s, 2500)
		must(t, s.Close())
		with(t, c, func(db *sql.DB, _ dialect) {
			for _, query := range []string{
				"DROP TABLE audit_tallies", "CREATE TABLE audit_counts (tier bigint, bucket bigint, key bigint, count bigint)", "DELETE FROM schema_versions WHERE version >= 5",
			} {
				_, err := db.Exec(query)
				must(t, err)
			}
		})
		s = open(t, c)
		for _, column := range []string{"type", "rule", "function"} {
			q := api.AuditQuery{Stream: api.StreamRuntime}
			got, err := s.Tally(t.Context(), q, column, 0)
			must(t, err)
			if diff := cmp.Diff(m.tally(q, column), got); diff != "" {
				t.Errorf("by %s (-want +got):\n%s", column, diff)
			}
		}
		var behind int64
		must(t, s.db.QueryRow("SELECT a.value - c.value FROM counters a, counters c WHERE a.name = 'audit' AND c.name = 'counted'").Scan(&behind))
		if behind >= c.uncounted {
			t.Errorf("%d are not counted", behind)
		}
	})
}
