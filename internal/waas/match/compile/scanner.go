package compile

import (
	"fmt"
	"slices"
	"strings"
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
	order  []int      // nodes, breadth first
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
		t.order = append(t.order, at)
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
