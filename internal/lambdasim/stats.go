package lambdasim

import "maps"

// StatsKey is what calls are counted by.
type StatsKey struct {
	Account, Region, Service, Operation string
}

// Count is how often an operation was called and how it ended. Throttled and
// Failed are parts of Total; Failed counts every other answer of 400 and above
// and every lost reply.
type Count struct {
	Total, Throttled, Failed int
	mutating                 bool
}

// Stats counts the calls a world has served; it is a copy taken at one moment.
type Stats struct {
	// Calls holds a count for every operation that was called.
	Calls map[StatsKey]Count

	world *World
}

// Reset sets the counts of the world that these came from to zero.
func (s Stats) Reset() {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	s.world.stats = map[StatsKey]Count{}
}

// Mutating returns how many mutating calls were made, whatever became of them.
func (s Stats) Mutating() int {
	return s.sum(func(_ StatsKey, c Count) int {
		if !c.mutating {
			return 0
		}
		return c.Total
	})
}

// Total returns how many calls were made.
func (s Stats) Total() int {
	return s.sum(func(_ StatsKey, c Count) int { return c.Total })
}

// Throttled returns how many calls were answered by 429.
func (s Stats) Throttled() int {
	return s.sum(func(_ StatsKey, c Count) int { return c.Throttled })
}

// Operation returns how many calls of an operation were made everywhere.
func (s Stats) Operation(name string) int {
	return s.sum(func(k StatsKey, c Count) int {
		if k.Operation != name {
			return 0
		}
		return c.Total
	})
}

func (s Stats) sum(of func(StatsKey, Count) int) int {
	n := 0
	for k, c := range s.Calls {
		n += of(k, c)
	}
	return n
}

// Stats returns the counts since the world began or they were reset.
func (w *World) Stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	return Stats{Calls: maps.Clone(w.stats), world: w}
}

// count records how a call ended. Preconditions: w.mu is held.
func (w *World) count(c *call, throttled, failed bool) {
	key := StatsKey{c.Account, c.Region, c.Service, c.Operation}
	n := w.stats[key]
	n.Total++
	n.mutating = c.Mutating
	if throttled {
		n.Throttled++
	}
	if failed {
		n.Failed++
	}
	w.stats[key] = n
}
