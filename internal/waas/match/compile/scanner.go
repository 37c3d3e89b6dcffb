package compile

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/autodefend/autodefend/internal/waas/match/layout"
)

// Scanner compiles sets of literals into one Aho-Corasick automaton for
// [match.Scanner]; a set's index becomes its number. Letters are compared without
// regard to ASCII case. It reports an empty literal and more than 65,535 sets or
// 2^20 states.
func Scanner(sets [][]string) ([]byte, error) {
	if len(sets) >= 1<<16 {
		return nil, fmt.Errorf("compile scanner: %d sets, limit %d", len(sets), 1<<16-1)
	}
	b := newTrie()
	for n, set := range sets {
		for _, literal := range set {
			if literal == "" {
				return nil, fmt.Errorf("compile scanner: empty literal in set %d", n)
			}
			b.add(fold(literal), uint16(n))
		}
	}
	b.link()
	out, err := b.encode(len(sets))
	if err != nil {
		return nil, fmt.Errorf("compile scanner: %w", err)
	}
	return out, nil
}

// fold makes ASCII letters small, and the two other characters that are cases of
// ASCII letters too. Bytes that are no UTF-8 stay.
func fold(s string) string {
	folded := []byte(strings.ReplaceAll(strings.ReplaceAll(s, "\u017f", "s"), "\u212a", "k"))
	for i, b := range folded {
		if 'A' <= b && b <= 'Z' {
			folded[i] = b + 'a' - 'A'
		}
	}
	return string(folded)
}

// trie holds the literals letter by letter; node 0 is the root.
type trie struct {
	nodes  []node
	labels [256]uint8 // 0: in no literal
	used   int        // labels given out
}

type node struct {
	children map[byte]int // by label
	order    []byte       // labels of the children, sorted
	fail     int
	sets     []uint16 // of the literals that end here, suffixes included
}

func newTrie() *trie {
	return &trie{nodes: []node{{children: map[byte]int{}}}}
}

func (t *trie) add(literal string, set uint16) {
	at := 0
	for i := range len(literal) {
		label := t.label(literal[i])
		next, ok := t.nodes[at].children[label]
		if !ok {
			next = len(t.nodes)
			t.nodes[at].children[label] = next
			t.nodes = append(t.nodes, node{children: map[byte]int{}})
		}
		at = next
	}
	t.nodes[at].sets = append(t.nodes[at].sets, set)
}

func (t *trie) label(b byte) byte {
	if t.labels[b] == 0 {
		t.used++
		t.labels[b] = byte(t.used)
	}
	return t.labels[b]
}

// link finds, breadth first, where each node falls back to and collects the sets
// of the literals that end there too.
func (t *trie) link() {
	queue := []int{0}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		n := &t.nodes[at]
		for label := range n.children {
			n.order = append(n.order, label)
		}
		slices.Sort(n.order)
		for _, label := range n.order {
			child := n.children[label]
			if at != 0 {
				t.nodes[child].fail = t.fallback(n.fail, label)
			}
			c := &t.nodes[child]
			c.sets = append(c.sets, t.nodes[c.fail].sets...)
			slices.Sort(c.sets)
			c.sets = slices.Compact(c.sets)
			queue = append(queue, child)
		}
	}
}

func (t *trie) fallback(at int, label byte) int {
	for {
		if child, ok := t.nodes[at].children[label]; ok {
			return child
		}
		if at == 0 {
			return 0
		}
		at = t.nodes[at].fail
	}
}

// packing places the nodes in one array: the child of a node by a label stands
// at the node's base plus the label. Bases differ, so the label alone tells
// whose child it is.
type packing struct {
	place    []int // of each node
	base     []int
	taken    []bool // places
	baseUsed map[int]bool
	lowest   int // no place below is free
}

func (t *trie) pack() *packing {
	p := &packing{
		place:    make([]int, len(t.nodes)),
		base:     make([]int, len(t.nodes)),
		taken:    []bool{true},
		baseUsed: map[int]bool{},
		lowest:   1,
	}
	order := make([]int, 0, len(t.nodes))
	queue := []int{0}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		order = append(order, at)
		for _, label := range t.nodes[at].order {
			queue = append(queue, t.nodes[at].children[label])
		}
	}
	for _, at := range order {
		p.put(&t.nodes[at], at)
	}
	return p
}

