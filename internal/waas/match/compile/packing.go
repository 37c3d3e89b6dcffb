package compile

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/autodefend/autodefend/internal/waas/match/layout"
)

// packing places the nodes of a trie that are three or more labels deep in one
// array: the child of a node by a label stands at the node's base plus the label.
// Bases differ, so the label alone tells whose child it is; only nodes with the
// same below them share a base.
type packing struct {
	trie     *trie
	outputs  *outputs
	nodes    []packed // what is written
	baseUsed []bool
	shared   map[string]int // bases, by what stands there
	lowest   [256]int       // by label: below, no base is unused and its place free
}

// packed is a node as it is written: its children are placed at base.
type packed struct {
	base, output int
	label        byte
}

func (n packed) appendTo(out []byte) []byte {
	le := binary.LittleEndian
	return append(le.AppendUint16(le.AppendUint16(out, uint16(n.base)), uint16(n.output)), n.label)
}

func nobody() packed { return packed{label: layout.NoLabel} }

func newPacking(t *trie) *packing {
	// Base 0 says that there are no children.
	return &packing{trie: t, outputs: newOutputs(), baseUsed: []bool{true}, shared: map[string]int{}}
}

// place puts the children of a node, and what is below them, into the array and
// returns their base; 0 when there are none.
func (p *packing) place(at int) (int, error) {
	n := &p.trie.nodes[at]
	if len(n.children) == 0 {
		return 0, nil
	}
	labels := slices.Sorted(maps.Keys(n.children))
	nodes := make([]packed, len(labels))
	var key []byte
	for i, label := range labels {
		child := n.children[label]
		below, err := p.place(child)
		if err != nil {
			return 0, err
		}
		out, err := p.outputs.number(p.trie.nodes[child].sets)
		if err != nil {
			return 0, err
		}
		nodes[i] = packed{below, out, label}
		key = nodes[i].appendTo(key)
	}
	base, ok := p.shared[string(key)]
	if ok {
		return base, nil
	}
	base = p.reserve(labels)
	if len(p.nodes) > layout.MaxNodes {
		return 0, fmt.Errorf("more than %d nodes", layout.MaxNodes)
	}
	p.shared[string(key)] = base
	for i, label := range labels {
		p.nodes[base+int(label)] = nodes[i]
	}
	return base, nil
}

// reserve finds the lowest unused base at which all labels have a free place.
func (p *packing) reserve(labels []byte) int {
	base := 0
	for _, label := range labels {
		for !p.fits(p.lowest[label], label) {
			p.lowest[label]++
		}
		base = max(base, p.lowest[label])
	}
	for !p.fits(base, labels...) {
		base++
	}
	for len(p.nodes) < base+layout.NoLabel+1 {
		p.nodes = append(p.nodes, nobody())
	}
	for len(p.baseUsed) <= base {
		p.baseUsed = append(p.baseUsed, false)
	}
	p.baseUsed[base] = true
	return base
}

func (p *packing) fits(base int, labels ...byte) bool {
	if base < len(p.baseUsed) && p.baseUsed[base] {
		return false
	}
	for _, label := range labels {
		if i := base + int(label); i < len(p.nodes) && p.nodes[i] != nobody() {
			return false
		}
	}
	return true
}

// pair returns the word for two labels in a row; label 0 stands for what is in no
// literal.
func (p *packing) pair(one, two byte) (packed, error) {
	root := p.trie.nodes[0].children
	var sets []uint16
	if single, ok := root[two]; ok {
		sets = append(sets, p.trie.nodes[single].sets...)
	}
	base := 0
	if first, ok := root[one]; ok {
		if at, ok := p.trie.nodes[first].children[two]; ok {
			sets = append(sets, p.trie.nodes[at].sets...)
			var err error
			if base, err = p.place(at); err != nil {
				return packed{}, err
			}
		}
	}
	out, err := p.outputs.number(sets)
	return packed{base, out, two}, err
}

// encode writes the scanner.
func (t *trie) encode(sets int) ([]byte, error) {
	if t.used > layout.MaxLabels {
		return nil, fmt.Errorf("%d different bytes, limit %d", t.used, layout.MaxLabels)
	}
	p := newPacking(t)
	var pairs []packed
	for one := range t.used + 1 {
		for two := range t.used + 1 {
			pair, err := p.pair(byte(one), byte(two))
			if err != nil {
				return nil, err
			}
			pairs = append(pairs, pair)
		}
	}
	return p.write(pairs, sets), nil
}

func (p *packing) write(pairs []packed, sets int) []byte {
	le := binary.LittleEndian
	out := make([]byte, layout.ScannerHeader)
	le.PutUint32(out[layout.OffScanNodes:], uint32(len(p.nodes)))
	le.PutUint32(out[layout.OffScanOutputs:], uint32(len(p.outputs.index)))
	le.PutUint16(out[layout.OffScanSets:], uint16(sets))
	le.PutUint16(out[layout.OffScanLabels:], uint16(p.trie.used))
	out[layout.OffScanFormat] = layout.Format
	folding := p.trie.labels
	for b := 'A'; b <= 'Z'; b++ {
		folding[b] = folding[b+'a'-'A']
	}
	out = append(out, folding[:]...)
	for _, n := range pairs {
		out = n.appendTo(out)[:len(out)+layout.PairSize]
	}
	for _, n := range p.nodes {
		out = n.appendTo(out)
	}
	for _, i := range p.outputs.index {
		out = le.AppendUint32(out, uint32(i))
	}
	out = le.AppendUint32(out, uint32(len(p.outputs.lists)))
	return append(out, p.outputs.lists...)
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

// number returns the number of a list of sets.
func (o *outputs) number(sets []uint16) (int, error) {
	sets = slices.Sorted(slices.Values(sets))
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
