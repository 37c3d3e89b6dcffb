package main

import (
	"fmt"
	"slices"

	"github.com/autodefend/autodefend/internal/waas/rules"
)

// maxNodes is what rules.NodeID can number.
const maxNodes = 1 << 8

// step is a node of the tree of chains while it grows.
type step struct {
	transform rules.Transform
	children  []*step
	id        rules.NodeID
	rules     []uint16 // indices of the rules whose first condition tests this text
}

// child returns the child with the transformation, a new one if there is none.
func (s *step) child(t rules.Transform) *step {
	for _, child := range s.children {
		if child.transform == t {
			return child
		}
	}
	child := &step{transform: t}
	s.children = append(s.children, child)
	return child
}

// tree numbers the chains of all conditions and lists at each node the rules that start there.
func tree(drafts []draft, compiled []rules.Rule) ([]rules.Node, error) {
	root := &step{}
	ends := map[*draftCondition]*step{}
	for i := range drafts {
		for j := range drafts[i].conditions {
			condition := &drafts[i].conditions[j]
			at := root
			for _, transform := range condition.chain {
				if condition.MultiMatch && j == 0 {
					at.rules = append(at.rules, uint16(i))
				}
				at = at.child(transform)
			}
			if j == 0 {
				at.rules = append(at.rules, uint16(i))
			}
			ends[condition] = at
		}
	}
	var nodes []rules.Node
	number(root, 0, &nodes, compiled)
	if len(nodes) > maxNodes {
		return nil, fmt.Errorf("%d chains of transformations, limit %d", len(nodes), maxNodes)
	}
	for i := range drafts {
		for j := range drafts[i].conditions {
			compiled[i].Conditions[j].Chain = ends[&drafts[i].conditions[j]].id
		}
	}
	return nodes, nil
}

// number appends the node and its descendants, depth first, and returns the node.
func number(s *step, parent rules.NodeID, nodes *[]rules.Node, compiled []rules.Rule) rules.Node {
	s.id = rules.NodeID(len(*nodes))
	node := rules.Node{Transform: s.transform, Parent: parent, Level: rules.Strict, Rules: s.rules}
	*nodes = append(*nodes, node)
	for _, rule := range s.rules {
		node.Variables |= compiled[rule].Variables()
		node.Level = min(node.Level, compiled[rule].Level)
	}
	slices.SortFunc(s.children, func(a, b *step) int { return int(a.transform) - int(b.transform) })
	for _, child := range s.children {
		below := number(child, s.id, nodes, compiled)
		node.Variables |= below.Variables
		node.Level = min(node.Level, below.Level)
	}
	node.End = rules.NodeID(len(*nodes))
	(*nodes)[s.id] = node
	return node
}
