package match

import (
	"slices"

	"github.com/autodefend/autodefend/internal/waas/match/layout"
)

// Entries of a transition row. Those from special on are no states.
const (
	unknown   = 0xffff // not worked out yet
	hit       = 0xfffe // a match ends with the character just read
	hitBefore = 0xfffd // a match ended before that character
	dead      = 0xfffc // nothing can match any more
	special   = dead
)

// maxBlock bounds each of an automaton's blocks; an automaton that needs more
// starts afresh.
const maxBlock = 1 << slabLog

// automaton is the deterministic automaton of one expression, as far as texts
// have made it necessary. A state is a set of leaves, without those of the seed,
// and the kind of character before it where that matters.
type automaton struct {
	view
	seeds    [layout.Kinds]*seed
	oneSeed  bool // seeds are all the same and no kind matters to them
	anchored bool // a match can begin only at the beginning of the text
	stride   int  // entries in a row: classes and the end of the text

	rows   []uint16 // transition rows
	leaves []uint16 // the sets, one after another
	info   []uint16 // two per state: where its set begins, its kind; one more at the end
	table  []uint16 // hash table of states; unknown where it is empty
	count  int
	starts [layout.Kinds]uint16 // the state without leaves, by kind, or unknown
}

func newAutomaton(p Program, w *walk) *automaton {
	a := &automaton{view: p.view()}
	a.forget()
	a.stride = a.classes + 1
	s, asked := w.newSeed(&a.view, layout.KindOther)
	a.oneSeed = !asked && !s.waits
	for kind := range a.seeds {
		a.seeds[kind] = s
		if !a.oneSeed && kind != layout.KindOther {
			a.seeds[kind], _ = w.newSeed(&a.view, uint8(kind))
		}
	}
	a.anchored = true
	for kind, s := range a.seeds {
		if kind != layout.KindBegin && (len(s.leaves) > 0 || s.matched) {
			a.anchored = false
		}
	}
	return a
}

// forget drops all states; the blocks have been released or are about to be.
func (a *automaton) forget() {
	a.rows, a.leaves, a.info, a.table = nil, nil, nil, nil
	a.count = 0
	a.starts = [layout.Kinds]uint16{unknown, unknown, unknown, unknown}
}

func (a *automaton) release(to *arena) {
	to.release(a.rows)
	to.release(a.leaves)
	to.release(a.info)
	to.release(a.table)
	a.forget()
}

// set returns the leaves of a state.
func (a *automaton) set(state uint16) []uint16 {
	i := 2 * int(state)
	return a.leaves[a.info[i]:a.info[i+2]]
}

func (a *automaton) kind(state uint16) uint8 {
	return uint8(a.info[2*int(state)+1])
}

// entry is where a state's transition on a class stands in rows.
func (a *automaton) entry(state uint16, class int) int {
	return int(state)*a.stride + class
}

// intern returns the state with these leaves after a character of the kind,
// making it when it is new. leaves is sorted. The result is false when there is no room.
func (a *automaton) intern(mem *arena, leaves []uint16, kind uint8) (uint16, bool) {
	kind = a.canonical(leaves, kind)
	h := hashOf(leaves, kind)
	if len(a.table) > 0 {
		mask := uint32(len(a.table) - 1)
		for i := h & mask; a.table[i] != unknown; i = (i + 1) & mask {
			s := a.table[i]
			if a.kind(s) == kind && slices.Equal(a.set(s), leaves) {
				return s, true
			}
		}
	}
	if !a.grow(mem, len(leaves)) {
		return 0, false
	}
	state := uint16(a.count)
	a.count++
	i := 2 * int(state)
	at := int(a.info[i])
	copy(a.leaves[at:], leaves)
	a.info[i+1] = uint16(kind)
	a.info[i+2] = uint16(at + len(leaves))
	row := a.entry(state, 0)
	fill(a.rows[row : row+a.stride])
	a.insert(state, h)
	return state, true
}

// canonical forgets the kind where neither the leaves nor the seed depend on it.
func (a *automaton) canonical(leaves []uint16, kind uint8) uint8 {
	if !a.oneSeed {
		return kind
	}
	for _, pc := range leaves {
		if op, _, _ := a.at(pc); op == layout.OpEmpty {
			return kind
		}
	}
	return layout.KindOther
}

func (a *automaton) insert(state uint16, h uint32) {
	mask := uint32(len(a.table) - 1)
	i := h & mask
	for a.table[i] != unknown {
		i = (i + 1) & mask
	}
	a.table[i] = state
}

// grow makes room for one more state with n leaves.
func (a *automaton) grow(mem *arena, n int) bool {
	if a.count >= special {
		return false
	}
	used := 0
	if a.count > 0 {
		used = int(a.info[2*a.count])
	}
	if used+n >= 1<<16 {
		return false
	}
	fresh := a.info == nil
	grown := extend(mem, &a.rows, a.count*a.stride, (a.count+1)*a.stride) &&
		extend(mem, &a.leaves, used, used+n) &&
		extend(mem, &a.info, 2*a.count+1, 2*a.count+3)
	if !grown {
		return false
	}
	if fresh {
		a.info[0] = 0
	}
	return a.growTable(mem)
}

// growTable keeps the table at most half full.
func (a *automaton) growTable(mem *arena) bool {
	if 2*(a.count+1) <= len(a.table) {
		return true
	}
	n := max(2*len(a.table), 1<<smallestLog)
	if n > maxBlock {
		return false
	}
	table := mem.alloc(n)
	if table == nil {
		return false
	}
	fill(table)
	mem.release(a.table)
	a.table = table
	for s := range a.count {
		state := uint16(s)
		a.insert(state, hashOf(a.set(state), a.kind(state)))
	}
	return true
}

// extend makes a block hold need numbers and keeps the first used ones.
func extend(mem *arena, block *[]uint16, used, need int) bool {
	if need <= len(*block) {
		return true
	}
	if need > maxBlock {
		return false
	}
	larger := mem.alloc(max(need, min(2*len(*block), maxBlock)))
	if larger == nil {
		return false
	}
	copy(larger, (*block)[:min(used, len(*block))])
	mem.release(*block)
	*block = larger
	return true
}

// fill makes all entries unknown.
func fill(entries []uint16) {
	for i := range entries {
		entries[i] = unknown
	}
}

func hashOf(leaves []uint16, kind uint8) uint32 {
	h := uint32(kind) + 0x9e3779b9
	for _, pc := range leaves {
		h = (h ^ uint32(pc)) * 0x01000193
		h ^= h >> 15
	}
	return h
}
