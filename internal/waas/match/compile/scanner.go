package compile

import (
	"fmt"
	"strings"
)

// Scanner compiles sets of literals for [match.Scanner]; a set's index becomes its
// number. Letters are compared without regard to ASCII case. It reports an empty
// literal, and more than 65,535 sets, 65,536 nodes or 254 different bytes.
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
	sets     []uint16     // of the literals that end here
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
