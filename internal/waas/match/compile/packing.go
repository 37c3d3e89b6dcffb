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
// Bases differ, so the label alone tells whose child it is.
type packing struct {
	trie     *trie
	outputs  *outputs
	words    []uint64 // what is written
	baseUsed map[int]bool
	lowest   int // no place below is free
}

const emptyNode = uint64(layout.NoLabel) << layout.LabelShift

// nodeAt returns the word of a node whose children are placed at base.
func nodeAt(base, label, output int) uint64 {
	return uint64(base) | uint64(label)<<layout.LabelShift | uint64(output)<<layout.OutShift
}

// place finds the lowest base at which all children of a node have a free place,
// puts them there and returns it; 0 when there are none.
func (p *packing) place(at int) (int, error) {
	n := &p.trie.nodes[at]
	if len(n.children) == 0 {
		return 0, nil
	}
	labels := slices.Sorted(maps.Keys(n.children))
	base := max(1, p.lowest-int(labels[0]))
	for p.baseUsed[base] || !p.fits(base, labels) {
		base++
	}
	p.baseUsed[base] = true
	for len(p.words) < base+layout.NoLabel+1 {
		p.words = append(p.words, emptyNode)
	}
	for _, label := range labels {
		p.words[base+int(label)] = nodeAt(0, int(label), 0)
	}
	for p.lowest < len(p.words) && p.words[p.lowest] != emptyNode {
		p.lowest++
	}
	for _, label := range labels {
		child := n.children[label]
		below, err := p.place(child)
		if err != nil {
			return 0, err
		}
		out, err := p.outputs.number(p.trie.nodes[child].sets)
		if err != nil {
			return 0, err
		}
		p.words[base+int(label)] = nodeAt(below, int(label), out)
	}
	return base, nil
}

func (p *packing) fits(base int, labels []byte) bool {
	for _, label := range labels {
		if i := base + int(label); i < len(p.words) && p.words[i] != emptyNode {
			return false
		}
	}
	return true
}

// pair returns the word for two labels in a row; label 0 stands for what is in no
// literal.
func (p *packing) pair(one, two byte) (uint64, error) {
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
				return 0, err
			}
		}
	}
	out, err := p.outputs.number(sets)
	return nodeAt(base, 0, out), err
}

// encode writes the scanner.
func (t *trie) encode(sets int) ([]byte, error) {
	if t.used > layout.MaxLabels {
		return nil, fmt.Errorf("%d different bytes, limit %d", t.used, layout.MaxLabels)
	}
	p := &packing{trie: t, outputs: newOutputs(), baseUsed: map[int]bool{}, lowest: 1}
	var pairs []uint64
	for one := range t.used + 1 {
		for two := range t.used + 1 {
			pair, err := p.pair(byte(one), byte(two))
			if err != nil {
				return nil, err
			}
			pairs = append(pairs, pair)
		}
	}
	if len(p.words) > layout.MaxNodes {
		return nil, fmt.Errorf("%d nodes, limit %d", len(p.words), layout.MaxNodes)
	}
	return p.write(pairs, sets), nil
}

func (p *packing) write(pairs []uint64, sets int) []byte {
	le := binary.LittleEndian
	out := make([]byte, layout.ScannerHeader)
	le.PutUint32(out[layout.OffScanNodes:], uint32(len(p.words)))
	le.PutUint32(out[layout.OffScanOutputs:], uint32(len(p.outputs.index)))
	le.PutUint16(out[layout.OffScanSets:], uint16(sets))
	le.PutUint16(out[layout.OffScanLabels:], uint16(p.trie.used))
	folding := p.trie.labels
	for b := 'A'; b <= 'Z'; b++ {
		folding[b] = folding[b+'a'-'A']
	}
	out = append(out, folding[:]...)
	for _, w := range append(pairs, p.words...) {
		out = le.AppendUint64(out, w)
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
