package compile

import (
	"encoding/binary"
	"fmt"

	"github.com/autodefend/autodefend/internal/waas/match/layout"
)

// packing places the nodes of a trie in one array: the child of a node by a label
// stands at the node's base plus the label. Bases differ, so the label alone tells
// whose child it is. The root's base is 0.
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
		taken:    make([]bool, layout.Shallow),
		baseUsed: map[int]bool{0: true},
		lowest:   layout.Shallow,
	}
	for i := range p.taken {
		p.taken[i] = true
	}
	for _, at := range t.order {
		if at == 0 {
			for _, label := range t.nodes[0].order {
				p.place[t.nodes[0].children[label]] = int(label)
			}
			continue
		}
		p.put(&t.nodes[at], at)
	}
	return p
}

// put finds the lowest base at which all children of a node have a free place.
func (p *packing) put(n *node, at int) {
	if len(n.order) == 0 {
		return
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

// encode writes the automaton. A node without children gets a base behind
// everything, where it finds no child.
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
	return t.write(p, states, outputs, sets), nil
}

func (t *trie) write(p *packing, states []uint64, outputs *outputs, sets int) []byte {
	le := binary.LittleEndian
	out := make([]byte, layout.ScannerHeader)
	le.PutUint32(out[layout.OffScanStates:], uint32(len(states)))
	le.PutUint32(out[layout.OffScanOutputs:], uint32(len(outputs.index)))
	le.PutUint16(out[layout.OffScanSets:], uint16(sets))
	le.PutUint16(out[layout.OffScanLabels:], uint16(t.used))
	folding := t.labels
	for b := 'A'; b <= 'Z'; b++ {
		folding[b] = folding[b+'a'-'A']
	}
	out = append(out, folding[:]...)
	for _, node := range t.pairs() {
		out = le.AppendUint32(out, uint32(p.place[node]))
	}
	for _, s := range states {
		out = le.AppendUint64(out, s)
	}
	for _, i := range outputs.index {
		out = le.AppendUint32(out, uint32(i))
	}
	out = le.AppendUint32(out, uint32(len(outputs.lists)))
	return append(out, outputs.lists...)
}

// pairs lists the node after every two labels; label 0 stands for what is in no
// literal.
func (t *trie) pairs() []int {
	var nodes []int
	for one := range t.used + 1 {
		from := 0
		if child, ok := t.nodes[0].children[byte(one)]; ok {
			from = child
		}
		nodes = append(nodes, 0)
		for two := 1; two <= t.used; two++ {
			nodes = append(nodes, t.fallback(from, byte(two)))
		}
	}
	return nodes
}

// outputs numbers the different lists of sets; the empty one is 0.
type outputs struct {
	numbers map[string]int
	index   []int
	lists   []byte
}

func newOutputs() *outputs {
	return &outputs{numbers: map[string]int{"": 0}, index: []int{0}}
}

// number returns the number of a sorted list of sets.
func (o *outputs) number(sets []uint16) (int, error) {
	var list []byte
	for i := 0; i < len(sets); {
		word, bits := sets[i]/64, uint64(0)
		for ; i < len(sets) && sets[i]/64 == word; i++ {
			bits |= 1 << (sets[i] % 64)
		}
		list = binary.LittleEndian.AppendUint16(list, word)
		list = binary.LittleEndian.AppendUint64(list, bits)
	}
	n, ok := o.numbers[string(list)]
	if ok {
		return n, nil
	}
	n = len(o.index)
	if n >= layout.MaxOutputs {
		return 0, fmt.Errorf("more than %d different outputs", layout.MaxOutputs)
	}
	o.numbers[string(list)] = n
	o.index = append(o.index, len(o.lists))
	o.lists = append(o.lists, list...)
	return n, nil
}
