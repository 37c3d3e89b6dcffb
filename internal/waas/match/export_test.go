package match

// Counts are what tests hold bounds against.
type Counts struct {
	Steps     uint64 // instructions visited
	Drops     int    // times room was made
	Simulated int    // texts finished without building states
	Bytes     int    // of the arena
	States    int
}

// Counts returns the counts since the machine was made.
func (m *Machine) Counts() Counts {
	c := Counts{Steps: m.walk.steps, Drops: m.flushes, Simulated: m.simulated}
	for _, slab := range m.mem.slabs {
		c.Bytes += 2 * len(slab)
	}
	for _, a := range m.automata {
		if a != nil {
			c.States += a.count
		}
	}
	return c
}
