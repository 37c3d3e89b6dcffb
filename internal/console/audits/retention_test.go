package audits

import (
	"testing"
	"time"

	"github.com/autodefend/autodefend/internal/api"
)

// TestIncidentsExpire: an incident goes when none of the audits that it may have gathered is left, however many there are.
func TestIncidentsExpire(t *testing.T) {
	for age, want := range map[time.Duration][]string{0: {"a", "b", "c"}, 10 * 24 * time.Hour: {"c"}} {
		b := start(t, func(c *Config) { c.Keep = Keep{Age: age} })
		last := b.clock.Now().Add(-10*24*time.Hour - incidentWindow)
		for id, at := range map[string]time.Time{"a": last.Add(-time.Hour), "b": last.Add(-time.Millisecond), "c": last} {
			if err := b.memory.PutIncident(t.Context(), api.Incident{ID: id, Time: at, Acknowledged: id == "b"}); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Expire(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, id := range want {
			if _, ok := b.memory.incidents[id]; !ok || len(b.memory.incidents) != len(want) {
				t.Errorf("kept for %s: %d incidents are left, %s among them: %t", age, len(b.memory.incidents), id, ok)
			}
		}
	}
}