// put finds the lowest base at which all children of a node have a free place.
func (p *packing) put(n *node, at int) {
	if len(n.order) == 0 {
		return // base 0 is the root's: no label of its children is taken for a child
	}
	base := max(0, p.lowest-int(n.order[0]))
	for p.baseUsed[base] || !p.fits(base, n.order) {
		base++
	}
	p.baseUsed[base] = true
	p.base[at] = base
	for _, label := range n.order {
		i := base + int(label)
		for i >= len(p.taken) {
			p.taken = append(p.taken, false)
		}
		p.taken[i] = true
		p.place[n.children[label]] = i
	}
	for p.lowest < len(p.taken) && p.taken[p.lowest] {
		p.lowest++
	}
}

func (p *packing) fits(base int, labels []byte) bool {
	for _, label := range labels {
		if i := base + int(label); i < len(p.taken) && p.taken[i] {
			return false
		}
	}
	return true
}

// encode writes the automaton. A node without children gets a base of its own,
// behind everything, where it finds no child.
func (t *trie) encode(sets int) ([]byte, error) {
	p := t.pack()
	barren := len(p.taken)
	size := barren + 256
	if size >= layout.MaxStates {
		return nil, fmt.Errorf("%d states, limit %d", size, layout.MaxStates)
	}
	states := make([]uint64, size)
	outputs := newOutputs()
	for at := range t.nodes {
		n := &t.nodes[at]
		base := p.base[at]
		if len(n.order) == 0 {
			base = barren
		}
		out, err := outputs.number(n.sets)
		if err != nil {
			return nil, err
		}
		states[p.place[at]] |= uint64(base) | uint64(p.place[n.fail])<<layout.FailShift | uint64(out)<<layout.OutShift
		for _, label := range n.order {
			states[p.place[n.children[label]]] |= uint64(label) << layout.LabelShift
		}
	}
	return t.write(states, outputs, sets), nil
}

func (t *trie) write(states []uint64, outputs *outputs, sets int) []byte {
	le := binary.LittleEndian
	out := make([]byte, layout.ScannerHeader)
	le.PutUint32(out[layout.OffScanStates:], uint32(len(states)))
	le.PutUint32(out[layout.OffScanOutputs:], uint32(len(outputs.index)))
	le.PutUint32(out[layout.OffScanLists:], uint32(len(outputs.lists)))
	le.PutUint16(out[layout.OffScanSets:], uint16(sets))
	le.PutUint16(out[layout.OffScanLabels:], uint16(t.used))
	folding := t.labels
	for b := 'A'; b <= 'Z'; b++ {
		folding[b] = folding[b+'a'-'A']
	}
	out = append(out, folding[:]...)
	for _, s := range states {
		out = le.AppendUint64(out, s)
	}
	for _, i := range outputs.index {
		out = le.AppendUint32(out, uint32(i))
	}
	out = le.AppendUint32(out, uint32(len(outputs.lists)))
	for _, set := range outputs.lists {
		out = le.AppendUint16(out, set)
	}
	return out
}

// outputs numbers the different lists of sets; the empty one is 0.
type outputs struct {
	numbers map[string]int
	index   []int
	lists   []uint16
}

func newOutputs() *outputs {
	return &outputs{numbers: map[string]int{"": 0}, index: []int{0}}
}

func (o *outputs) number(sets []uint16) (int, error) {
	var key []byte
	for _, s := range sets {
		key = binary.LittleEndian.AppendUint16(key, s)
	}
	n, ok := o.numbers[string(key)]
	if ok {
		return n, nil
	}
	n = len(o.index)
	if n >= layout.MaxOutputs {
		return 0, fmt.Errorf("more than %d different outputs", layout.MaxOutputs)
	}
	o.numbers[string(key)] = n
	o.index = append(o.index, len(o.lists))
	o.lists = append(o.lists, sets...)
	return n, nil
}
